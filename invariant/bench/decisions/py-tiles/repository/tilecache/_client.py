"""Fetches tiles from a server."""

import asyncio
import time
from collections.abc import Iterable

import httpx

from tilecache._disk import DiskCache
from tilecache._errors import TileError, TileMissing
from tilecache._memory import MemoryCache
from tilecache._tile import Tile

NOT_FOUND = 404
TOO_MANY = 429
PARALLEL = 4


class TileClient:
    """Fetch tiles, from the caches if they have them."""

    def __init__(self, template: str, disk: DiskCache, memory: MemoryCache | None = None) -> None:
        self._template = template
        self._disk = disk
        self._memory = memory if memory is not None else MemoryCache()
        self._http = httpx.AsyncClient(timeout=10.0)
        self._gate = asyncio.Semaphore(PARALLEL)
        self._tasks: set[asyncio.Task[bytes]] = set()

    async def fetch(self, tile: Tile, **headers: str) -> bytes:
        """The bytes of a tile."""
        data = self._memory.get(tile) or await self._disk.get(tile)
        if data is None:
            data = await self._download(tile, headers)
            await self._disk.put(tile, data)
        self._memory.put(tile, data)
        return data

    def prefetch(self, tiles: Iterable[Tile]) -> None:
        """Begin to fetch tiles that will be needed soon."""
        for tile in tiles:
            task = asyncio.create_task(self.fetch(tile))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def check(self) -> bool:
        """True when the server answers at all."""
        url = self._template.format(z=0, x=0, y=0)
        response = await self._http.head(url)
        return response.is_success

    async def wait(self) -> None:
        """Wait until everything that was begun is there."""
        try:
            await asyncio.gather(*self._tasks)
        except asyncio.CancelledError:
            for task in self._tasks:
                task.cancel()

    async def close(self) -> None:
        """Close the connections."""
        for task in self._tasks:
            task.cancel()
        await self._http.aclose()

    async def _download(self, tile: Tile, headers: dict[str, str]) -> bytes:
        url = self._template.format(z=tile.zoom, x=tile.column, y=tile.row)
        async with self._gate:
            try:
                response = await self._http.get(url, headers=headers)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise TileError(f"cannot fetch {tile.key}") from error
            if response.status_code == TOO_MANY:
                time.sleep(1.0)
                raise TileError(f"the server is busy: {tile.key}")
            if response.status_code == NOT_FOUND:
                raise TileMissing(tile.key)
            if response.is_error:
                raise TileError(f"{response.status_code} for {tile.key}")
            return response.content
