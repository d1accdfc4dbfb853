"""Disconnecting a repository on which much hangs."""

import uuid

import psycopg

from tests.support import app
from tests.support.access import GIVEN, OWNER, service
from worker import upkeep

_RUNS = """
    INSERT INTO runs (id, source_kind, source, created_by, repo_id, repo_full_name, constitution_version_id, status,
        lease_until, finished_at, verdict)
    SELECT gen_random_uuid(), 'files', '{}', %(user)s, %(repo)s, 'o/r', %(version)s, s, CASE s WHEN 'running' THEN now() END,
        CASE s WHEN 'completed' THEN now() END, CASE s WHEN 'completed' THEN 'PASS' END
    FROM unnest(%(statuses)s::text[]) AS s
"""


async def test_a_repository_is_gone_at_once_and_its_runs_let_go_of_it_by_and_by(url: str) -> None:
    body = {"clone_url": "https://github.com/o/r"}
    with app.served(url, **GIVEN) as api, psycopg.connect(url, autocommit=True) as connection:
        repo = api.post("/api/repositories", json=body, headers=service(OWNER)).json()["id"]
        place = f"/api/repositories/{repo}"
        version = api.put(f"{place}/constitution", json={"content": "- No."}, headers=service(OWNER)).json()["id"]
        values = {"user": OWNER, "repo": repo, "version": version, "statuses": ["completed"] * 700 + ["running"]}
        connection.execute(_RUNS, values)
        with psycopg.connect(url) as at_work:
            # Whoever holds a run, or renews its lease, is not waited for.
            at_work.execute("SELECT FROM runs WHERE status = 'running' FOR UPDATE")
            assert api.delete(place, headers=service(OWNER)).status_code == 204
            for _ in range(2):
                assert api.get(place, headers=service(OWNER)).status_code == 404
                assert api.delete(place, headers=service()).status_code == 404
            assert api.get("/api/repositories", headers=service()).json()["items"] == []
            again = api.post("/api/repositories", json=body, headers=service(OWNER))
            assert again.status_code == 201
            await _tidied(url)
            left = "SELECT count(*), count(*) FILTER (WHERE status = 'running') FROM runs WHERE repo_id = %s"
            assert connection.execute(left, [repo]).fetchone() == (1, 1)
        await _tidied(url)
        rows = connection.execute("SELECT id FROM repo_connections").fetchall()
        assert rows == [(uuid.UUID(again.json()["id"]),)]
        kept = "SELECT count(*) FROM runs WHERE repo_id IS NULL AND constitution_version_id = %s"
        assert connection.execute(kept, [version]).fetchone() == (701,)
        assert len(api.get("/api/runs?limit=100", headers=service(OWNER)).json()["items"]) == 100


async def _tidied(url: str) -> None:
    async with app.resources(url) as found:
        for chore in ("runs_of_removed", "constitutions_of_removed", "jobs_of_removed", "removed_repositories"):
            await upkeep.tidy(chore, found, share=1)
