"""Runs in which scouts read for the judges: a real provider is asked over HTTP."""

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest

from invariant.bench.provider import completion, criterion
from tests.support import app, provider
from tests.support.provider import Reply, Request, Script
from tests.worker.verification.test_panel import enqueue, verdict_of, verified

RULE = "Code MUST NOT reach for the forbidden thing."
THING = "forbidden_thing("
BODY = "".join(f"    value_{n} = limit * {n} if limit > {n} else {n}\n" for n in range(20))


def repository(count: int = 200, planted: int = 0, seed: int = 1) -> dict[str, str]:
    """Files of three functions, a violation in so many of them, each at another place."""
    choose = random.Random(seed)
    files = {}
    for n in range(count):
        parts = [f"def part_{n}_{i}(limit):\n{BODY}" for i in range(3)]
        if n < planted:
            lines = parts[choose.randrange(3)].splitlines()
            lines.insert(choose.randrange(1, len(lines) + 1), f"    forbidden_thing({n})")
            parts[choose.randrange(3)] = "\n".join(lines) + "\n"
        files[f"pkg{n % 9}/m{n}.py"] = "\n\n".join(parts)
    return files


def seeing(request: Request) -> list[dict[str, Any]]:
    """A judge who fails what it sees, and passes what it does not."""
    places = [
        {"path": path, "start_line": number, "end_line": number, "quote": line}
        for path, number, line in request.lines([THING])
    ]
    vote = "FAIL" if places else "PASS"
    return [provider.opinion(key, vote, evidence=places[:10]) for key in request.keys]


def naming(request: Request) -> Reply:
    """A scout who names what it sees."""
    (key,) = request.criteria
    places = [
        {
            "criterion": key,
            "text": int(text),
            "start_line": number,
            "end_line": number,
            "quote": line,
            "shows": "breaks",
            "why": "It is called.",
        }
        for text, number, line in request.lines([THING])
    ]
    return Reply(completion(request, json.dumps({"places": places})))


def silent(request: Request) -> Reply:
    return Reply(completion(request, json.dumps({"places": []})))


def script(
    judge: provider.Judge = seeing,
    scout: Callable[[Request], Reply] = naming,
    *,
    kind: str = "forbids",
    statement: str = RULE,
) -> Script:
    """Reads one criterion for which no pattern is known: code searches for nothing."""
    read = [criterion(statement, kind=kind)]

    def answer(request: Request) -> Reply:
        if request.role == "extraction":
            return Reply(completion(request, json.dumps({"criteria": read, "not_read": []})))
        return scout(request) if request.role == "scout" else provider.judging(judge)(request)

    return answer


def passing(request: Request) -> list[dict[str, Any]]:
    return [provider.opinion(key, "PASS") for key in request.keys]


def scouts(server: provider.Provider) -> list[Request]:
    return [request for request in server.requests if request.role == "scout"]


async def test_every_planted_place_is_named_and_judges_see_what_fits(client: httpx.AsyncClient, url: str) -> None:
    with provider.running(script()) as server:
        found = await verified(client, url, server, repository(200, planted=200), text=f"- {RULE}\n")
    assert found["verdict"] == "VETO"
    coverage = found["criteria"][0]["coverage"]
    assert (coverage["places_named"], coverage["read"]) == (200, True)
    assert coverage["lines_read"] == coverage["lines"]
    assert coverage["places_named_shown"] > 20
    assert all("forbidden_thing" in place["quote"] for place in found["criteria"][0]["evidence"])


async def test_what_was_read_whole_and_found_clean_may_pass(client: httpx.AsyncClient, url: str) -> None:
    with provider.running(script(passing)) as server:
        found = await verified(client, url, server, repository(), text=f"- {RULE}\n")
        read = sum(len(list(request.lines())) for request in scouts(server))
    assert found["verdict"] == "PASS"
    assert "scouts read its whole scope" in found["criteria"][0]["reason"]
    lines = sum(text.count("\n") for text in repository().values())
    # Every line once; blank ones at the edges of a piece need no reading.
    assert read == lines == found["criteria"][0]["coverage"]["lines"]


@pytest.mark.parametrize("kind", ["forbids", "everywhere"])
async def test_what_a_scout_could_not_read_is_undecided_with_the_share(
    client: httpx.AsyncClient, url: str, kind: str
) -> None:
    def scout(request: Request) -> Reply:
        if any("part_7_" in text for _, _, text in request.lines()):
            return Reply(completion(request, "I would rather not."))
        return silent(request)

    with provider.running(script(passing, scout, kind=kind)) as server:
        found = await verified(client, url, server, repository(), text=f"- {RULE}\n")
    result = found["criteria"][0]
    assert (found["verdict"], result["outcome"]) == ("PARTIAL", "UNDECIDED")
    assert 0.9 < result["coverage"]["lines_read"] / result["coverage"]["lines"] < 1
    assert "of its scope was read" in result["reason"]
    assert any("the scout gave no usable answer" in note for note in found["notes"])


