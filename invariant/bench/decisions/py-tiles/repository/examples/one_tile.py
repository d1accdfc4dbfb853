"""Fetch one tile and write it to a file."""

import asyncio
import sys
from pathlib import Path

from tilecache import DiskCache, Tile, TileClient, TileError


async def main(tile: Tile) -> None:
    client = TileClient("https://tiles.example.org/{z}/{x}/{y}.png", DiskCache(Path("tiles")))
    try:
        data = await client.fetch(tile)
    except TileError as error:
        print(f"no tile: {error}")
    else:
        Path("tile.png").write_bytes(data)
    finally:
        await client.close()


asyncio.run(main(Tile(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
