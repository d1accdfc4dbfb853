"""Fetch map tiles and keep them on disk."""

from tilecache._client import TileClient
from tilecache._disk import DiskCache
from tilecache._errors import TileError, TileMissing
from tilecache._memory import MemoryCache
from tilecache._tile import Tile, parse_key

__all__ = [
    "DiskCache",
    "MemoryCache",
    "Tile",
    "TileClient",
    "TileError",
    "TileMissing",
    "parse_key",
]
