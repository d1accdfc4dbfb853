"""A run's life as conditional updates of its row: claim, renew, hand back, finish, cancel.

    queued ──claim──▶ running ──finish──▶ completed | failed | cancelled
       ▲                 │
       └──hand_back──────┘

`attempt` is the fence: every write of a worker names the attempt it belongs to, and changes nothing when a
later attempt has taken the run. `lease_until` says until when the holder is believed alive; times are the
database's own, so that no two clocks are compared.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from worker.core.failure import FailureCode
from worker.core.queue import work_items
from worker.core.queue.jobs import DeliverCallback, FollowRun, ReportCheck, VerifyRun, enqueue
from worker.core.runs import events
from worker.core.vocabulary import RunStatus, Verdict

CONTROL_CHANNEL = "invariant_control"


Session = AsyncSession | AsyncConnection


@dataclass(frozen=True)
class Claim:
    """The right to work on a run. `lost_before` tells that an earlier attempt's lease lapsed."""

    run_id: uuid.UUID
    attempt: int
    failures: int
    lost_before: bool
    cancel_requested: bool
    request_id: str | None
    traceparent: str | None


_CLAIM = """
    WITH before AS ({chosen}),
    claimed AS (
        UPDATE runs SET status = 'running', attempt = attempt + 1, holder = :holder,
            failures = failures + (runs.status = 'running')::int,
            lease_until = clock_timestamp() + make_interval(secs => :lease), not_before = NULL,
            started_at = coalesce(started_at, clock_timestamp()), event_seq = event_seq + 1
        FROM before WHERE runs.id = before.id
        RETURNING runs.id, attempt, failures, before.status = 'running' AS lost_before,
            cancel_requested_at IS NOT NULL AS cancel_requested, request_id, traceparent, event_seq
    ), appended AS (
        INSERT INTO run_events (run_id, seq, type, data)
        SELECT id, event_seq, 'claimed', jsonb_build_object('attempt', attempt) FROM claimed
        RETURNING run_id
    )
    SELECT claimed.* FROM claimed, appended
"""
_DUE = "runs.status = 'queued' AND coalesce(runs.not_before <= clock_timestamp(), true)"
_LAPSED = "runs.status = 'running' AND runs.lease_until < clock_timestamp()"
# One that somebody else takes up at this moment is waited for; then the condition is looked at anew.
_BY_ID = "SELECT id, status FROM runs WHERE id = :run_id AND ({free}) FOR UPDATE"
_CLAIM_FREE = text(_CLAIM.format(chosen=_BY_ID.format(free=f"{_DUE} OR {_LAPSED}")))
_CLAIM_LAPSED = text(_CLAIM.format(chosen=_BY_ID.format(free=_LAPSED)))


async def claim(session: Session, run_id: uuid.UUID, *, holder: str, lease: float) -> Claim | None:
    """Take the run if it is queued and due, or if its holder's lease lapsed. None: nothing to do here.

    `lease` in seconds.
    """
    return await _claim(session, _CLAIM_FREE, {"run_id": run_id, "holder": holder, "lease": lease})


async def claim_lapsed(session: Session, run_id: uuid.UUID, *, holder: str, lease: float) -> Claim | None:
    """Take the run if its holder's lease lapsed, and only then."""
    return await _claim(session, _CLAIM_LAPSED, {"run_id": run_id, "holder": holder, "lease": lease})


# Repositories that have as many runs at work as they may, and the runs of others. An array, not a join: joined, all
# that waits was read and sorted to find the first.
FULL_UP = """full_up AS (
        SELECT repo_full_name FROM runs
        WHERE :repo_limit > 0 AND status = 'running' AND repo_full_name IS NOT NULL
        GROUP BY repo_full_name HAVING count(*) >= :repo_limit
    )"""
HAS_ROOM = "coalesce(repo_full_name, '') <> ALL (ARRAY (SELECT repo_full_name FROM full_up))"

# The tenant's next run. Through runs_tenant_queued_idx, whatever others have waiting.
_NEXT = """
    SELECT id, {column} FROM runs
    WHERE {due} AND tenant = :tenant AND priority >= :priority{room}
    ORDER BY priority DESC, created_at, id LIMIT 1 FOR UPDATE {locked}
"""
CLAIM_NEXT = {
    wait: text(
        _CLAIM.format(chosen=_NEXT.format(column="status", due=_DUE, room="", locked="" if wait else "SKIP LOCKED"))
    )
    for wait in (False, True)
}


async def claim_next(
    session: Session, tenant: str, *, priority: int, holder: str, lease: float, wait: bool
) -> Claim | None:
    """Take the tenant's next run that is due; None when it has none that is free and of that priority at least.

    Runs that others take up at this moment are passed over or, with `wait`, waited for. `lease` in seconds.
    """
    values = {"tenant": tenant, "priority": priority, "holder": holder, "lease": lease}
    return await _claim(session, CLAIM_NEXT[wait], values)


