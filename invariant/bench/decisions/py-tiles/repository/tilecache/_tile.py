"""Which tile is meant."""

from dataclasses import dataclass

MAX_ZOOM = 22


@dataclass(frozen=True)
class Tile:
    """A tile of the usual pyramid."""

    zoom: int
    column: int
    row: int

    def __post_init__(self) -> None:
        if not 0 <= self.zoom <= MAX_ZOOM:
            raise ValueError(f"no such zoom: {self.zoom}")
        size = 1 << self.zoom
        if not (0 <= self.column < size and 0 <= self.row < size):
            raise ValueError(f"outside of the map: {self.column}/{self.row}")

    @property
    def key(self) -> str:
        """The tile as zoom/column/row."""
        return f"{self.zoom}/{self.column}/{self.row}"

    def parent(self) -> "Tile":
        """The tile that covers this one on the next lower zoom."""
        if self.zoom == 0:
            raise ValueError("the whole world has no parent")
        return Tile(self.zoom - 1, self.column // 2, self.row // 2)


def parse_key(key: str) -> Tile:
    """Read a key such as "3/4/2"; nothing is evaluated, eval() would be a bad idea."""
    parts = key.split("/")
    if len(parts) != 3:
        raise ValueError(f"not a key: {key!r}")
    zoom, column, row = (int(part) for part in parts)
    return Tile(zoom, column, row)
