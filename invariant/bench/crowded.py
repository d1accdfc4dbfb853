"""A database in which much waits and more has ended: a thousand tenants, as many users and repositories."""

from typing import LiteralString

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.models import Run

USER = "user-7"
_TENANTS = 1000
# So many of the newest runs have events, calls and marks.
_TOLD = 100_000
_MARKED = 30_000

_REPOSITORIES: tuple[LiteralString, ...] = (
    """
    INSERT INTO repo_connections (id, full_name, clone_url, default_branch)
    SELECT gen_random_uuid(), 'org-' || mod(n, 25) || '/repo-' || n, 'https://github.com/org/repo-' || n, 'main'
    FROM generate_series(1, 1000) AS n
    """,
    """
    INSERT INTO repo_members (repo_id, user_name, role)
    SELECT id, 'user-' || mod(row_number() OVER (), 100), 'admin' FROM repo_connections
    """,
)
_FINISHED: LiteralString = """
    INSERT INTO runs (id, source_kind, source, created_by, repo_id, repo_full_name, branch, priority, attempt,
        created_at, started_at, finished_at, status, verdict)
    SELECT gen_random_uuid(), 'git', '{"kind": "git", "url": "https://github.com/o/r"}', 'user-' || mod(n, 1000),
        CASE WHEN mod(n, 2) = 0 THEN r.id END, r.full_name, 'main', 10, 1, ended, ended, ended,
        CASE WHEN mod(n, 20) = 0 THEN 'failed' ELSE 'completed' END,
        CASE WHEN mod(n, 20) = 0 THEN 'ERROR' WHEN mod(n, 7) = 0 THEN 'FAIL' ELSE 'PASS' END
    FROM (
        SELECT n, now() - interval '700 days' * (1 - n / %(number)s::float8) AS ended
        FROM generate_series(1, %(number)s) AS n
    ) AS made
    JOIN (SELECT id, full_name, row_number() OVER () AS k FROM repo_connections) AS r ON r.k = 1 + mod(n, 1000)
"""
_QUEUED: LiteralString = """
    INSERT INTO runs (id, source_kind, source, created_by, repo_full_name, branch, priority, created_at)
    SELECT gen_random_uuid(), 'git', '{}', 'tenant-' || mod(n, %(tenants)s), 'o/r-' || mod(n, 5 * %(tenants)s), 'main',
        10, now() - interval '1 day' * (1 - n / %(number)s::float8)
    FROM generate_series(1, %(number)s) AS n
"""
_REST: tuple[LiteralString, ...] = (
    """
    INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args)
    SELECT 'verification', 'verification.verify_run', 10, jsonb_build_object('run_id', id)
    FROM runs WHERE status = 'queued'
    """,
    "INSERT INTO procrastinate_events (job_id, type, at) SELECT id, 'deferred', now() FROM procrastinate_jobs",
    """
    INSERT INTO run_events (run_id, seq, type)
    SELECT id, n, 'step' FROM (
        SELECT id FROM runs WHERE finished_at IS NOT NULL ORDER BY created_at DESC LIMIT %(told)s
    ) AS r, generate_series(1, 9) AS n
    """,
    """
    INSERT INTO llm_calls (id, key, run_id, state, role, provider, model, prompt_version, outcome, cost_usd)
    SELECT gen_random_uuid(), r.id::text || n, r.id, 'completed', 'architect', 'openai', 'm', '1', 'valid', 0.01
    FROM (SELECT id FROM runs WHERE status = 'completed' ORDER BY created_at DESC LIMIT %(told)s) AS r,
        generate_series(1, 9) AS n
    """,
    "INSERT INTO llm_uses (run_id, call_id, reused) SELECT run_id, id, false FROM llm_calls",
    """
    INSERT INTO feedback (id, run_id, scope, applies_to, subject, mark, key, outcome, fingerprints, created_by)
    SELECT gen_random_uuid(), id, 's', 'a', 'criterion', CASE WHEN random() < 0.5 THEN 'accepted' ELSE 'wrong' END,
        'k', 'PASS', ARRAY['x'], created_by
    FROM (SELECT * FROM runs WHERE status = 'completed' ORDER BY created_at DESC LIMIT %(marked)s) AS r
    """,
    """
    INSERT INTO opinions (id, run_id, key, role, model, vote, rationale)
    SELECT gen_random_uuid(), run_id, 'k', role, 'm', 'PASS', ''
    FROM feedback, unnest(ARRAY['architect', 'security', 'user_proxy']) AS role
    """,
)
_INDEXES: LiteralString = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE tablename = 'runs' AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)
"""

NEWCOMER: LiteralString = """
    INSERT INTO runs (id, source_kind, source, created_by, priority) VALUES (%(id)s, 'git', '{}', %(tenant)s, 10)
"""
WAITED: LiteralString = """
    SELECT extract(epoch FROM started_at - created_at)::float8 FROM runs WHERE id = %(id)s AND started_at IS NOT NULL
"""


def fill(url: str, *, queued: int, finished: int) -> None:
    """Write it; indexes of the runs are made when they are there."""
    with psycopg.connect(url, autocommit=True) as connection:
        # No trigger and no foreign key is asked, as in any bulk import.
        connection.execute("SET session_replication_role = replica")
        indexes = connection.execute(_INDEXES).fetchall()
        for name, _ in indexes:
            connection.execute(SQL("DROP INDEX {}").format(Identifier(name)))
        for statement in _REPOSITORIES:
            connection.execute(statement)
        connection.execute(_FINISHED, {"number": finished})
        connection.execute(_QUEUED, {"number": queued, "tenants": _TENANTS})
        for _, definition in indexes:
            connection.execute(definition)
        for statement in _REST:
            connection.execute(statement, {"told": _TOLD, "marked": _MARKED})
        connection.execute("VACUUM ANALYZE")


async def newest_finished(session: AsyncSession) -> Run:
    """A user's own, whose history is the longest to read."""
    query = select(Run).where(Run.status == "completed", Run.repo_id.is_(None))
    return (await session.scalars(query.order_by(Run.created_at.desc()).limit(1))).one()


def paths(url: str) -> list[str]:
    """What can be asked: every list with what it can be narrowed by, and one thing of each."""
    with psycopg.connect(url) as connection:
        run, repo = connection.execute(
            "SELECT (SELECT run_id FROM llm_calls LIMIT 1), (SELECT id FROM repo_connections LIMIT 1)"
        ).fetchone() or (None, None)
    narrowed = (
        *("", "?status=queued", "?status=running", "?status=failed", "?status=cancelled"),
        *("?verdict=FAIL", "?verdict=VETO", "?branch=main", "?branch=none", "?branch=none&status=completed"),
        *("?repo=org-1/repo-1", "?repo=org-1/repo-1&branch=main", "?repo=org-1/repo-1&status=queued"),
        *("?since=2026-01-01T00:00:00Z", "?until=2025-06-01T00:00:00Z"),
    )
    jobs = ("", "?status=failed", "?status=todo", "?queue=monitoring")
    return [
        *(f"/api/runs{query}" for query in narrowed),
        *(f"/api/runs/{run}{part}" for part in ("", "/calls", "/verdict")),
        *("/api/queue", *(f"/api/jobs{query}" for query in jobs), "/api/tokens", "/metrics", "/ready"),
        *("/api/repositories", f"/api/repositories/{repo}", f"/api/repositories/{repo}/constitution"),
    ]
