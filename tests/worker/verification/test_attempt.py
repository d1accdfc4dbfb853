"""An attempt from the request to the rows it leaves, on a real database, with real tools."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import text

from tests.support.app import resources, work
from tests.support.git import repository
from worker.core.telemetry.masking import split_marks
from worker.verification import attempt


async def enqueue(client: httpx.AsyncClient, body: dict[str, Any]) -> str:
    answer = await client.post("/api/runs", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def rows(url: str, statement: str) -> list[Any]:
    async with resources(url) as found, found.db.transaction() as session:
        return list((await session.execute(text(statement))).all())


async def test_a_run_leaves_everything_it_should(
    client: httpx.AsyncClient, url: str, request_body: dict[str, Any]
) -> None:
    run_id = await enqueue(client, request_body)
    assert await work(url, run_id) == "FAIL"
    run = (await client.get(f"/api/runs/{run_id}")).json()
    assert (run["status"], run["verdict"], run["tribunal"]) == ("completed", "FAIL", "static")
    verdict = (await client.get(f"/api/runs/{run_id}/verdict")).json()
    assert verdict["counts"]["criteria"] == 3
    outcomes = {criterion["statement"]: criterion["outcome"] for criterion in verdict["criteria"]}
    assert outcomes == {
        "Code MUST NOT call `eval()`.": "FAIL",
        "Python code SHOULD have no unused imports.": "FAIL",
        "The service MUST answer within a second.": "UNDECIDED",
    }
    report = (await client.get(f"/api/runs/{run_id}/report")).text
    assert "# FAIL" in report
    assert "`app.py:5`" in report
    criteria = (await client.get(f"/api/runs/{run_id}/criteria")).json()
    assert len(criteria["criteria"]) == 3
    sarif = (await client.get(f"/api/runs/{run_id}/sarif")).json()
    assert sarif["version"] == "2.1.0"
    counted = {
        table: (await rows(url, f"SELECT count(*) FROM {table}"))[0][0]
        for table in (
            "criterion_results", "opinions", "artifacts", "analytics_run_metrics", "analytics_dirty_marks", "criteria",
        )
    }  # fmt: skip
    assert counted == {
        "criterion_results": 3, "opinions": 0, "artifacts": 4, "analytics_run_metrics": 1,
        "analytics_dirty_marks": 1, "criteria": 3,
    }  # fmt: skip
    (metrics,) = await rows(url, "SELECT * FROM analytics_run_metrics")
    assert (metrics.verdict, metrics.criteria_failed, metrics.criteria_undecided, metrics.files_total) == (
        "FAIL",
        2,
        1,
        1,
    )
    assert await work(url, run_id) == "nothing to do"


async def test_the_same_again_is_the_same_but_for_ids_and_times(
    client: httpx.AsyncClient, url: str, request_body: dict[str, Any]
) -> None:
    documents = []
    for _ in range(2):
        run_id = await enqueue(client, request_body)
        await work(url, run_id)
        document = (await client.get(f"/api/runs/{run_id}/verdict")).json()
        del document["run"]
        documents.append(json.dumps(document, sort_keys=True))
    assert documents[0] == documents[1]


async def test_every_citation_resolves(client: httpx.AsyncClient, url: str, tmp_path: Path) -> None:
    example = Path(attempt.__file__).parents[2] / "invariant" / "example"
    body = {
        "source": {"kind": "path", "path": str(example / "shelf")},
        "constitution": (example / "CONSTITUTION.md").read_text(),
    }
    run_id = await enqueue(client, body)
    await work(url, run_id)
    verdict = (await client.get(f"/api/runs/{run_id}/verdict")).json()
    cited = [place for c in verdict["criteria"] for place in (*c["evidence"], *c["look_at"]) if place["quote"]]
    assert len(cited) > 5
    for item in [*cited, *verdict["findings"]]:
        assert item["verified"]
        lines = (example / "shelf" / item["path"]).read_text().split("\n")
        there = "\n".join(lines[item["start_line"] - 1 : item["end_line"]])
        for piece in split_marks(item["quote"]):
            assert piece.strip() in there


async def test_no_secret_of_the_repository_is_published(client: httpx.AsyncClient, url: str) -> None:
    canary = "canary-7f3a-hunter22"
    files = {"a.py": f'password = "{canary}"\napi_key = "{canary}"\nconnect(token="{canary}")\n'}
    body = {"source": {"kind": "files", "files": files}, "constitution": "- No hard-coded passwords\n"}
    run_id = await enqueue(client, body)
    assert await work(url, run_id) in ("PARTIAL", "FAIL", "VETO")
    for name in ("report", "verdict", "sarif", "criteria"):
        assert canary not in (await client.get(f"/api/runs/{run_id}/{name}")).text
    for table in ("findings", "opinions", "run_events", "criterion_results"):
        assert not [row for row in await rows(url, f"SELECT row({table}.*)::text FROM {table}") if canary in row[0]]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"source": {"kind": "path", "path": "/nonexistent"}}, "source_not_found"),
        ({"source": {"kind": "git", "url": "/nonexistent"}}, "source_not_found"),
        ({"constitution": "Good morning."}, "constitution_rejected"),
    ],
)
async def test_what_cannot_be_done_is_an_error_not_a_verdict(
    client: httpx.AsyncClient, url: str, request_body: dict[str, Any], change: dict[str, Any], code: str
) -> None:
    run_id = await enqueue(client, {**request_body, **change})
    assert await work(url, run_id) == f"ERROR ({code})"
    run = (await client.get(f"/api/runs/{run_id}")).json()
    assert (run["status"], run["verdict"], run["error"]["code"]) == ("failed", "ERROR", code)
    verdict = (await client.get(f"/api/runs/{run_id}/verdict")).json()
    assert verdict["verdict"] == "ERROR"
    assert len(await rows(url, "SELECT 1 FROM analytics_run_metrics WHERE verdict = 'ERROR'")) == 1


async def test_a_deadline_is_an_error(client: httpx.AsyncClient, url: str, request_body: dict[str, Any]) -> None:
    run_id = await enqueue(client, request_body)
    assert await work(url, run_id, CVA_RUN_DEADLINE_SECONDS=0.01) == "ERROR (deadline_exceeded)"


async def test_an_unreachable_source_is_tried_again_and_then_given_up(
    client: httpx.AsyncClient, url: str, request_body: dict[str, Any]
) -> None:
    source = {"kind": "git", "url": "http://127.0.0.1:1/a/b"}
    run_id = await enqueue(client, {**request_body, "source": source})
    for failures in (1, 2):
        assert await work(url, run_id, CVA_MAX_ATTEMPTS=3) == "handed back (source_unavailable)"
        run = (await client.get(f"/api/runs/{run_id}")).json()
        assert (run["status"], run["error"]["code"]) == ("queued", "source_unavailable")
        (row,) = await rows(url, "UPDATE runs SET not_before = NULL RETURNING failures")
        assert row.failures == failures
        async with resources(url) as found, found.db.transaction() as session:
            await session.execute(text("UPDATE runs SET not_before = NULL"))
    assert await work(url, run_id, CVA_MAX_ATTEMPTS=3) == "ERROR (source_unavailable)"


async def test_a_run_that_kills_its_workers_is_given_up(
    client: httpx.AsyncClient, url: str, request_body: dict[str, Any]
) -> None:
    run_id = await enqueue(client, request_body)
    async with resources(url) as found, found.db.transaction() as session:
        await session.execute(text("UPDATE runs SET failures = 5"))
    assert await work(url, run_id) == "ERROR (attempts_exhausted)"


async def test_a_git_run_knows_its_commit(
    client: httpx.AsyncClient, url: str, request_body: dict[str, Any], tmp_path: Path
) -> None:
    made = repository(tmp_path / "repo", {"a.py": "x = 1\n"})
    source = {"kind": "git", "url": str(tmp_path / "repo"), "ref": "main"}
    run_id = await enqueue(client, {**request_body, "source": source})
    await work(url, run_id)
    run = (await client.get(f"/api/runs/{run_id}")).json()
    assert (run["commit"], run["branch"]) == (made, "main")


async def test_the_fence_is_closed_at_the_last_moment(
    client: httpx.AsyncClient, url: str, request_body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another attempt takes the run between the work and its record: nothing of ours is written."""
    run_id = await enqueue(client, request_body)
    real: Callable[..., Any] = attempt.record.artifacts

    def taken_meanwhile(outcome: Any) -> Any:
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE runs SET attempt = attempt + 1")
        return real(outcome)

    monkeypatch.setattr(attempt.record, "artifacts", taken_meanwhile)
    assert await work(url, run_id) == "left alone"
    for table in ("criterion_results", "opinions", "findings", "artifacts", "analytics_run_metrics"):
        assert await rows(url, f"SELECT 1 FROM {table}") == []


async def test_cancelled_before_it_began(client: httpx.AsyncClient, url: str, request_body: dict[str, Any]) -> None:
    run_id = await enqueue(client, request_body)
    async with resources(url) as found:
        async with found.db.transaction() as session:
            await session.execute(text("UPDATE runs SET cancel_requested_at = now()"))
        assert await attempt.verify_run(uuid.UUID(run_id), found) == "cancelled"
    assert (await client.get(f"/api/runs/{run_id}")).json()["status"] == "cancelled"
