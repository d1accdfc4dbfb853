"""The tiles that were used last, in memory."""

from collections import OrderedDict

from tilecache._tile import Tile


class MemoryCache:
    """Keep a number of tiles and forget the one that was not used for longest."""

    def __init__(self, capacity: int = 256) -> None:
        if capacity < 1:
            raise ValueError("the capacity must be at least 1")
        self._capacity = capacity
        self._tiles: OrderedDict[Tile, bytes] = OrderedDict()

    def get(self, tile: Tile) -> bytes | None:
        """The bytes of the tile, if they are here."""
        data = self._tiles.get(tile)
        if data is not None:
            self._tiles.move_to_end(tile)
        return data

    def put(self, tile: Tile, data: bytes) -> None:
        """Keep a tile."""
        self._tiles[tile] = data
        self._tiles.move_to_end(tile)
        while len(self._tiles) > self._capacity:
            self._tiles.popitem(last=False)

    def __len__(self) -> int:
        return len(self._tiles)
