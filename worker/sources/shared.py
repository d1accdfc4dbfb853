"""Snapshots that the runs of one process share: what cannot change is taken once for all who want it at the same
time, and removed when the last of them is done. For one event loop."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypedDict, Unpack

from worker.core.settings import Settings
from worker.core.untrusted import source
from worker.isolation.contained import Isolation
from worker.runtime.resources import Tokens
from worker.sources import git, take
from worker.sources.take import Request, Taken


class About(TypedDict):
    """For which run a snapshot is taken, and how."""

    settings: Settings
    run_id: uuid.UUID
    attempt: int
    isolation: Isolation
    tokens: Tokens | None


class _Shared:
    """One snapshot in a task of its own, which none of its users ends by being cancelled."""

    def __init__(self, key: Hashable, request: Request, **about: Unpack[About]) -> None:
        self.users = 0
        self.began = time.monotonic()
        self.taken: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._hold(key, request, about))

    async def _hold(self, key: Hashable, request: Request, about: About) -> None:
        try:
            async with take.snapshot(request, **about) as taken:
                self.taken.set_result(replace(taken, of=key))
                await asyncio.Event().wait()
        except Exception as error:
            self.taken.set_exception(error)

    @property
    def failed(self) -> bool:
        if not self.taken.done():
            return False
        return self.taken.exception() is not None or self.taken.result().process.ended

    async def end(self) -> None:
        """Returns when nothing is left of it."""
        self._task.cancel()
        await asyncio.wait({self._task})
        if not self.taken.cancel():
            # Its error is everybody's who waited for it; that nobody did is no complaint of asyncio's.
            self.taken.exception()


class Snapshots:
    """One per process."""

    def __init__(self) -> None:
        self._shared: dict[Hashable, _Shared] = {}

    @asynccontextmanager
    async def use(self, request: Request, **about: Unpack[About]) -> AsyncIterator[Taken]:
        """The snapshot, for as long as the block lasts. Raises SourceError, ContainmentFailed."""
        key = identity(request)
        if key is None:
            async with take.snapshot(request, **about) as taken:
                yield taken
            return
        shared = self._shared.get(key)
        # One that failed is nobody's any more, and one that is old would be swept away as left behind.
        old = about["settings"].run_deadline_seconds
        if shared is None or shared.failed or time.monotonic() - shared.began > old:
            shared = self._shared[key] = _Shared(key, request, **about)
        shared.users += 1
        try:
            yield await asyncio.shield(shared.taken)
        finally:
            shared.users -= 1
            if not shared.users:
                if self._shared.get(key) is shared:
                    del self._shared[key]
                await shared.end()


def identity(request: Request) -> Hashable | None:
    """Equal for requests that will always give the same files; None where a branch or a folder may move on."""
    match request.source:
        case source.GitSource(url=url, ref=ref):
            fixed = ref is not None and git.is_commit(ref) and (request.base is None or git.is_commit(request.base))
            return ("git", url, ref, request.base, request.patch, request.private) if fixed else None
        case source.PathSource():
            return None
        case _:
            upload = request.upload_id
            return None if upload is None else ("upload", upload, request.base, request.patch)
