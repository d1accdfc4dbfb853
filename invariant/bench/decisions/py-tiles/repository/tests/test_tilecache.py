"""Tests of the caches and of the client."""

import asyncio

import httpx
import pytest

from tilecache import DiskCache, MemoryCache, Tile, TileClient, TileMissing, parse_key


def test_keys():
    assert parse_key("3/4/2") == Tile(3, 4, 2)
    with pytest.raises(ValueError, match="not a key"):
        parse_key("3/4")


def test_the_oldest_is_forgotten():
    cache = MemoryCache(capacity=1)
    cache.put(Tile(0, 0, 0), b"a")
    cache.put(Tile(1, 0, 0), b"b")
    assert cache.get(Tile(0, 0, 0)) is None
    assert len(cache) == 1


def test_disk(tmp_path):
    cache = DiskCache(tmp_path)
    asyncio.run(cache.put(Tile(0, 0, 0), b"a"))
    assert asyncio.run(cache.get(Tile(0, 0, 0))) == b"a"
    assert ".png" not in str(cache.path(Tile(0, 0, 0)))


async def test_missing(tmp_path):
    client = TileClient("https://tiles.example.org/{z}/{x}/{y}", DiskCache(tmp_path))
    client._http = httpx.AsyncClient(
        transport=httpx.MockTransport(lambda request: httpx.Response(404)), timeout=1.0
    )
    with pytest.raises(TileMissing):
        await client.fetch(Tile(0, 0, 0))
    await client.close()
