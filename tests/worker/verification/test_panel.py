"""Runs with LLM judges, whole: the api accepts, the worker's task works, a real provider is asked over HTTP."""

import asyncio
import json
import os
import random
import uuid
from pathlib import Path
from typing import Any

import httpx
import procrastinate
import psycopg
import pytest
import starlette

from tests.support import app, provider
from tests.support.provider import CONSTITUTION, FAULTS, FILES, Reply, Request
from worker.core.telemetry.masking import split_marks
from worker.core.vocabulary import JudgeRole
from worker.verification.attempt import verify_run

ROOT = Path(__file__).parents[3]


async def enqueue(client: httpx.AsyncClient, files: dict[str, str] | Path = FILES, text: str = CONSTITUTION) -> str:
    source: dict[str, Any] = {"kind": "files", "files": files}
    if isinstance(files, Path):
        source = {"kind": "path", "path": str(files)}
    answer = await client.post("/api/runs", json={"source": source, "constitution": text})
    assert answer.status_code == 202, answer.text
    found: str = answer.json()["id"]
    return found


async def verified(
    client: httpx.AsyncClient, url: str, server: provider.Provider, files: dict[str, str] | Path = FILES, **more: Any
) -> dict[str, Any]:
    """The verdict of a new run."""
    run_id = await enqueue(client, files, more.pop("text", CONSTITUTION))
    await app.work(url, run_id, **provider.settings(server, **more))
    return await verdict_of(client, run_id)


