"""Chores that keep the database small: what is finished and old goes, in batches, by settings.

All of them are safe to run twice at once and to be killed half-way: a batch is one short transaction, and rows that
somebody else has locked are left to him.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import TextClause, text

from worker.core.backoff import spread
from worker.core.queue.jobs import ITEMS, QUEUES, SUBJECT, VerifyRun
from worker.core.telemetry import logs
from worker.runtime.periodic import Chore
from worker.runtime.resources import Resources

log = logs.get(__name__)

_BATCH = 100
# The part of the time that batches may take: fewer than one in a hundred claims meets one.
_SHARE = 0.005
_HOUR = 3600.0
_SOON = 10.0


@dataclass(frozen=True)
class Removal:
    """`statement` removes, or lets go, at most :batch rows, older than :seconds where the setting `days` says how old
    they must be.

    By now(), not by clock_timestamp(): only the start of the transaction can be looked up in an index.
    """

    every: float
    statement: TextClause
    days: str | None = None


def _of_removed(table: str, change: str) -> Removal:
    """Make the change to the rows of the table that hang on a repository which was removed."""
    return Removal(
        _SOON,
        text(
            f"""
            {change} WHERE id IN (
                SELECT t.id FROM repo_connections c JOIN {table} t ON t.repo_id = c.id
                WHERE c.removed_at IS NOT NULL
                LIMIT :batch FOR UPDATE OF t SKIP LOCKED)
            """  # noqa: S608  our own words
        ),
    )


REMOVALS: Mapping[str, Removal] = {
    # Finished jobs are deleted at once; these failed, or their finish was lost. The age is asked for job by job: as an
    # anti join every batch read all events there are.
    "jobs": Removal(
        _HOUR,
        text(
            """
            DELETE FROM procrastinate_jobs WHERE id IN (
                SELECT j.id FROM procrastinate_jobs j
                WHERE j.queue_name = ANY(:queues)
                    AND j.status IN ('succeeded', 'failed', 'cancelled', 'aborting', 'aborted')
                    AND coalesce((SELECT max(e.at) FROM procrastinate_events e WHERE e.job_id = j.id), '-infinity')
                        < now() - make_interval(secs => :seconds)
                ORDER BY j.id LIMIT :batch FOR UPDATE SKIP LOCKED)
            """
        ).bindparams(queues=list(QUEUES)),
        "keep_jobs_days",
    ),
    # A job wedged in `doing`: its worker is gone, or lost the connection at the end and does something else. What it
    # was made for is asked too, but says little: a job is a ticket for any run.
    "wedged_jobs": Removal(
        30.0,
        text(
            f"""
            DELETE FROM procrastinate_jobs WHERE id IN (
                SELECT j.id FROM procrastinate_jobs j
                WHERE j.status = 'doing' AND j.task_name = ANY(:tasks)
                    AND NOT EXISTS (SELECT FROM procrastinate_events e
                        WHERE e.job_id = j.id AND e.at > now() - interval '60 seconds')
                    AND (NOT EXISTS (SELECT FROM procrastinate_workers w
                            WHERE w.id = j.worker_id AND w.last_heartbeat > now() - interval '60 seconds')
                        OR NOT EXISTS (SELECT FROM procrastinate_events e
                            WHERE e.job_id = j.id AND e.at > now() - interval '12 hours'))
                    AND NOT EXISTS (SELECT FROM runs r
                        WHERE r.id = CAST(j.args->>'run_id' AS uuid) AND r.status = 'running'
                            AND j.task_name = :verify)
                    AND NOT EXISTS (SELECT FROM work_items w
                        WHERE w.kind = j.task_name AND w.status = 'running'
                            AND w.subject = {SUBJECT.format(args="j.args")})
                ORDER BY j.id LIMIT :batch FOR UPDATE SKIP LOCKED)
            """  # noqa: S608  our own words
        ).bindparams(verify=VerifyRun.NAME, tasks=[VerifyRun.NAME, *ITEMS]),
    ),
    "dead_workers": Removal(
        60.0,
        text(
            """
            DELETE FROM procrastinate_workers WHERE id IN (
                SELECT id FROM procrastinate_workers WHERE last_heartbeat < now() - interval '5 minutes'
                ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED)
            """
        ),
    ),
    "events": Removal(
        _HOUR,
        text(
            """
            DELETE FROM run_events WHERE id IN (
                SELECT e.id FROM run_events e JOIN runs r ON r.id = e.run_id
                WHERE e.created_at < now() - make_interval(secs => :seconds)
                    AND r.finished_at < now() - make_interval(secs => :seconds)
                ORDER BY e.created_at LIMIT :batch FOR UPDATE OF e SKIP LOCKED)
            """
        ),
        "keep_events_days",
    ),
    "uploads": Removal(
        _HOUR,
        text(
            """
            DELETE FROM uploads WHERE id IN (
                SELECT u.id FROM uploads u
                WHERE u.created_at < now() - make_interval(secs => :seconds)
                    AND NOT EXISTS (SELECT FROM runs r WHERE r.upload_id = u.id AND r.finished_at IS NULL)
                ORDER BY u.created_at LIMIT :batch FOR UPDATE SKIP LOCKED)
            """
        ),
        "keep_uploads_days",
    ),
    "artifacts": Removal(
        _HOUR,
        text(
            """
            DELETE FROM artifacts WHERE (run_id, name) IN (
                SELECT a.run_id, a.name FROM runs r JOIN artifacts a ON a.run_id = r.id
                WHERE r.created_at < now() - make_interval(secs => :seconds)
                    AND r.finished_at < now() - make_interval(secs => :seconds)
                LIMIT :batch FOR UPDATE OF a SKIP LOCKED)
            """
        ),
        "keep_artifacts_days",
    ),
    "deliveries": Removal(
        _HOUR,
        text(
            """
            DELETE FROM webhook_deliveries WHERE delivery_id IN (
                SELECT delivery_id FROM webhook_deliveries
                WHERE received_at < now() - make_interval(secs => :seconds) AND processed_at IS NOT NULL
                ORDER BY received_at LIMIT :batch FOR UPDATE SKIP LOCKED)
            """
        ),
        "keep_events_days",
    ),
    # A commit that has a run goes after the run; the figures of the branch are the runs'.
    "commits": Removal(
        _HOUR,
        text(
            """
            DELETE FROM monitor_jobs WHERE id IN (
                SELECT id FROM monitor_jobs
                WHERE created_at < now() - make_interval(secs => :seconds) AND run_id IS NULL
                ORDER BY created_at LIMIT :batch FOR UPDATE SKIP LOCKED)
            """
        ),
        "keep_events_days",
    ),
    "callbacks": Removal(
        _HOUR,
        text(
            """
            DELETE FROM callbacks WHERE id IN (
                SELECT id FROM callbacks
                WHERE created_at < now() - make_interval(secs => :seconds) AND status <> 'waiting'
                ORDER BY created_at LIMIT :batch FOR UPDATE SKIP LOCKED)
            """
        ),
        "keep_events_days",
    ),
    "previews": Removal(
        _HOUR,
        text(
            """
            DELETE FROM constitution_previews WHERE sha256 IN (
                SELECT sha256 FROM constitution_previews WHERE created_at < now() - interval '1 hour'
                LIMIT :batch FOR UPDATE SKIP LOCKED)
            """
        ),
    ),
    "tokens": Removal(
        _HOUR,
        text(
            """
            DELETE FROM api_tokens WHERE id IN (
                SELECT id FROM api_tokens WHERE least(expires_at, revoked_at) < now() - make_interval(secs => :seconds)
                LIMIT :batch FOR UPDATE SKIP LOCKED)
            """
        ),
        "keep_tokens_days",
    ),
    # Where users' minutes and streams are counted: what has ended counts for nothing.
    "request_windows": Removal(
        _HOUR,
        text(
            """
            DELETE FROM request_windows WHERE subject IN (
                SELECT subject FROM request_windows WHERE began < now() - interval '1 hour'
                LIMIT :batch FOR UPDATE SKIP LOCKED)
            """
        ),
    ),
    "open_streams": Removal(
        _HOUR,
        text(
            """
            DELETE FROM open_streams WHERE id IN (
                SELECT id FROM open_streams WHERE until < now() - interval '1 hour'
                LIMIT :batch FOR UPDATE SKIP LOCKED)
            """
        ),
    ),
    # A call settles within its run's deadline: a week later nobody asks for a user's day.
    "user_budgets": Removal(
        _HOUR,
        text(
            """
            DELETE FROM llm_budgets WHERE scope IN (
                SELECT scope FROM llm_budgets
                WHERE scope LIKE 'user:%' AND scope < 'user:' || to_char(now() - interval '7 days', 'YYYY-MM-DD')
                LIMIT :batch FOR UPDATE SKIP LOCKED)
            """
        ),
    ),
    # With the day and the user it was counted; a run that is taken up again is not older than this. The ids in the
    # scopes are in the order of time (RFC 9562, version 7): the oldest come first.
    "run_budgets": Removal(
        _HOUR,
        text(
            """
            DELETE FROM llm_budgets WHERE scope IN (
                SELECT b.scope FROM llm_budgets b
                WHERE b.scope LIKE 'run:%' AND b.reserved_usd = 0
                    AND NOT EXISTS (SELECT FROM runs r WHERE r.id = CAST(substr(b.scope, 5) AS uuid)
                        AND coalesce(r.finished_at, 'infinity') > now() - interval '7 days')
                ORDER BY b.scope LIMIT :batch FOR UPDATE SKIP LOCKED)
            """
        ),
    ),
    # With all that is theirs alone: opinions, findings and results are what a run's figures are made from, and go with
    # it. The figures stay, where the transaction says so (revision 012). So does a run in which somebody accepted a
    # place: the runs that come are told by it.
    "runs": Removal(
        _HOUR,
        text(
            """
            WITH figures AS MATERIALIZED (SELECT set_config('invariant.figures', 'kept', true) AS are)
            DELETE FROM runs WHERE (SELECT are FROM figures) = 'kept' AND id IN (
                SELECT id FROM runs
                WHERE created_at < now() - make_interval(secs => :seconds)
                    AND finished_at < now() - make_interval(secs => :seconds)
                    AND NOT EXISTS (SELECT FROM feedback f WHERE f.run_id = runs.id AND f.mark = 'accepted')
                ORDER BY created_at LIMIT :batch FOR UPDATE SKIP LOCKED)
            """
        ),
        "keep_runs_days",
    ),
    # Of no repository and no run that is still there, with the criteria that were read from them.
    "constitutions": Removal(
        _HOUR,
        text("SELECT remove_constitutions(:seconds, :batch)"),
        "keep_constitutions_days",
    ),
    # What hangs on a repository that was removed belongs to who made it again; then the repository goes.
    "runs_of_removed": _of_removed("runs", "UPDATE runs SET repo_id = NULL"),
    "constitutions_of_removed": _of_removed(
        "constitution_versions", "UPDATE constitution_versions SET repo_id = NULL, version = NULL"
    ),
    "jobs_of_removed": _of_removed("monitor_jobs", "DELETE FROM monitor_jobs"),
    "removed_repositories": Removal(
        _SOON,
        text(
            """
            DELETE FROM repo_connections WHERE id IN (
                SELECT c.id FROM repo_connections c
                WHERE c.removed_at IS NOT NULL
                    AND NOT EXISTS (SELECT FROM runs r WHERE r.repo_id = c.id)
                    AND NOT EXISTS (SELECT FROM constitution_versions v WHERE v.repo_id = c.id)
                    AND NOT EXISTS (SELECT FROM monitor_jobs j WHERE j.repo_id = c.id)
                LIMIT :batch FOR UPDATE SKIP LOCKED)
            """
        ),
    ),
    "work_items": Removal(
        _HOUR,
        text(
            """
            DELETE FROM work_items WHERE (kind, subject) IN (
                SELECT kind, subject FROM work_items WHERE finished_at < now() - make_interval(secs => :seconds)
                ORDER BY finished_at LIMIT :batch FOR UPDATE SKIP LOCKED)
            """
        ),
        "keep_jobs_days",
    ),
}


async def tidy(name: str, resources: Resources, *, share: float = _SHARE) -> int:
    """Remove all that is to go; returns how many rows went. A setting of 0 days keeps them for ever.

    It works for `share` of the time and pauses for the rest.
    """
    removal = REMOVALS[name]
    values: dict[str, float] = {"batch": _BATCH}
    if removal.days is not None:
        values["seconds"] = 86_400 * float(getattr(resources.settings, removal.days))
        if not values["seconds"]:
            return 0
    removed = 0
    while True:
        began = time.monotonic()
        async with resources.db.single_statement() as connection:
            result = await connection.execute(removal.statement, values)
            gone = int(result.scalar_one()) if result.returns_rows else result.rowcount
        removed += gone
        if gone < _BATCH:
            return removed
        await asyncio.sleep((time.monotonic() - began) * (1 / share - 1))


async def _tidy(name: str, resources: Resources) -> None:
    removed = await tidy(name, resources)
    if removed:
        log.info("tidied", chore=name, removed=removed)


# Older code does none of the chores of a kind once it has met one that it does not know.
_SINCE_012 = {
    *("run_budgets", "runs", "constitutions"),
    *("runs_of_removed", "constitutions_of_removed", "jobs_of_removed", "removed_repositories"),
}
_SINCE_015 = {"deliveries", "commits", "callbacks"}


def _chore(name: str) -> Chore:
    return Chore(partial(_tidy, name), partial(spread, REMOVALS[name].every, 0.1))


CHORES: Mapping[str, Mapping[str, Chore]] = {
    "upkeep": {name: _chore(name) for name in REMOVALS if name not in _SINCE_012 | _SINCE_015},
    "retention": {name: _chore(name) for name in REMOVALS if name in _SINCE_012},
    "logs": {name: _chore(name) for name in REMOVALS if name in _SINCE_015},
}
"""By the kind of their work items."""
