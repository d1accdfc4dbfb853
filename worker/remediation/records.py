"""The rows of a remediation: what a step starts from, and what it leaves. Values to the rest of the room."""

import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import cast, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from worker.core import models
from worker.core.ids import new_id
from worker.core.monitoring import callbacks
from worker.core.runs import feedback
from worker.core.vocabulary import (
    Category,
    FeedbackMark,
    FixAction,
    FixOrigin,
    FixStatus,
    Outcome,
    RemediationStatus,
    Severity,
)
from worker.remediation.issues import Failed, Found, Place
from worker.remediation.outcome import Result
from worker.remediation.root_causes import RootCause

# A judge cites at most so many places of a criterion.
_MOST_CITED = 10
# Whose fixes are counted together, of a run `r`; `Loaded.whose` in Python.
WHOSE = "coalesce(r.repo_id::text, 'tenant ' || r.tenant)"
_NOT_LIVE = (FixStatus.REJECTED, FixStatus.REVERTED, FixStatus.FAILED)


@dataclass(frozen=True)
class FixRow:
    """A fix as it stands in the database."""

    id: uuid.UUID
    iteration: int
    position: int
    key: str | None
    origin: FixOrigin
    category: Category
    action: FixAction
    status: FixStatus
    confidence: float
    patch: str
    summary: str
    created_at: datetime
    pattern_id: uuid.UUID | None
    outcome: str | None = None
    proof: Mapping[str, Any] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        """Whether later fixes are built on it: it is applied, or may yet be."""
        return self.status not in _NOT_LIVE and (
            self.action is not FixAction.MANUAL or self.status is not FixStatus.PROPOSED
        )

    @property
    def waits(self) -> bool:
        """Whether somebody is to decide it."""
        return self.status is FixStatus.PROPOSED and self.action is FixAction.CONFIRM


@dataclass(frozen=True)
class Loaded:
    """A remediation and the run it is of."""

    id: uuid.UUID
    status: RemediationStatus
    iteration: int
    verification_run_id: uuid.UUID | None
    run: models.Run
    fixes: tuple[FixRow, ...]
    has_result: bool
    connected: bool
    """An installation of GitHub's App connected the run's repository: what is kept is brought to a branch there."""

    @property
    def whose(self) -> str:
        """Whose fixes are counted together; `WHOSE` in SQL."""
        return str(self.run.repo_id) if self.run.repo_id is not None else f"tenant {self.run.tenant}"


async def load(session: AsyncSession, remediation_id: uuid.UUID) -> Loaded | None:
    row = await session.get(models.RemediationRun, remediation_id, populate_existing=True)
    if row is None:
        return None
    run = await session.get(models.Run, row.run_id, options=[undefer(models.Run.patch)])
    assert run is not None
    has_result = await session.scalar(
        select(models.RemediationRun.patch.is_not(None)).where(models.RemediationRun.id == row.id)
    )
    return Loaded(
        row.id,
        RemediationStatus(row.status),
        row.iteration,
        row.verification_run_id,
        run,
        await fixes(session, remediation_id),
        bool(has_result),
        run.repo_id is not None and await _connected(session, run.repo_id),
    )


async def _connected(session: AsyncSession, repo_id: uuid.UUID) -> bool:
    row = await session.get(models.RepoConnection, repo_id)
    return row is not None and row.removed_at is None and row.installation_id is not None


async def fixes(session: AsyncSession, remediation_id: uuid.UUID) -> tuple[FixRow, ...]:
    """In the order in which they are applied."""
    rows = await session.scalars(
        select(models.Fix)
        .where(models.Fix.remediation_run_id == remediation_id)
        .order_by(models.Fix.position, models.Fix.id)
    )
    return tuple(
        FixRow(
            row.id,
            row.iteration,
            row.position,
            row.key,
            FixOrigin(row.origin),
            Category(row.category),
            FixAction(row.action),
            FixStatus(row.status),
            row.confidence,
            row.patch,
            row.summary,
            row.created_at,
            row.pattern_id,
            row.outcome,
            row.proof,
        )
        for row in rows
    )


_FAILED = text(
    """
    SELECT r.key, r.category, r.severity, r.reason, r.outcome, r.evidence,
        coalesce(c.statement, r.key) AS statement
    FROM criterion_results r LEFT JOIN criteria c ON c.id = r.criterion_id
    WHERE r.run_id = :run_id ORDER BY r.key
    """
)