async def test_a_budget_that_does_not_suffice_is_told_before_it_is_spent(client: httpx.AsyncClient, url: str) -> None:
    prices = {"reader": {"input": 10, "output": 10}, "judge": {"input": 0, "output": 0}}
    with provider.running(script()) as server:
        run_id = await enqueue(client, repository(), f"- {RULE}\n")
        given = {
            "CVA_LLM_BASE_URL": server.url,
            "CVA_LLM_MODEL": "judge,reader",
            "CVA_SCOUT_MODEL": "reader",
            "CVA_LLM_PRICES": prices,
            "CVA_RUN_BUDGET_USD": 1.0,
        }
        await app.work(url, run_id, **given, **{f"CVA_JUDGE_{r}_MODEL": "judge" for r in ("ARCHITECT", "SECURITY")})
        found = await verdict_of(client, run_id)
        asked = len(scouts(server))
    events = (await client.get(f"/api/runs/{run_id}/events", headers={"Accept": "text/event-stream"})).text
    steps = [json.loads(line[5:]) for line in events.splitlines() if line.startswith("data:")]
    told = next(step["data"] for step in steps if step["data"].get("step") == "scouting")
    assert told["suffices"] is False and told["usd"] > told["budget_usd"] > 0
    assert 0 < asked < told["pieces"]
    result = found["criteria"][0]
    assert (found["verdict"], result["outcome"]) == ("PARTIAL", "UNDECIDED")
    assert 0 < result["coverage"]["lines_read"] < result["coverage"]["lines"]
    assert any("To read everything may take $" in note for note in found["notes"])
    assert any("since the budget ended" in note for note in found["notes"])
    assert found["run"]["calls"]["cost_usd"] <= 1.0


async def test_the_next_commit_asks_only_about_what_changed(client: httpx.AsyncClient, url: str) -> None:
    files = repository(500, planted=3)
    text = f"- {RULE}\n"
    with provider.running(script()) as server:
        await verified(client, url, server, files, text=text)
        first = len(server.requests)
        changed = {**files, "pkg1/m100.py": f"import os\n{files['pkg1/m100.py']}"}
        again = await verified(client, url, server, changed, text=text)
        assert again["run"]["calls"]["reused"] >= 0.95 * first
        names = list(files)
        random.Random(5).shuffle(names)
        before = len(scouts(server))
        moved = {f"moved/{n // 50}/{name.split('/')[1]}": files[name] for n, name in enumerate(names)}
        await verified(client, url, server, moved, text=text)
        assert len(scouts(server)) == before


async def test_an_outage_ends_the_attempt_and_what_was_answered_is_not_asked_again(
    client: httpx.AsyncClient, url: str
) -> None:
    down = True

    def scout(request: Request) -> Reply:
        if down and request.number > 10:
            return Reply({"error": {"message": "down"}}, 503)
        return silent(request)

    with provider.running(script(passing, scout)) as server:
        run_id = await enqueue(client, repository(), f"- {RULE}\n")
        ended = await app.work(url, run_id, **provider.settings(server))
        assert ended == "handed back (provider_unavailable)"
        down = False
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute("UPDATE runs SET not_before = NULL")
            await connection.execute("UPDATE llm_providers SET open_until = NULL")
        assert await app.work(url, run_id, **provider.settings(server)) == "PASS"
        texts = Counter(request.raw for request in scouts(server) if request.number <= 10)
        assert all(sum(other.raw == raw for other in scouts(server)) == 1 for raw in texts)