@dataclass(frozen=True)
class Candidate:
    run_id: uuid.UUID
    repo: str | None


_NEXT_WITH_ROOM = {
    wait: text(
        f"WITH {FULL_UP} "
        + _NEXT.format(column="repo_full_name", due=_DUE, room=f" AND {HAS_ROOM}", locked="" if wait else "SKIP LOCKED")
    )
    for wait in (False, True)
}
_ONE_BY_ONE = text("SELECT pg_advisory_xact_lock(hashtextextended(:repo, 78))")


async def next_with_room(
    session: AsyncSession, tenant: str, *, priority: int, repo_limit: int, wait: bool
) -> Candidate | None:
    """As `claim_next` chooses, among runs whose repository has fewer than `repo_limit` at work.

    The candidate is locked until the transaction ends, and so is the count of its repository's.
    """
    values = {"tenant": tenant, "priority": priority, "repo_limit": repo_limit}
    row = (await session.execute(_NEXT_WITH_ROOM[wait], values)).first()
    if row is None:
        return None
    if row.repo_full_name is not None:
        await session.execute(_ONE_BY_ONE, {"repo": row.repo_full_name})
    return Candidate(row.id, row.repo_full_name)


_ROOM = """
    (SELECT count(*) FROM runs r WHERE r.status = 'running' AND r.repo_full_name = :repo) < :repo_limit
"""
_CLAIM_WITH_ROOM = text(_CLAIM.format(chosen=_BY_ID.format(free=f"{_DUE} AND {_ROOM}")))


async def claim_with_room(
    session: AsyncSession, candidate: Candidate, *, holder: str, lease: float, repo_limit: int
) -> Claim | None:
    """Take the candidate; None when its repository was filled up before it was locked."""
    values = {"run_id": candidate.run_id, "repo": candidate.repo, "repo_limit": repo_limit}
    return await _claim(session, _CLAIM_WITH_ROOM, {**values, "holder": holder, "lease": lease})


async def _claim(session: Session, statement: TextClause, values: Mapping[str, object]) -> Claim | None:
    row = (await session.execute(statement, values)).first()
    if row is None:
        return None
    return Claim(
        row.id, row.attempt, row.failures, row.lost_before, row.cancel_requested, row.request_id, row.traceparent
    )


@dataclass(frozen=True)
class Renewal:
    """`held` False: another attempt has the work, or it has ended."""

    held: bool
    cancel_requested: bool


# The fence: that an attempt still has the run. Of every write of a worker; its values are `held_by` the claim.
HELD = "runs.id = :run_id AND runs.attempt = :attempt AND runs.status = 'running'"


def held_by(claim: Claim) -> dict[str, object]:
    return {"run_id": claim.run_id, "attempt": claim.attempt}


_RENEW = text(
    f"""
    UPDATE runs SET lease_until = clock_timestamp() + make_interval(secs => :lease)
    WHERE {HELD} RETURNING cancel_requested_at IS NOT NULL AS cancel_requested
    """  # noqa: S608  our own words
)


async def renew(session: Session, claim: Claim, *, lease: float) -> Renewal:
    """Prolong the lease; also the question whether somebody asked to cancel."""
    row = (await session.execute(_RENEW, {**held_by(claim), "lease": lease})).first()
    return Renewal(held=row is not None, cancel_requested=row is not None and row.cancel_requested)


_HAND_BACK = text(
    f"""
    UPDATE runs SET status = 'queued', lease_until = NULL, holder = NULL, step = NULL,
        failures = failures + :spent,
        not_before = CASE WHEN :delay > 0 AND cancel_requested_at IS NULL
            THEN clock_timestamp() + make_interval(secs => :delay) END,
        error_code = CASE WHEN cancel_requested_at IS NULL THEN :error_code END,
        error_message = CASE WHEN cancel_requested_at IS NULL THEN :error_message END
    WHERE {HELD}
    RETURNING priority, not_before, cancel_requested_at IS NOT NULL AS cancel_requested
    """  # noqa: S608  our own words
)


