"""Live progress: one stream from the api for all who watch the same run as the same user, however many they are.

Each watcher gets every event once and in order, and after a lost connection what came meanwhile: a browser says which
one it had last, and a run's events are few. What is sent is made once, however many it is sent to. A connection to the
api that is lost is made again where it stopped.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import structlog
from starlette.requests import Request

from client.asynchronous import Acting, AsyncClient, Refused, Unreachable
from client.http import FINAL, Event
from ui.progress import Progress
from ui.rendering import render

log = structlog.get_logger("ui.live")

_AGAIN_SECONDS = 0.5
_MOST_AGAIN_SECONDS = 5.0
_LINGER_SECONDS = 5.0
# So that proxies and browsers see that somebody is there.
_ALIVE_SECONDS = 15.0
_GONE = (401, 403, 404)
_STILL_THERE = ": still there\n\n"
# Milliseconds until a browser comes back.
_SOON = "retry: 1000\n\n"


@dataclass
class _Stream:
    """A run's events so far, and who waits for more."""

    progress: Progress = field(default_factory=Progress)
    messages: list[tuple[int, str]] = field(default_factory=list)
    """Each event's number, and what browsers are sent of it."""
    more: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False
    watchers: int = 0
    task: "asyncio.Task[None] | None" = None

    def add(self, event: Event) -> None:
        self.progress.add(event)
        is_final = event.type in FINAL
        values = {"progress": self.progress}
        told = {
            "html": render("parts/progress.html", values),
            "state": render("parts/state.html", values),
            "is_final": is_final,
        }
        self.messages.append((int(event.id), f"id: {event.id}\nevent: progress\ndata: {json.dumps(told)}\n\n"))
        self.ended = is_final
        self.tell()

    def tell(self) -> None:
        self.more.set()
        self.more = asyncio.Event()


class Hub:
    """The streams that somebody watches."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._streams: dict[tuple[str, str], _Stream] = {}

    async def close(self) -> None:
        tasks = [stream.task for stream in self._streams.values() if stream.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def follow(self, user: str, run_id: str, after: int) -> AsyncIterator[str]:
        """Server-sent events: the run's after number `after` until it has ended, and now and then a comment."""
        key = (user, run_id)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = _Stream()
            stream.task = asyncio.create_task(self._read(key, stream))
        stream.watchers += 1
        place = 0
        try:
            yield _SOON
            while True:
                more = stream.more
                while place < len(stream.messages):
                    number, message = stream.messages[place]
                    place += 1
                    if number > after:
                        yield message
                if stream.ended:
                    return
                try:
                    await asyncio.wait_for(more.wait(), _ALIVE_SECONDS)
                except TimeoutError:
                    yield _STILL_THERE
        finally:
            stream.watchers -= 1

    async def _read(self, key: tuple[str, str], stream: _Stream) -> None:
        user, run_id = key
        acting = self._client.acting_for(user)
        pause = _AGAIN_SECONDS
        try:
            while not stream.ended and await self._watched(stream):
                before, wait = len(stream.messages), 0.0
                try:
                    await self._take(acting, run_id, stream)
                except Refused as error:
                    if error.status in _GONE:
                        return
                    wait = error.retry_after or 0.0
                except (Unreachable, httpx.HTTPError) as error:
                    log.info("the api's stream was lost, asking again", run_id=run_id, why=type(error).__name__)
                except Exception as error:
                    # Whoever watches waits for what comes after it.
                    log.error("an event could not be shown", run_id=run_id, exc_info=error)
                pause = _AGAIN_SECONDS if len(stream.messages) > before else min(_MOST_AGAIN_SECONDS, 2 * pause)
                if not stream.ended:
                    await asyncio.sleep(max(pause, wait))
        finally:
            # Whoever comes now begins another one.
            stream.ended = True
            self._streams.pop(key, None)
            stream.tell()

    async def _watched(self, stream: _Stream) -> bool:
        """Somebody is there, or comes back soon: a page that is reloaded."""
        if stream.watchers == 0:
            await asyncio.sleep(_LINGER_SECONDS)
        return stream.watchers > 0

    async def _take(self, acting: Acting, run_id: str, stream: _Stream) -> None:
        """Add what the api tells until it stops, the run has ended, or nobody watches."""
        after = str(stream.messages[-1][0]) if stream.messages else "0"
        async with acting.events(run_id, after) as events:
            reading = aiter(events)
            while True:
                coming = asyncio.ensure_future(anext(reading))
                try:
                    while not (await asyncio.wait({coming}, timeout=_LINGER_SECONDS))[0]:
                        if not await self._watched(stream):
                            return
                    event = coming.result()
                except StopAsyncIteration:
                    return
                finally:
                    if not coming.done():
                        coming.cancel()
                        await asyncio.wait({coming})
                stream.add(event)
                if stream.ended:
                    return


def hub(request: Request) -> Hub:
    found: Hub = request.app.state.hub
    return found