async def test_what_a_scout_invents_shows_nothing(client: httpx.AsyncClient, url: str) -> None:
    """Of a quotation that stands nowhere «holds» is dropped; «breaks» counts where it was said to be, unquoted."""

    def scout(request: Request) -> Reply:
        (key,) = request.criteria
        text, number, line = next(line for line in request.lines() if "part_7_0(" in line[2] or "part_8_0(" in line[2])
        place = {"criterion": key, "text": int(text), "start_line": number, "end_line": number, "why": "I say so."}
        places = [
            {**place, "quote": "forbidden_thing(everything)", "shows": "holds"},
            {**place, "quote": "𝐟orbidden_thing(", "shows": "breaks"},
            {**place, "text": 4000, "quote": line, "shows": "breaks"},
        ]
        return Reply(completion(request, json.dumps({"places": places})))

    def some(request: Request) -> Reply:
        there = any("part_7_0(" in line or "part_8_0(" in line for _, _, line in request.lines())
        return scout(request) if there else silent(request)

    with provider.running(script(passing, some)) as server:
        found = await verified(client, url, server, repository(), text=f"- {RULE}\n")
        shown = {path for request in server.requests if request.keys for path, _, _ in request.lines()}
    result = found["criteria"][0]
    assert 1 <= result["coverage"]["places_named"] <= 2
    assert any("stands nowhere" in note for note in found["notes"])
    # The judges looked, and cite nothing for their PASS.
    assert shown & {"pkg7/m7.py", "pkg8/m8.py"}
    assert result["outcome"] == "UNDECIDED"


async def test_a_scouts_place_out_of_scope_and_the_constitution_itself_are_no_evidence(
    client: httpx.AsyncClient, url: str
) -> None:
    rule = "Code in `pkg1/` MUST NOT reach for the forbidden thing."
    text = f"# Rules\n\n- {rule}\n"
    files = {**repository(100, planted=100), ".specify/memory/constitution.md": text}
    with provider.running(script(statement=rule)) as server:
        found = await verified(client, url, server, files, text=text)
        shown = [path for request in server.requests if request.keys for path, _, _ in request.lines()]
    assert ".specify/memory/constitution.md" not in shown
    result = found["criteria"][0]
    assert result["coverage"]["places_named"] == sum(path.startswith("pkg1/") for path in files)
    assert result["outcome"] == "FAIL"
    assert all(place["path"].startswith("pkg1/") for place in result["evidence"])


async def test_a_judge_may_ask_twice_to_be_shown_more(client: httpx.AsyncClient, url: str) -> None:
    """What decides stands where neither scouts nor the search look; the judges ask for it."""
    files = {**repository(200, planted=150), "conf/settings.py": "x = 1\n" * 40_000 + "forbidden_thing(secretly)\n"}

    def wish(by: str, what: str, line: int | None = None) -> dict[str, Any]:
        return {"by": by, "what": what, "line": line}

    def judge(request: Request) -> Reply:
        lines = list(request.lines(["forbidden_thing(secretly)"]))
        asked = request.text.count("What you asked to see:")
        if lines:
            path, number, line = lines[-1]
            place = {"path": path, "start_line": number, "end_line": number, "quote": line}
            given = [provider.opinion(key, "FAIL", evidence=[place]) for key in request.keys]
            return Reply(completion(request, json.dumps({"opinions": given})))
        wishes = [wish("symbol", "nowhere_to_be_found"), wish("path", "../etc/passwd")]
        if asked:
            path = request.role == "security"
            wishes = [wish("path", "conf/settings.py", 40_000) if path else wish("pattern", r"forbidden_thing\(s")]
        return Reply(completion(request, json.dumps({"see": wishes, "opinions": []})))

    def answer(request: Request) -> Reply:
        return judge(request) if request.keys else script(scout=silent)(request)

    with provider.running(answer) as server:
        found = await verified(client, url, server, files, text=f"- {RULE}\n")
        asked = [request for request in server.requests if request.keys and not request.is_debate]
    assert len(asked) == 9
    result = found["criteria"][0]
    assert result["outcome"] == "FAIL", result["reason"]
    assert {place["path"] for place in result["evidence"]} == {"conf/settings.py"}
    by_role = {opinion["judge"]: opinion["asked_to_see"] for opinion in result["opinions"]}
    assert by_role["architect"] == ["symbol nowhere_to_be_found", "path ../etc/passwd", r"pattern forbidden_thing\(s"]


async def test_who_only_ever_asks_has_no_opinion(client: httpx.AsyncClient, url: str) -> None:
    wishes = {"see": [{"by": "path", "what": "pkg0/m0.py", "line": None}], "opinions": []}

    def answer(request: Request) -> Reply:
        return Reply(completion(request, json.dumps(wishes))) if request.keys else script()(request)

    with provider.running(answer) as server:
        run_id = await enqueue(client, repository(), f"- {RULE}\n")
        await app.work(url, run_id, **provider.settings(server, CVA_LLM_MODEL="alpha-1"))
        # Two looks, a third answer that is no use, and one repair of it.
        assert sum(bool(request.keys) for request in server.requests) == 3 * 4
    run = (await client.get(f"/api/runs/{run_id}")).json()
    assert (run["status"], run["error"]["code"]) == ("failed", "no_usable_answer")