async def results(
    session: AsyncSession, run_id: uuid.UUID, accepted: Collection[str]
) -> tuple[list[Failed], dict[str, Result]]:
    """What failed, and the outcome of every criterion. Places that people let be are no failure's."""
    failed, every = [], {}
    for row in await session.execute(_FAILED, {"run_id": run_id}):
        shown = [entry for entry in row.evidence or () if entry.get("verified")]
        places = tuple(
            _place(entry) for entry in shown if not {entry.get("fingerprint"), entry.get("place")} & set(accepted)
        )
        at = frozenset((place.path, place.quote) for place in places)
        every[row.key] = Result(Outcome(row.outcome), at, more=len(shown) >= _MOST_CITED)
        # One all of whose places people let be is nobody's to fix.
        if row.outcome == Outcome.FAIL.value and (places or not shown):
            failed.append(
                Failed(row.key, Category(row.category), Severity(row.severity), row.statement, row.reason, places)
            )
    return failed, every


def _place(entry: Mapping[str, Any]) -> Place:
    return Place(
        entry["path"],
        entry["start_line"],
        entry["end_line"],
        entry.get("quote") or "",
        entry.get("rule"),
        entry.get("fingerprint"),
    )


async def findings(session: AsyncSession, run_id: uuid.UUID) -> list[Found]:
    """The run's verified findings."""
    rows = await session.scalars(
        select(models.Finding).where(models.Finding.run_id == run_id, models.Finding.verified.is_(True))
    )
    return [
        Found(
            Category(row.category),
            Severity(row.severity),
            row.message,
            row.precise,
            Place(row.path, row.start_line, row.end_line, row.quote, f"{row.analyzer}:{row.rule_id}", row.fingerprint),
        )
        for row in rows
    ]


async def found_of(session: AsyncSession, run_id: uuid.UUID) -> Counter[tuple[str, str]]:
    """How many verified findings of each rule each file has: (path, rule)."""
    return Counter((one.place.path, str(one.place.rule)) for one in await findings(session, run_id))


async def accepted(session: AsyncSession, run: models.Run) -> frozenset[str]:
    """Fingerprints that people let be, of the run's own repository or maker."""
    constitution = await session.scalar(
        select(models.ConstitutionVersion.sha256).where(models.ConstitutionVersion.id == run.constitution_version_id)
    )
    applies = feedback.applies_to(
        repo_id=run.repo_id, owner=run.created_by, url=run.source.get("url"), constitution_sha256=constitution
    )
    rows = await session.scalars(
        select(func.unnest(models.Feedback.fingerprints)).where(
            models.Feedback.applies_to == applies, models.Feedback.mark == FeedbackMark.ACCEPTED.value
        )
    )
    return frozenset(rows)


async def keep_causes(
    session: AsyncSession, remediation_id: uuid.UUID, iteration: int, causes: Sequence[RootCause]
) -> dict[str, uuid.UUID]:
    """Write the issues and their root causes, once for each iteration; returns the cause of each issue, by its key."""
    base = iteration * 10_000
    known = await session.execute(
        select(models.RemediationIssue.key, models.RemediationIssue.root_cause_id).where(
            models.RemediationIssue.remediation_run_id == remediation_id,
            models.RemediationIssue.iteration == iteration,
        )
    )
    ids = {row.key: row.root_cause_id for row in known}
    if ids:
        return ids
    for number, cause in enumerate(causes):
        cause_id = new_id()
        ids |= {issue.key: cause_id for issue in cause.issues}
        session.add(
            models.RootCause(
                id=cause_id,
                remediation_run_id=remediation_id,
                position=base + number,
                summary=cause.primary.statement,
                rationale=cause.rationale,
                confidence=cause.confidence,
            )
        )
        await session.flush()
        for issue in cause.issues:
            session.add(
                models.RemediationIssue(
                    remediation_run_id=remediation_id,
                    root_cause_id=cause_id,
                    iteration=iteration,
                    origin=issue.origin.value,
                    key=issue.key,
                    category=issue.category.value,
                    severity=issue.severity.value,
                    is_primary=issue is cause.primary,
                    fixable=issue.fixable,
                    message=issue.message,
                    evidence=[asdict(place) for place in issue.places],
                )
            )
    await session.flush()
    return ids


@dataclass(frozen=True, kw_only=True)
class NewFix:
    """A fix that was proposed, or why there is none: then its status is `failed` and it has no patch."""

    root_cause_id: uuid.UUID | None
    pattern_id: uuid.UUID | None
    iteration: int
    position: int
    key: str
    origin: FixOrigin
    category: Category
    is_breaking: bool
    action: FixAction
    status: FixStatus
    confidence: float
    patch: str
    summary: str
    reasons: tuple[str, ...]
    outcome: str | None
    files_changed: int
    lines_changed: int
    proof: Mapping[str, Any]
    before: tuple[tuple[str, str], ...] = ()


