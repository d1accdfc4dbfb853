"""Do what a worker would do about GitHub, until nothing is left to do: real database, real HTTP, real git."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import text

from tests.support import app
from tests.support.github.server import GitHub, signed
from worker.core.github import deliveries
from worker.core.queue.jobs import (
    DeliverCallback,
    FollowRun,
    LookAtRepository,
    OpenPullRequest,
    Remediate,
    ReportCheck,
    SendCallback,
    TakeDeliveries,
)
from worker.github import cloning, looking, pull_requests, reporting, taking
from worker.monitoring import callbacks
from worker.remediation import following
from worker.remediation.remediate import remediate
from worker.runtime import work_items
from worker.runtime.resources import Resources
from worker.runtime.work_items import GaveUp, Item
from worker.verification.attempt import verify_run


async def _report(item: Item, resources: Resources) -> str:
    return await reporting.report(uuid.UUID(item.subject), resources)


async def _owe(item: Item, resources: Resources) -> int:
    return await callbacks.owe(uuid.UUID(item.subject), resources)


async def _send(item: Item, resources: Resources) -> str:
    return await callbacks.send(uuid.UUID(item.subject), resources)


async def _propose(item: Item, resources: Resources) -> str:
    return await pull_requests.open_one(uuid.UUID(item.subject), resources)


async def _follow(item: Item, resources: Resources) -> str:
    return await following.follow(uuid.UUID(item.subject), resources)


DO: Mapping[str, Callable[[Item, Resources], Awaitable[object]]] = {
    TakeDeliveries.NAME: taking.take,
    LookAtRepository.NAME: looking.look,
    ReportCheck.NAME: _report,
    DeliverCallback.NAME: _owe,
    SendCallback.NAME: _send,
    OpenPullRequest.NAME: _propose,
    FollowRun.NAME: _follow,
}


@dataclass
class Driver:
    url: str
    api: httpx.AsyncClient
    resources: Resources
    github: GitHub

    async def deliver(self, event: str, payload: Any, **more: Any) -> httpx.Response:
        return await self.api.post("/api/webhooks/github", **signed(event, payload, **more))

    async def rows(self, query: str, **values: Any) -> list[Any]:
        async with self.resources.db.transaction() as session:
            return list((await session.execute(text(query), values)).all())

    async def items(self) -> list[tuple[str, str]]:
        """Those that are due, in the order in which they came."""
        async with self.resources.db.transaction() as session:
            for subject in await deliveries.untaken(session, seconds=0):
                await deliveries.owe(session, subject)
        rows = await self.rows(
            "SELECT kind, subject FROM work_items WHERE status = 'queued' AND kind = ANY(:kinds)"
            " AND coalesce(not_before <= clock_timestamp(), true) ORDER BY created_at",
            kinds=[*DO, Remediate.NAME],
        )
        return [(row.kind, row.subject) for row in rows]

    async def perform(self, kind: str, subject: str) -> str:
        if kind == Remediate.NAME:
            return str(await remediate(uuid.UUID(subject), self.resources))

        async def do(item: Item) -> None:
            await DO[kind](item, self.resources)

        try:
            return await work_items.perform(self.resources, kind, subject, do)
        except GaveUp as error:
            return str(error)

    async def work(self, *, verify: bool = True) -> None:
        """Until nothing is due. Without `verify` runs are left waiting."""
        while True:
            items = await self.items()
            runs = await self.rows(
                "SELECT id FROM runs WHERE status = 'queued' AND coalesce(not_before <= clock_timestamp(), true)"
                " ORDER BY created_at"
            )
            if not items and not (runs and verify):
                return
            for kind, subject in items:
                await self.perform(kind, subject)
            for run in runs if verify else ():
                await verify_run(run.id, self.resources)

    async def verify(self, run_id: uuid.UUID) -> str:
        return await verify_run(run_id, self.resources)

    async def hurry(self) -> None:
        """Whatever waits for a moment is due now."""
        async with self.resources.db.transaction() as session:
            await session.execute(text("UPDATE work_items SET not_before = NULL WHERE status = 'queued'"))
            await session.execute(text("UPDATE runs SET not_before = NULL WHERE status = 'queued'"))


@contextlib.asynccontextmanager
async def driver(url: str, github: GitHub, **given: Any) -> AsyncIterator[Driver]:
    settings = {**github.settings, **given}
    async with app.client(url, **settings) as api, app.resources(url, **settings) as resources:
        object.__setattr__(resources, "tokens", cloning.tokens(resources.settings))
        yield Driver(url, api, resources, github)
