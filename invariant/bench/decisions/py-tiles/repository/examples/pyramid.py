"""Prefetch a tile with everything above it."""

import asyncio
from pathlib import Path

from tilecache import DiskCache, TileClient, TileMissing, parse_key
from tilecache._tile import MAX_ZOOM


async def main() -> None:
    client = TileClient("https://tiles.example.org/{z}/{x}/{y}.png", DiskCache(Path("tiles")))
    tile = parse_key("5/16/10")
    tiles = [tile]
    while tile.zoom > 0:
        tile = tile.parent()
        tiles.append(tile)
    client.prefetch(tiles)
    try:
        await client.wait()
    except TileMissing as error:
        print(f"missing: {error}")
    print(f"{len(tiles)} of {MAX_ZOOM + 1} levels")
    await client.close()


asyncio.run(main())