async def add_fix(session: AsyncSession, remediation_id: uuid.UUID, fix: NewFix) -> uuid.UUID | None:
    """Write the fix with what its files were before; None when one of that key is there already."""
    fix_id = new_id()
    values = {name: value for name, value in fix.__dict__.items() if name not in ("before", "reasons", "proof")}
    values |= {
        "id": fix_id,
        "remediation_run_id": remediation_id,
        "reasons": list(fix.reasons),
        "proof": dict(fix.proof),
    }
    added = insert(models.Fix).values(values).on_conflict_do_nothing().returning(models.Fix.id)
    if await session.scalar(added) is None:
        return None
    backups = [
        {"id": new_id(), "fix_id": fix_id, "path": path, "existed": True, "sha256": digest}
        for path, digest in fix.before
    ]
    if backups:
        await session.execute(insert(models.FileBackup).values(backups))
    return fix_id


async def set_fix(session: AsyncSession, fix_id: uuid.UUID, status: FixStatus, **values: Any) -> None:
    await session.execute(update(models.Fix).where(models.Fix.id == fix_id).values(status=status.value, **values))


async def apply_fix(session: AsyncSession, fix: FixRow) -> None:
    await set_fix(session, fix.id, FixStatus.APPLIED, applied_at=func.clock_timestamp())


async def confirm(session: AsyncSession, fix: FixRow, why: str) -> None:
    """Have a person decide what could have been applied without one."""
    reasons = models.Fix.reasons.concat(cast([why], JSONB))
    await set_fix(session, fix.id, FixStatus.PROPOSED, action=FixAction.CONFIRM.value, reasons=reasons)


async def patch_of(session: AsyncSession, run_id: uuid.UUID) -> str | None:
    """What is applied to a run's source."""
    patch: str | None = await session.scalar(select(models.Run.patch).where(models.Run.id == run_id))
    return patch


async def set_result(session: AsyncSession, remediation_id: uuid.UUID, **values: Any) -> None:
    """What is kept, of a remediation that has ended."""
    await session.execute(
        update(models.RemediationRun).where(models.RemediationRun.id == remediation_id).values(**values)
    )


async def set_status(
    session: AsyncSession, remediation_id: uuid.UUID, status: RemediationStatus, **values: Any
) -> None:
    if status is RemediationStatus.RUNNING:
        values["started_at"] = func.coalesce(models.RemediationRun.started_at, func.clock_timestamp())
    if status.is_final:
        values["finished_at"] = func.clock_timestamp()
    await session.execute(
        update(models.RemediationRun)
        .where(models.RemediationRun.id == remediation_id)
        .values(status=status.value, **values)
    )
    if status.is_final:
        await callbacks.remediation_ended(session, remediation_id)


_COST = text(
    """
    SELECT coalesce(sum(c.cost_usd), 0) FROM llm_calls c JOIN remediation_runs m ON m.run_id = c.run_id
    WHERE m.id = :id AND c.role = 'remediation' AND c.attempt IS NULL AND c.created_at >= m.created_at
    """
)


async def cost(session: AsyncSession, remediation_id: uuid.UUID) -> Decimal:
    """What its proposals have cost so far, in US dollars; what is judged again is paid by the runs that judge."""
    return Decimal(await session.scalar(_COST, {"id": remediation_id}) or 0)


_OUTCOMES = text(
    f"""
    SELECT count(*) FILTER (WHERE f.status = 'verified') AS kept,
        count(*) FILTER (WHERE f.status IN ('reverted', 'failed')) AS lost
    FROM remediation_fixes f
    JOIN remediation_runs m ON m.id = f.remediation_run_id
    JOIN runs r ON r.id = m.run_id
    WHERE f.origin = 'model' AND f.category = :category AND f.created_at > clock_timestamp() - interval '90 days'
        AND {WHOSE} = :whose AND (f.status <> 'reverted' OR f.applied_at IS NOT NULL)
    """  # noqa: S608  our own words
)


async def model_outcomes(session: AsyncSession, whose: str, category: Category) -> tuple[int, int]:
    """(kept, lost) fixes of models in that category within ninety days, of the same owner."""
    row = (await session.execute(_OUTCOMES, {"category": category.value, "whose": whose})).one()
    return row.kept, row.lost
