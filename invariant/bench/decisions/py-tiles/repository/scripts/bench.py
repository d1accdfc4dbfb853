"""Measure how fast the disk cache writes and reads."""

import asyncio
import subprocess
import tempfile
import time
from pathlib import Path

from tilecache import DiskCache, Tile

COUNT = 2_000


async def measure(folder: Path) -> tuple[float, float]:
    """Seconds for writing and for reading."""
    cache = DiskCache(folder)
    tiles = [Tile(12, n, n) for n in range(COUNT)]
    start = time.perf_counter()
    for tile in tiles:
        await cache.put(tile, b"x" * 10_000)
    middle = time.perf_counter()
    for tile in tiles:
        await cache.get(tile)
    return middle - start, time.perf_counter() - middle


def main() -> None:
    """Print the numbers with the commit that they belong to."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        time.sleep(1)  # let the disk come to rest
        written, read = asyncio.run(measure(Path(folder)))
    print(f"{commit}: {COUNT / written:.0f} written/s, {COUNT / read:.0f} read/s")


if __name__ == "__main__":
    main()
