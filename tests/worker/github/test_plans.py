"""What is asked while a repository's row is locked costs what that branch has, whatever else there is."""

import re
from typing import Any

import httpx
import psycopg
import pytest
from asgi_lifespan import LifespanManager
from sqlalchemy import event, text
from starlette.applications import Starlette

from api.app import create_app
from tests.support.app import resources, settings
from worker.core.models import ConstitutionVersion, RepoConnection
from worker.core.monitoring import announce
from worker.core.monitoring.announce import Commit

# Of 200 repositories, each with a branch of 500 commits that were verified, within the day.
_MUCH = """
INSERT INTO repo_connections (id, full_name, clone_url, settings)
SELECT md5('repo' || n)::uuid, 'acme/r' || n, 'https://github.com/acme/r' || n, '{"public_badge": true}'
FROM generate_series(1, 200) n;
INSERT INTO runs (id, source_kind, source, status, finished_at, verdict, repo_id, branch)
SELECT md5('run' || n)::uuid, 'repository', '{}', 'failed', now(), 'ERROR', md5('repo' || 1 + n % 200)::uuid, 'main'
FROM generate_series(1, 100000) n;
INSERT INTO monitor_jobs (id, repo_id, branch, commit_sha, before_sha, event, run_id, created_at)
SELECT md5('job' || n)::uuid, md5('repo' || 1 + n % 200)::uuid, 'main', md5('sha' || n), md5('sha' || n - 200), 'push',
    md5('run' || n)::uuid, now() - (100000 - n) * interval '0.5 second'
FROM generate_series(1, 100000) n;
"""
_ONE = text("SELECT id FROM repo_connections WHERE full_name = 'acme/r7'")
_MOST_PAGES = 1000


@pytest.fixture
def much(url: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(_MUCH)
        connection.execute("ANALYZE runs, monitor_jobs, repo_connections")
    return url


async def _pages(url: str, statements: list[tuple[str, Any]]) -> dict[str, int]:
    """How many pages each statement reads that only reads."""
    found = {}
    async with await psycopg.AsyncConnection.connect(url) as connection:
        for statement, values in statements:
            if not re.search(r"\b(INSERT|UPDATE|DELETE|SAVEPOINT)\b", statement) and "FROM" in statement:
                rows = await (
                    await connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", values)
                ).fetchone()
                assert rows is not None
                plan = rows[0][0]["Plan"]
                found[statement] = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        await connection.rollback()
    return found


async def test_announcing_a_commit_reads_its_branch_alone(much: str) -> None:
    statements: list[tuple[str, Any]] = []
    async with resources(much) as found:

        @event.listens_for(found.db.engine.sync_engine, "before_cursor_execute")
        def note(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
            statements.append((statement, parameters))

        async with found.db.transaction() as session:
            repository = await session.get_one(RepoConnection, await session.scalar(_ONE))
            session.add(ConstitutionVersion(repo_id=repository.id, version=1, content="- Be kind.", sha256="x"))
            await session.flush()
            done = await announce.announce(session, repository, Commit("main", "f" * 40, "push", before="e" * 40))
            assert done.job.run_id is not None
            await announce.catch_up(session, repository, "main")
    pages = await _pages(much, statements)
    assert len(pages) >= 4
    worst = max(pages, key=lambda statement: pages[statement])
    assert pages[worst] < _MOST_PAGES, (pages[worst], worst)


def _client(application: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url="http://localhost")


async def test_a_badge_reads_a_few_rows(much: str) -> None:
    statements: list[tuple[str, Any]] = []
    application = create_app(settings(), url=much)
    async with LifespanManager(application), _client(application) as api:
        engine = application.state.invariant.db.engine.sync_engine

        @event.listens_for(engine, "before_cursor_execute")
        def note(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
            statements.append((statement, parameters))

        answer = await api.get("/badge/github.com/acme/r7.svg")
        assert answer.status_code == 200 and "not verified" in answer.text
        again = await api.get("/badge/github.com/acme/r7.svg", headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
        assert (await api.get("/badge/gitlab.com/acme/r7.svg")).status_code == 404
    pages = await _pages(much, statements)
    assert pages and max(pages.values()) < 400, pages