async def verdict_of(client: httpx.AsyncClient, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/api/runs/{run_id}/verdict")).json()
    return found


def outcomes(verdict: dict[str, Any]) -> dict[str, str]:
    return {c["statement"]: c["outcome"] for c in verdict["criteria"]}


def citations(verdict: dict[str, Any]) -> list[dict[str, Any]]:
    return [e for c in verdict["criteria"] for o in (*c["opinions"], *c["before_debate"]) for e in o["evidence"]]


async def test_three_judges_judge_what_they_see(client: httpx.AsyncClient, url: str) -> None:
    with provider.running(provider.judging(provider.honest)) as server:
        found = await verified(client, url, server)
        assert found["verdict"] == "VETO"
        assert list(outcomes(found).values()) == ["FAIL", "PASS", "PASS"]
        assert found["tribunal"]["mode"] == "llm"
        assert [c["role"] for c in await calls(client, found)] == ["extraction", *sorted(JudgeRole)]
        assert {o["model"] for c in found["criteria"] for o in c["opinions"]} == {"alpha-1", "beta-1", "gamma-1"}
        assert (citations(found)[0]["path"], citations(found)[0]["start_line"]) == ("app/main.py", 5)
        report = (await client.get(f"/api/runs/{found['run']['id']}/report")).text
    for told in (
        "4 LLM call(s) made, 0 answer(s) reused",
        "its confidence is not shown: nothing has calibrated it",
        "alpha-1",
        "app/main.py:5",
        "is counted as free",
    ):
        assert told in report


async def calls(client: httpx.AsyncClient, verdict: dict[str, Any]) -> list[dict[str, Any]]:
    found = (await client.get(f"/api/runs/{verdict['run']['id']}/calls")).json()["items"]
    return sorted(found, key=lambda call: (call["purpose"] != "criteria", call["role"]))


async def test_the_same_run_again_asks_nobody(client: httpx.AsyncClient, url: str) -> None:
    with provider.running(provider.judging(provider.honest)) as server:
        first = await verified(client, url, server)
        asked = len(server.requests)
        again = await verified(client, url, server)
        assert len(server.requests) == asked
        assert [call["reused"] for call in await calls(client, again)] == [True] * asked
    assert again.pop("run")["calls"] == {"made": 0, "reused": asked, "failed": 0, "cost_usd": 0.0}
    del first["run"]
    assert json.dumps(first, sort_keys=True) == json.dumps(again, sort_keys=True)


@pytest.mark.parametrize("name", list(FAULTS))
async def test_no_fault_decides_anything(client: httpx.AsyncClient, url: str, name: str) -> None:
    """All judges fail in the same way: nothing is decided, or the run has not ended; the worker goes on."""
    reply, code = FAULTS[name]

    def script(request: Request) -> Reply:
        return provider.judging(provider.honest)(request) if request.role == "extraction" else reply(request)

    with provider.running(script) as server:
        run_id = await enqueue(client)
        ended = await app.work(
            url, run_id, **provider.settings(server, CVA_LLM_SECONDS=provider.patience(name), CVA_MAX_ATTEMPTS=1)
        )
    run = (await client.get(f"/api/runs/{run_id}")).json()
    if code == "ok":
        assert ended == "VETO"
    elif code in ("answer_unparseable", "model_refused"):
        assert (run["verdict"], run["error"]["code"], ended) == (
            "ERROR",
            "no_usable_answer",
            "ERROR (no_usable_answer)",
        )
    elif code == "provider_rate_limited":
        # Nobody's failure: it waits, and has spent no attempt.
        assert (run["status"], run["attempt"], ended) == ("queued", 1, f"handed back ({code})")
    else:
        assert (run["verdict"], run["error"]["code"], ended) == ("ERROR", code, f"ERROR ({code})")


@pytest.mark.parametrize("name", ["length", "refusal", "prose", "wrong shape"])
@pytest.mark.parametrize("role", ["security", "extraction"])
async def test_one_that_fails_does_not_speak(client: httpx.AsyncClient, url: str, name: str, role: str) -> None:
    reply, code = FAULTS[name]

    def script(request: Request) -> Reply:
        return reply(request) if request.role == role else provider.judging(provider.honest)(request)

    with provider.running(script) as server:
        run_id = await enqueue(client)
        await app.work(url, run_id, **provider.settings(server))
    found = await verdict_of(client, run_id)
    if role == "extraction":
        assert (found["verdict"], found["reason"].split(":")[0]) == ("ERROR", code)
        return
    assert found["verdict"] == "FAIL"
    assert {o["failure"] for c in found["criteria"] for o in c["opinions"] if o["judge"] == role} == {code}
    assert all(c["outcome"] != "UNDECIDED" for c in found["criteria"])


# Code that people use; more of it, in whatever language, by a variable: folders with a colon between them.
REAL = [
    ROOT / "worker",
    *(Path(str(package.__file__)).parent for package in (starlette, procrastinate)),
    *(Path(name) for name in os.environ.get("CVA_TEST_REPOSITORIES", "").split(":") if name),
]


@pytest.mark.parametrize("folder", REAL, ids=lambda folder: folder.name)
async def test_citations_made_up_are_neither_published_nor_counted(
    client: httpx.AsyncClient, url: str, folder: Path
) -> None:
    """Over real code, with judges of whom each cites at random a third of the time."""
    chance = random.Random(4)

    def judge(request: Request) -> list[dict[str, Any]]:
        lines = list(request.lines())
        found = []
        for key in request.keys:
            if chance.random() < 1 / 3:
                path, number, text = chance.choice(lines) if lines else ("x", 1, "x")
                place = chance.choice(
                    [
                        {"path": path, "start_line": number, "end_line": number, "quote": f"{text} and more"},
                        {"path": f"no/{path}", "start_line": number, "end_line": number, "quote": text},
                        {"path": path, "start_line": 1, "end_line": 90_000, "quote": "def of_my_own_making():"},
                        {"path": path, "start_line": number, "end_line": number, "quote": "}"},
                        {"path": path, "start_line": number, "end_line": number, "quote": ""},
                    ]
                )
                found.append(provider.opinion(key, "FAIL", confidence=1.0, evidence=[place]))
            else:
                found += [o for o in provider.honest(request) if o["criterion"] == key]
        return found

    text = "".join(
        f"- Code MUST NOT call `{word}(`.\n" for word in ("nowhere_to_be", "isinstance", "len", "print", "make", "get")
    )
    unresolved = published = 0
    with provider.running(provider.judging(judge)) as server:
        for number in range(3):
            found = await verified(client, url, server, folder, text=f"# {number}\n{text}", CVA_CRITERIA_PER_CALL=2)
            for item in citations(found):
                assert item["verified"]
                published += 1
                lines = (folder / item["path"]).read_text().split("\n")
                there = "\n".join(lines[item["start_line"] - 1 : item["end_line"]])
                assert all(piece in there for piece in split_marks(item["quote"]))
            for criterion in found["criteria"]:
                for opinion in (*criterion["opinions"], *criterion["before_debate"]):
                    unresolved += opinion["unresolved_citations"]
                    if opinion["vote"] == "FAIL":
                        assert opinion["evidence"]
            assert outcomes(found)["Code MUST NOT call `nowhere_to_be(`."] != "FAIL"
    assert unresolved > 5
    assert published > 5


async def test_a_split_is_debated_once_and_only_then(client: httpx.AsyncClient, url: str) -> None:
    def architect(request: Request) -> list[dict[str, Any]]:
        seen = provider.honest(request)
        if request.is_debate:
            return seen
        # It looks at the very place, and lets it be.
        return [provider.opinion(o["criterion"], "PASS", evidence=o["evidence"]) for o in seen]

    def abstaining(request: Request) -> list[dict[str, Any]]:
        return [provider.opinion(key, "ABSTAIN") for key in request.keys]

    with provider.running(provider.by_role(architect=architect, user_proxy=abstaining)) as server:
        found = await verified(client, url, server)
        debates = [request for request in server.requests if request.is_debate]
    assert outcomes(found)["Code MUST NOT call `eval(`."] == "FAIL"
    assert [request.keys for request in debates] == [[found["criteria"][0]["key"]]] * 3
    orders = {r.role: [r.text.index(f"- {role}: ") for role in JudgeRole if f"- {role}: " in r.text] for r in debates}
    assert all(len(places) == 2 for places in orders.values())
    assert [o["vote"] for o in found["criteria"][0]["before_debate"]] == ["PASS", "FAIL", "ABSTAIN"]


async def test_a_veto_alone_is_heard_and_does_not_stand(client: httpx.AsyncClient, url: str) -> None:
    place = {"path": "app/util.py", "start_line": 2, "end_line": 2, "quote": "return a + b  # no eval(b)"}

    def alarmed(request: Request) -> list[dict[str, Any]]:
        return [provider.opinion(key, "FAIL", confidence=1.0, evidence=[place]) for key in request.keys]

    def calm(request: Request) -> list[dict[str, Any]]:
        return [provider.opinion(key, "PASS", evidence=[place]) for key in request.keys]

    harmless = {"app/util.py": "def add(a, b):\n    return a + b  # no eval(b)\n"}
    text = "- Code MUST NOT call `eval(`.\n"
    with provider.running(provider.by_role(security=alarmed, architect=calm, user_proxy=calm)) as server:
        found = await verified(client, url, server, harmless, text=text)
        assert any(request.is_debate for request in server.requests)
        assert found["verdict"] == "PASS"
        assert all(criterion["objection"] for criterion in found["criteria"])
        report = (await client.get(f"/api/runs/{found['run']['id']}/report")).text
        assert "The security judge objects." in report
        sarif = (await client.get(f"/api/runs/{found['run']['id']}/sarif")).json()
        objections = [r for r in sarif["runs"][0]["results"] if "the security judge objects" in r["message"]["text"]]
        assert [o["level"] for o in objections] == ["note"]
        # With one that agrees, it stands.
        server.script = provider.by_role(security=alarmed, architect=alarmed, user_proxy=calm)
        assert (await verified(client, url, server, {**harmless, "b.txt": "x"}, text=text))["verdict"] == "VETO"


async def test_a_fail_fast_run_asks_no_judge(client: httpx.AsyncClient, url: str) -> None:
    files = {"a.py": "import subprocess\nimport sys\n\nsubprocess.run(sys.argv[1], shell=True)\n"}
    with provider.running(provider.judging(provider.honest)) as server:
        found = await verified(client, url, server, files)
        if found["counts"]["findings"]["critical"]:
            assert found["tribunal"]["mode"] == "static"
            assert {request.role for request in server.requests} <= {"extraction"}
        found = await verified(client, url, server, files, CVA_FAIL_FAST=False)
        assert found["tribunal"]["mode"] == "llm"


async def test_what_ran_out_of_money_says_so(client: httpx.AsyncClient, url: str) -> None:
    """Thirty-two runs at once against one day's budget: never above it, and the verdicts tell."""
    limit = 1.5
    highest = 0.0
    with provider.running(provider.judging(provider.honest)) as server:
        prices = {name: {"input": 10, "output": 50} for name in ("alpha-1", "beta-1", "gamma-1")}
        given = provider.settings(server, CVA_DAILY_BUDGET_USD=limit, CVA_LLM_OUTPUT_TOKENS=2000, CVA_LLM_PRICES=prices)
        run_ids = [await enqueue(client, {**FILES, "n.py": f"N = {n}\n"}) for n in range(32)]
        async with app.resources(url, **given) as found:
            tasks = [asyncio.create_task(verify_run(uuid.UUID(run_id), found)) for run_id in run_ids]
            with psycopg.connect(url, autocommit=True) as connection:
                while not all(task.done() for task in tasks):
                    row = connection.execute("SELECT max(spent_usd + reserved_usd) FROM llm_budgets").fetchone()
                    highest = max(highest, float(row[0] or 0) if row else 0)
                    await asyncio.sleep(0.02)
            await asyncio.gather(*tasks)
    assert 0.5 * limit < highest <= limit
    ends = {"decided": 0, "told": 0, "error": 0}
    for run_id in run_ids:
        verdict = await verdict_of(client, run_id)
        if verdict["verdict"] == "ERROR":
            assert verdict["reason"].startswith("over_budget: The day's budget of $1.50 is used up")
            ends["error"] += 1
        elif any(o["failure"] == "over_budget" for c in verdict["criteria"] for o in c["opinions"]):
            assert "The budget ran out" in verdict["reason"]
            ends["told"] += 1
        else:
            assert verdict["verdict"] == "VETO"
            ends["decided"] += 1
    assert ends["decided"] > 0
    assert ends["error"] + ends["told"] > 0


async def test_rejected_keys_end_the_run_with_an_error_that_helps(client: httpx.AsyncClient, url: str) -> None:
    with provider.running(FAULTS["401"][0]) as server:
        found = await verified(client, url, server)
    assert found["reason"].startswith("provider_rejected: ")
    assert "does not accept the key" in found["reason"]


async def test_feedback_is_kept_and_what_is_accepted_is_suppressed_visibly(client: httpx.AsyncClient, url: str) -> None:
    with provider.running(provider.judging(provider.honest)) as server:
        found = await verified(client, url, server)
        run = found["run"]["id"]
        key = found["criteria"][0]["key"]
        wrong = await client.post(
            f"/api/runs/{run}/feedback", json={"subject": "criterion", "key": key, "mark": "wrong"}
        )
        assert wrong.status_code == 201, wrong.text
        accepted = await client.post(
            f"/api/runs/{run}/feedback",
            json={"subject": "criterion", "key": key, "mark": "accepted", "note": "a fixture"},
        )
        assert len(accepted.json()["fingerprints"]) == 1
        fingerprint = found["findings"][0]["fingerprint"]
        body = {"subject": "finding", "fingerprint": fingerprint, "mark": "accepted"}
        assert (await client.post(f"/api/runs/{run}/feedback", json=body)).status_code == 201
        again = await verified(client, url, server)
        assert again["verdict"] == "PASS"
        assert again["criteria"][0]["accepted"] == accepted.json()["fingerprints"]
        assert "people have accepted" in again["criteria"][0]["reason"]
        assert [f["accepted"] for f in again["findings"]].count(True) == 1
        # A new place of the same kind is not what was accepted.
        more = {**FILES, "app/new.py": "def again(y):\n    return eval(y + 1)\n"}
        assert (await verified(client, url, server, more))["verdict"] == "VETO"
        # The word of people is counted for and against each judge, and can be taken back.
        assert again["run"]["judges"]["architect"] == {"agreed": 1, "marked": 2, "calibrated": False}
        gone = await client.delete(f"/api/runs/{run}/feedback/{accepted.json()['id']}")
        assert gone.status_code == 204
        assert (await verified(client, url, server))["verdict"] == "VETO"
    listed = (await client.get(f"/api/runs/{run}/feedback")).json()["items"]
    assert [item["subject"] for item in listed] == ["criterion", "finding"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"subject": "criterion", "key": "no-such-key", "mark": "wrong"}, 404),
        ({"subject": "finding", "fingerprint": "0" * 32, "mark": "wrong"}, 404),
        ({"subject": "finding", "fingerprint": "short", "mark": "wrong"}, 422),
        ({"subject": "criterion", "key": "k", "mark": "fine"}, 422),
        ({"subject": "nothing"}, 422),
    ],
)
async def test_feedback_on_nothing(client: httpx.AsyncClient, url: str, body: dict[str, Any], status: int) -> None:
    run_id = await enqueue(client)
    assert (await client.post(f"/api/runs/{run_id}/feedback", json=body)).status_code in (status, 409)
    await app.work(url, run_id)
    assert (await client.post(f"/api/runs/{run_id}/feedback", json=body)).status_code == status
