"""A worker with judges is killed at every step in turn: the run ends, and no answer on the ledger is paid again."""

import json
import re
from pathlib import Path

import psycopg

from tests.chaos.test_short import until_done
from tests.support import processes, provider
from tests.support.provider import CONSTITUTION, FILES, Reply, Request

STEPS = ("snapshot", "analysis", "judging", "debate", "recording")


def slow_and_split(request: Request) -> Reply:
    """Judges who take a moment, and split at first."""

    def split(asked: Request) -> list[dict[str, object]]:
        seen = provider.honest(asked)
        if asked.is_debate or asked.role == "architect":
            return seen
        vote = "PASS" if asked.role == "security" else "ABSTAIN"
        return [provider.opinion(o["criterion"], vote, evidence=o["evidence"]) for o in seen]

    reply = provider.judging(split)(request)
    reply.seconds = 0.4
    return reply


def without_nonce(request: Request) -> str:
    return re.sub(r"DATA [0-9a-f]{16}", "DATA", request.text) + request.model


def test_killed_at_every_step_in_turn(url: str, tmp_path: Path) -> None:
    with provider.running(slow_and_split) as server:
        given = {
            **provider.settings(server),
            "CVA_LLM_PRICES": json.dumps(
                {f"{name}-1": {"input": 1, "output": 5} for name in ("alpha", "beta", "gamma")}
            ),
            "CVA_LEASE_SECONDS": "2",
            "CVA_REAP_SECONDS": "0.3",
            "CVA_MAX_ATTEMPTS": "50",
        }
        with processes.api(url, tmp_path) as (client, _), psycopg.connect(url, autocommit=True) as connection:
            body = {"source": {"kind": "files", "files": FILES}, "constitution": CONSTITUTION}
            run_id = client.post("/api/runs", json=body).json()["id"]
            paid: set[str] = set()
            for number, step in enumerate(STEPS):
                before = connection.execute("SELECT coalesce(max(seq), 0) FROM run_events").fetchone()
                assert before is not None
                with processes.worker(url, tmp_path, f"worker{number}", **given) as worker:
                    # By its event, which stays, and not by the step of the moment, which may be over too soon.
                    processes.eventually(
                        lambda step=step, seq=before[0]: connection.execute(
                            "SELECT 1 FROM run_events WHERE data->>'step' = %s AND seq > %s", [step, seq]
                        ).fetchone(),
                        30,
                        lambda: worker.log,
                    )
                    worker.kill()
                paid |= {row[0] for row in connection.execute("SELECT key FROM llm_calls WHERE state = 'completed'")}
            with processes.worker(url, tmp_path, "last", **given):
                run = until_done(client, run_id, 60)
            assert run["verdict"] in ("FAIL", "VETO"), run
            assert run["attempt"] >= len(STEPS)
            calls = connection.execute("SELECT key, state, count(*) FROM llm_calls GROUP BY 1, 2").fetchall()
            budgets = connection.execute("SELECT scope, spent_usd, reserved_usd FROM llm_budgets").fetchall()
            total = connection.execute("SELECT sum(cost_usd) FROM llm_calls").fetchone()
    # One completed entry for each question, whatever was tried; what was on the ledger was not asked again.
    completed_keys = [key for key, state, count in calls if state == "completed" and count == 1]
    assert len(completed_keys) == sum(1 for _, state, _ in calls if state == "completed")
    assert paid <= set(completed_keys)
    asked = [without_nonce(request) for request in server.requests]
    assert len(set(asked)) == len(completed_keys)
    lost = sum(count for _, state, count in calls if state == "failed")
    assert len(asked) <= len(completed_keys) + lost
    assert {reserved for _, _, reserved in budgets} == {0}
    assert total is not None
    assert {spent for _, spent, _ in budgets} == {total[0]}
