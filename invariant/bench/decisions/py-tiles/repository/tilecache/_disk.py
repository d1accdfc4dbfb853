"""The tiles on disk."""

import asyncio
import hashlib
import os
import pickle
from pathlib import Path

from tilecache._errors import TileError
from tilecache._tile import Tile


class DiskCache:
    """A folder with one file for each tile."""

    def __init__(self, folder: Path, style: str = "default") -> None:
        self._folder = folder
        self._style = style
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, tile: Tile) -> Path:
        """Where the tile lies."""
        name = hashlib.sha256(f"{self._style}:{tile.key}".encode()).hexdigest()
        return self._folder / name[:2] / name

    async def get(self, tile: Tile) -> bytes | None:
        """The bytes of the tile, if they are here."""
        return await asyncio.to_thread(self._read, tile)

    async def put(self, tile: Tile, data: bytes) -> None:
        """Keep a tile."""
        try:
            await asyncio.to_thread(self._write, tile, data)
        except OSError as error:
            raise TileError(f"cannot keep {tile.key}") from error

    async def etags(self) -> dict[str, str]:
        """The entity tags that were kept with the tiles."""
        index = self._folder / "etags"
        if not index.exists():
            return {}
        with open(index, "rb") as file:
            return pickle.load(file)

    def _read(self, tile: Tile) -> bytes | None:
        try:
            return self.path(tile).read_bytes()
        except FileNotFoundError:
            return None

    def _write(self, tile: Tile, data: bytes) -> None:
        path = self.path(tile)
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_suffix(".part")
        temporary.write_bytes(data)
        os.replace(temporary, path)