async def hand_back(
    session: AsyncSession,
    claim: Claim,
    *,
    reason: str,
    spend: bool,
    delay: float = 0.0,
    error_code: FailureCode | None = None,
    error_message: str | None = None,
    provider: str | None = None,
) -> RunStatus | None:
    """Give the run back to the queue with a fresh job; returns what it is then, None when it was no longer ours. A run
    that somebody has asked to cancel meanwhile is cancelled instead.

    `spend` counts the attempt as a failure (a drain does not); `delay` in seconds before the next one; `provider` is
    the name of the one that is waited for. The event says until when, in UTC.
    """
    row = (
        await session.execute(
            _HAND_BACK,
            {
                **held_by(claim),
                "spent": int(spend),
                "delay": delay,
                "error_code": error_code,
                "error_message": error_message,
            },
        )
    ).first()
    if row is None:
        return None
    if row.cancel_requested:
        # Nobody is there to hear it now: it would wait for the next attempt, as long as that waits.
        return await request_cancel(session, claim.run_id)
    due = row.not_before
    event = {
        "reason": reason,
        "attempt": claim.attempt,
        "delay_seconds": round(delay, 1),
        "provider": provider,
        "until": None if due is None else due.astimezone(UTC).isoformat(timespec="seconds"),
    }
    await events.append(session, claim.run_id, "requeued", event)
    await enqueue(session, VerifyRun(claim.run_id), priority=row.priority, at=row.not_before)
    return RunStatus.QUEUED


@dataclass(frozen=True)
class Examined:
    """What a completed run has looked at. `analyzers`: those that had something to read, and whether they read all."""

    digest: str
    commit: str | None
    branch: str | None
    files_seen: int
    files_total: int
    analyzers: Mapping[str, bool]


_NOTHING = dict.fromkeys(("digest", "commit", "branch", "files_seen", "files_total", "analyzers"))

# Whether anybody is to be told of the run's end: whom its request names, or its repository.
_TOLD = """(callback_url IS NOT NULL OR repo_id IS NOT NULL AND EXISTS (
                SELECT FROM repo_connections c WHERE c.id = repo_id AND c.settings->'notify' <> '[]'))"""
_FINISH = text(
    f"""
    WITH finished AS (
        UPDATE runs SET status = :status, verdict = :verdict, score = :score,
            tribunal = coalesce(:tribunal, tribunal), event_seq = event_seq + 1,
            finished_at = clock_timestamp(), lease_until = NULL, holder = NULL, not_before = NULL, step = NULL,
            error_code = :error_code, error_message = :error_message,
            snapshot_digest = coalesce(:digest, snapshot_digest), commit_sha = coalesce(:commit, commit_sha),
            branch = coalesce(:branch, branch), files_seen = :files_seen, files_total = :files_total,
            analyzers = CAST(:analyzers AS jsonb)
        WHERE {HELD}
        -- A remediation may begin with it, or waits for it.
        RETURNING id, event_seq,
            patch IS NOT NULL OR remediate AND :verdict IN ('FAIL', 'VETO') AS followed,
            (SELECT m.id FROM monitor_jobs m WHERE m.run_id = runs.id LIMIT 1) AS monitored,
            {_TOLD} AS told
    ), appended AS (
        INSERT INTO run_events (run_id, seq, type, data)
        SELECT id, event_seq, :status, CAST(:data AS jsonb) FROM finished
    ), owed AS (
        INSERT INTO work_items (kind, subject)
        SELECT :callback_task, id::text FROM finished WHERE told ON CONFLICT DO NOTHING
    )
    SELECT id, pg_notify(:channel, id::text),
        CASE WHEN told THEN procrastinate_defer_jobs_v1(ARRAY[ROW(
            :callback_queue, :callback_task, :callback_priority, NULL, NULL, jsonb_build_object('run_id', id), NULL
        )::procrastinate_job_to_defer_v1]) END,
        followed, monitored
    FROM finished
    """  # noqa: S608  our own words
)


async def finish(
    session: Session,
    claim: Claim,
    *,
    status: RunStatus,
    verdict: Verdict | None = None,
    score: float | None = None,
    tribunal: str | None = None,
    examined: Examined | None = None,
    error_code: FailureCode | None = None,
    error_message: str | None = None,
    data: dict[str, Any] | None = None,
) -> bool:
    """End the run, if this attempt still holds it, with its event and the callback's job; one statement, and one more
    in the caller's transaction for the few that a remediation follows from, or a check.

    The caller writes nothing of the run when it is False.
    """
    told = {"verdict": None if verdict is None else verdict.value, "score": score, **(data or {})}
    if error_code:
        told |= {"error_code": error_code, "error_message": error_message}
    looked_at = _NOTHING
    if examined is not None:
        looked_at = {**asdict(examined), "analyzers": json.dumps(examined.analyzers)}
    row = (
        await session.execute(
            _FINISH,
            {
                **held_by(claim),
                "status": status.value,
                "verdict": told["verdict"],
                "score": score,
                "tribunal": tribunal,
                "error_code": error_code,
                "error_message": error_message,
                "data": json.dumps(told),
                "channel": events.CHANNEL,
                "callback_queue": DeliverCallback.QUEUE,
                "callback_task": DeliverCallback.NAME,
                "callback_priority": DeliverCallback.PRIORITY,
                **looked_at,
            },
        )
    ).first()
    if row is not None and (row.followed or row.monitored):
        assert isinstance(session, AsyncSession), "what is owed is written with the end, in one transaction"
        if row.followed:
            await work_items.add(session, FollowRun(claim.run_id))
        if row.monitored:
            await work_items.wake(session, ReportCheck(str(row.monitored)))
    return row is not None


