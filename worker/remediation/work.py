"""What one attempt at a remediation works with: its rows, its working copy, and the steps that it writes down."""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from worker.core import models
from worker.core.failure import FailureCode, RunFailure
from worker.core.remediation import audit
from worker.core.remediation.audit import Audited
from worker.core.runs import events
from worker.core.settings import Settings
from worker.core.vocabulary import FixStatus
from worker.isolation.contained import Contained
from worker.remediation import guard, records
from worker.remediation.records import FixRow, Loaded
from worker.remediation.worktree import Commit, Result, Worktree
from worker.runtime.resources import Resources
from worker.runtime.work_items import Item
from worker.sources import requests, take
from worker.sources.snapshot import Snapshot


class SourceChanged(RunFailure):
    """The source does not give the files any more that the run verified."""

    code = FailureCode.SOURCE_CHANGED


@dataclass(frozen=True)
class Work:
    """One attempt. `loaded` is as it was when the attempt began; what changes is read again."""

    item: Item
    loaded: Loaded
    resources: Resources

    @property
    def id(self) -> uuid.UUID:
        return self.loaded.id

    @property
    def settings(self) -> Settings:
        return self.resources.settings

    @asynccontextmanager
    async def step(self) -> AsyncIterator[AsyncSession]:
        """A transaction of a step that changes something. Raises Lost or Ended when it may not be taken."""
        async with self.resources.db.transaction() as session:
            await guard.permit(session, self.item, self.id, self.settings)
            yield session

    async def note(
        self, session: AsyncSession, action: Audited, *, fix_id: uuid.UUID | None = None, actor: str = audit.SYSTEM,
        **data: Any,
    ) -> None:  # fmt: skip
        """A line in the audit log, and an event of the run's stream."""
        await audit.write(session, action, actor=actor, remediation_id=self.id, fix_id=fix_id, **data)
        told = {"remediation_id": str(self.id), "action": action.value, **data}
        if fix_id is not None:
            told["fix_id"] = str(fix_id)
        await events.append(session, self.loaded.run.id, "remediation", told)

    async def revert(self, session: AsyncSession, fix: FixRow, why: str, *, unjudged: bool = False) -> None:
        """Take a fix back. One that is `unjudged` counts as nobody's mistake, and as if it had never been applied."""
        values: dict[str, Any] = {"applied_at": None} if unjudged else {}
        await records.set_fix(session, fix.id, FixStatus.REVERTED, outcome=why, **values)
        await self.note(session, Audited.REVERTED, fix_id=fix.id, reason=why)

    async def fixes(self) -> tuple[FixRow, ...]:
        async with self.resources.db.transaction() as session:
            return await records.fixes(session, self.id)

    async def request(self) -> take.Request:
        """The source as the run verified it: at its commit, where it has one."""
        async with self.resources.db.transaction() as session:
            return await requests.of_run(session, self.loaded.run, named=pinned(self.loaded.run))


def pinned(run: models.Run) -> dict[str, Any]:
    """The run's source with its commit as the ref: a branch moves on."""
    if run.source_kind in ("git", "repository") and run.commit_sha:
        return {**run.source, "ref": run.commit_sha}
    return dict(run.source)


@dataclass
class Copy:
    """The working copy of an attempt."""

    work: Work
    process: Contained
    snapshot: Snapshot

    async def at(self, fixes: Sequence[FixRow]) -> list[FixRow]:
        """Bring it to the snapshot with these fixes applied, in their order; returns those that no longer apply."""
        ordered = sorted(fixes, key=lambda fix: fix.position)
        lost: tuple[int, ...] = await self.process.call(Worktree.stand, [fix.patch for fix in ordered])
        return [ordered[number] for number in lost]

    async def patch(self) -> str:
        """All that is applied, as one unified diff."""
        patch: str = await self.process.call(Worktree.patch)
        return patch

    async def result(self, fixes: Sequence[FixRow]) -> tuple[Result, list[Commit]]:
        """The fixes put together, and the commit that each of them is."""
        commits = [
            Commit(fix.patch, message(fix, self.work), int(fix.created_at.timestamp()))
            for fix in sorted(fixes, key=lambda fix: fix.position)
        ]
        found: Result = await self.process.call(Worktree.result, commits)
        return found, commits


def message(fix: FixRow, work: Work) -> str:
    """The commit's words: what, why, by which rule, how it was proven, and for which run."""
    proof = fix.proof
    rules = ", ".join(proof.get("rules", ())) or "no analyzer's rule"
    subject, _, why = fix.summary.partition("\n")
    lines = [
        " ".join(subject.split())[:72] or "Mend what the constitution forbids",
        "",
        # Indented: what others wrote must not be read as the mail's own marks.
        *(f"    {line}" for line in why.splitlines()),
        "",
        f"Rule: {rules}",
        f"Proof: {proof.get('told', 'applies, and can be taken back')}",
        f"Made by: {fix.origin.value}, confidence {fix.confidence:.2f}, {fix.action.value}",
        f"Invariant-Run: {work.loaded.run.id}",
        f"Invariant-Fix: {fix.id}",
    ]
    return "\n".join(lines).replace("\0", " ")


@asynccontextmanager
async def opened(work: Work) -> AsyncIterator[Copy]:
    """The working copy, for as long as the block lasts. Raises SourceError, SourceChanged, ContainmentFailed."""
    request = await work.request()
    settings = work.settings
    async with take.snapshot(
        request,
        settings=settings,
        run_id=work.id,
        attempt=work.item.attempt,
        isolation=work.resources.isolation,
        tokens=work.resources.tokens,
    ) as taken:
        if taken.snapshot.digest != work.loaded.run.snapshot_digest:
            raise SourceChanged(
                "The source does not give the files any more that the run verified: verify it again and remediate that."
            )
        await taken.process.call(Worktree.open, taken.snapshot)
        yield Copy(work, taken.process, taken.snapshot)
