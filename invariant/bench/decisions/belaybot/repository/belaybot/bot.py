"""The connection to the chat."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import aiohttp

from belaybot.store import Store

log = logging.getLogger(__name__)
MAX_REPLY = 400
LIMIT = aiohttp.ClientTimeout(total=8)


@dataclass(frozen=True)
class Event:
    user: int
    name: str
    channel: str
    text: str


class Bot:
    def __init__(self, url: str, token: str, store: Store) -> None:
        self.url = url
        self.store = store
        self._headers = {"Authorization": f"Bot {token}"}
        self._tasks: set[asyncio.Task[None]] = set()

    def background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def reply(self, event: Event, text: str) -> None:
        body = {"channel": event.channel, "text": text[:MAX_REPLY]}
        async with aiohttp.ClientSession(headers=self._headers, timeout=LIMIT) as session:
            async with session.post(f"{self.url}/messages", json=body) as answer:
                if answer.status >= 400:
                    log.warning("reply refused", extra={"status": answer.status})

    async def avatar(self, user: int) -> bytes:
        try:
            async with aiohttp.ClientSession(headers=self._headers) as session:
                async with session.get(
                    f"{self.url}/users/{user}/avatar", timeout=aiohttp.ClientTimeout(total=30)
                ) as answer:
                    return await answer.read()
        except aiohttp.ClientError:
            pass
        return b""
