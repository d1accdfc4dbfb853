"""Secrets of a repository reach no provider, no log, no report, no SARIF and no row: those of the masker's whole corpus."""

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import httpx
import psycopg
import pytest
import structlog

from invariant.bench.provider import completion, criterion
from tests.support import app, provider
from tests.support.masking import Case, cases
from tests.support.provider import Reply, Request
from tests.worker.verification.test_panel import enqueue
from worker.core.telemetry.masking import mask_file

_LEAST = 8
TABLES = ("findings", "opinions", "run_events", "criterion_results", "criteria", "llm_calls")
TEXT = "- Passwords and tokens MUST NOT be hard-coded.\n"


def planted() -> Iterator[tuple[str, Case, str]]:
    """(path, case, secret) of what the masker hides in a file by itself; its recall is measured elsewhere."""
    for number, case in enumerate(cases()):
        path = f"case_{number}/{PurePosixPath(case.path.lstrip('/'))}"
        for start, end in case.secrets:
            secret = case.text[start:end].strip()
            hidden = secret not in mask_file(case.text, path)
            # A password that is a word stands in other files as a word.
            telling = len(secret) >= _LEAST and any(c.isdigit() for c in secret) and "\n" not in secret
            if telling and hidden and ".." not in path:
                yield path, case, secret


def judge(request: Request) -> list[dict[str, Any]]:
    """Cites the longest lines that it was shown, and repeats them in its own words."""
    lines = sorted(request.lines(), key=lambda shown: -len(shown[2]))[:8]
    places = [{"path": path, "start_line": n, "end_line": n, "quote": line} for path, n, line in lines]
    words = " ".join(line for _, _, line in lines)[:4000]
    return [{**provider.opinion(key, "FAIL", evidence=places), "rationale": words} for key in request.keys]


async def test_nothing_that_leaves_a_run_holds_a_secret_of_its_repository(
    client: httpx.AsyncClient, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files: dict[str, str] = {}
    secrets: set[str] = set()
    for path, case, secret in planted():
        files[path] = case.text
        secrets.add(secret)
    assert len(secrets) > 400
    read = [criterion(TEXT[2:].strip(), kind="forbids", patterns=["password", "token", "key", "secret"])]

    def script(request: Request) -> Reply:
        if request.role == "extraction":
            return Reply(completion(request, json.dumps({"criteria": read, "not_read": []})))
        return provider.judging(judge)(request)

    structlog.configure(logger_factory=structlog.PrintLoggerFactory())
    with provider.running(script) as server:
        run_id = await enqueue(client, files, TEXT)
        await app.work(url, run_id, **provider.settings(server, CVA_FAIL_FAST=False, CVA_CONTEXT_TOKENS=60_000))
        sent = "\n".join(request.raw for request in server.requests)
    places = {"a provider": sent, "a log": capsys.readouterr().out}
    for name in ("report", "verdict", "sarif", "criteria"):
        places[name] = (await client.get(f"/api/runs/{run_id}/{name}")).text
    assert json.loads(places["verdict"])["criteria"][0]["opinions"][0]["evidence"], "something was cited"
    with psycopg.connect(url) as connection:
        for table in TABLES:
            rows = connection.execute(f"SELECT row(t.*)::text FROM {table} t").fetchall()
            places[table] = "\n".join(row[0] for row in rows)
    for where, text in places.items():
        plain = text.replace("\\\\", "\\").replace('\\"', '"')
        leaked = sorted(secret for secret in secrets if secret in text or secret in plain)
        assert not leaked, f"{where} holds {len(leaked)} secret(s), such as {leaked[:3]}"