_CANCEL = text(
    f"""
    UPDATE runs SET
        status = CASE status WHEN 'queued' THEN 'cancelled' ELSE status END,
        finished_at = CASE status WHEN 'queued' THEN clock_timestamp() END,
        cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp())
    WHERE id = :run_id AND status IN ('queued', 'running')
    RETURNING status, patch IS NOT NULL AS followed, {_TOLD} AS told,
        (SELECT m.id FROM monitor_jobs m WHERE m.run_id = runs.id LIMIT 1) AS monitored
    """  # noqa: S608  our own words
)


async def request_cancel(session: AsyncSession, run_id: uuid.UUID) -> RunStatus | None:
    """Cancel a queued run now, ask the holder of a running one to stop; None when it had ended already."""
    row = (await session.execute(_CANCEL, {"run_id": run_id})).first()
    if row is None:
        return None
    status = RunStatus(row.status)
    if status is RunStatus.CANCELLED:
        await events.append(session, run_id, "cancelled", {}, announced=True)
        if row.told:
            await work_items.add(session, DeliverCallback(run_id))
        if row.followed:
            await work_items.add(session, FollowRun(run_id))
        if row.monitored:
            await work_items.wake(session, ReportCheck(str(row.monitored)))
    else:
        await events.append(session, run_id, "cancel_requested", {})
        await session.execute(
            text("SELECT pg_notify(:channel, :run)"), {"channel": CONTROL_CHANNEL, "run": str(run_id)}
        )
    return status


# A job is a ticket for any run (worker.runtime.dispatch), so tickets are counted, not matched: where fewer wait than
# runs are due, runs that have had time to be taken up get one each, at most one every `patience` seconds: `not_before`
# carries the memory of it. Runs of a repository that is full get theirs when one of its runs ends. Where both are many
# nobody waits for a ticket, so counting ends at `:most`.
_REAP = """
    WITH {full_up}, tickets AS (
        SELECT count(*) AS waiting FROM (
            SELECT FROM procrastinate_jobs
            WHERE queue_name = :queue AND status = 'todo' AND task_name = :task
                AND coalesce(scheduled_at <= now(), true)
            ORDER BY id LIMIT :most
        ) AS counted
    ), due AS (
        SELECT count(*) AS runs FROM (
            SELECT FROM runs
            WHERE status = 'queued' AND coalesce(not_before, created_at) <= clock_timestamp() AND {has_room}
            -- In an order that an index has: they are a few among all runs there ever were.
            ORDER BY created_at, id LIMIT :most
        ) AS counted
    ), lapsed AS (
        SELECT id, status AS was FROM runs WHERE status = 'running' AND lease_until < clock_timestamp()
        LIMIT :batch FOR UPDATE SKIP LOCKED
    ), forgotten AS (
        SELECT id, status AS was FROM runs
        WHERE status = 'queued'
            AND coalesce(not_before, created_at) < clock_timestamp() - make_interval(secs => :patience)
            AND {has_room}
        ORDER BY created_at, id
        LIMIT least(:batch, (SELECT greatest(0, due.runs - tickets.waiting) FROM due, tickets))
        FOR UPDATE SKIP LOCKED
    )
    UPDATE runs SET
        status = 'queued', failures = failures + (status = 'running')::int, lease_until = NULL, holder = NULL,
        step = NULL, not_before = clock_timestamp()
    FROM (SELECT * FROM lapsed UNION ALL SELECT * FROM forgotten) AS overdue
    WHERE runs.id = overdue.id
    RETURNING runs.id, runs.priority, runs.failures, overdue.was
"""
REAP = text(_REAP.format(full_up=FULL_UP, has_room=HAS_ROOM))
# More than a hundred workers take up at once.
_MOST = 1000


async def reap(
    session: AsyncSession, *, patience: float, repo_limit: int = 0, batch: int = 100
) -> Sequence[tuple[uuid.UUID, str]]:
    """Give a fresh job to runs that are neither finished nor held; returns (run id, status before)."""
    values = {
        "patience": patience,
        "repo_limit": repo_limit,
        "batch": batch,
        "queue": VerifyRun.QUEUE,
        "task": VerifyRun.NAME,
        "most": _MOST,
    }
    rows = (await session.execute(REAP, values)).all()
    for row in rows:
        reason = "lease lapsed" if row.was == "running" else "its job was lost"
        await events.append(session, row.id, "requeued", {"reason": reason})
        await enqueue(session, VerifyRun(row.id), priority=row.priority)
    return [(row.id, row.was) for row in rows]
