"""Judges who invent, contradict themselves, cite at random, cite variants, claim absences, refuse, or answer for others:
alone, by two, and all three, with each kind of criterion. Nothing rests on them, and what is published is in the commit."""

import itertools
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from invariant.bench.provider import completion, criterion
from tests.support import provider
from tests.support.app import settings
from tests.support.provider import Reply, Request
from tests.worker.analyzers.test_analyze import snapshot
from tests.worker.verification.test_panel import outcomes, verified
from worker.analyzers.analyze import Analysis
from worker.core.vocabulary import Category, CriterionKind, JudgeRole, Outcome, Verdict, Vote
from worker.verification import answer, batching, panel, search
from worker.verification.constitution.criteria import make
from worker.verification.context.index import Index
from worker.verification.hearing import Hearing
from worker.verification.opinion import Opinion
from worker.verification.tribunal import Case
from worker.verification.verdict import conclude

FORBIDS = "Code MUST NOT call `os.system(`."
EVERYWHERE = "Every handler MUST check the token."
SOMEWHERE = "There MUST be a changelog."
CONSTITUTION = f"# Rules\n\n- {FORBIDS}\n- {EVERYWHERE}\n- {SOMEWHERE}\n"
KINDS = {
    FORBIDS: {"kind": "forbids", "patterns": [r"os\.system\("]},
    EVERYWHERE: {"kind": "everywhere", "patterns": [r"def handle_"]},
    SOMEWHERE: {"kind": "somewhere", "patterns": [r"changelog"]},
}
PADDING = "".join(f"    value_{n} = compute(value_{n - 1})\n" for n in range(1, 30))
KEPT = {
    "app/handlers.py": f"def handle_order(request):\n    check(request.token)\n    value_0 = 1\n{PADDING}    return value_29\n",
    "app/numbers.py": f"def compute(value):\n    value_0 = value\n{PADDING}    return value_29\n",
    "CHANGELOG.md": "# Changelog\n\n## 1.0\n\n- The first one.\n",
}
BROKEN = {
    "app/handlers.py": f"def handle_order(request):\n    os.system(request.command)\n    value_0 = 1\n{PADDING}    return value_29\n",
    "app/numbers.py": KEPT["app/numbers.py"],
}
TRUTH = {
    "kept": dict.fromkeys(KINDS, "PASS"),
    "broken": dict.fromkeys(KINDS, "FAIL"),
}


def extraction(request: Request) -> Reply:
    """The three criteria, with their kinds and patterns."""
    read = [criterion(quote, **more) for quote, more in KINDS.items()]
    return Reply(completion(request, json.dumps({"criteria": read, "not_read": [{"line": 1, "why": "a title"}]})))


def seeing(request: Request) -> list[dict[str, Any]]:
    """What a judge says who looks, and tells the truth."""
    lines = list(request.lines())

    def cite(*words: str) -> list[dict[str, Any]]:
        return [
            {"path": path, "start_line": number, "end_line": number, "quote": line.strip()}
            for path, number, line in lines
            if any(word in line for word in words)
        ][:3]

    opinions = []
    for key in request.keys:
        statement = request.statements[key]
        broken = not any("check(request.token)" in line for _, _, line in lines)
        if statement.startswith("Code"):
            places = cite("os.system(")
            opinions.append(provider.opinion(key, "FAIL" if places else "PASS", evidence=places))
        elif statement.startswith("Every"):
            opinions.append(provider.opinion(key, "FAIL" if broken else "PASS", evidence=cite("def handle_")))
        elif any("Changelog" in line for _, _, line in lines):
            opinions.append(provider.opinion(key, "PASS", evidence=cite("# Changelog")))
        else:
            opinions.append(provider.opinion(key, "FAIL", absent=["changelog"]))
    return opinions


def _all(
    request: Request, vote: str, evidence: Callable[[], list[dict[str, Any]]], **more: Any
) -> list[dict[str, Any]]:
    return [provider.opinion(key, vote, confidence=1.0, evidence=evidence(), **more) for key in request.keys]


def invents(vote: str) -> provider.Judge:
    def judge(request: Request) -> list[dict[str, Any]]:
        path = next(request.lines())[0]
        return _all(
            request, vote, lambda: [{"path": path, "start_line": 1, "end_line": 2, "quote": "def of_my_own_making():"}]
        )

    return judge


def elsewhere(vote: str) -> provider.Judge:
    """Quotes what stands in one file as if it stood in another."""

    def judge(request: Request) -> list[dict[str, Any]]:
        _, number, line = next(shown for shown in request.lines() if "def handle_" in shown[2])
        return _all(
            request,
            vote,
            lambda: [{"path": "app/numbers.py", "start_line": number, "end_line": number, "quote": line}],
        )

    return judge


def at_random(vote: str) -> provider.Judge:
    """Real lines, drawn by lot, that have nothing to do with it."""
    chance = random.Random(7)

    def judge(request: Request) -> list[dict[str, Any]]:
        lines = [shown for shown in request.lines() if "compute(value_" in shown[2] and 6 < shown[1] < 30]

        def places() -> list[dict[str, Any]]:
            path, number, line = chance.choice(lines)
            return [{"path": path, "start_line": number, "end_line": number, "quote": line}]

        return _all(request, vote, places)

    return judge


def varies(change: Callable[[str], str]) -> Callable[[str], provider.Judge]:
    """Cites the right places, with another quotation."""

    def of(vote: str) -> provider.Judge:
        def judge(request: Request) -> list[dict[str, Any]]:
            path, number, line = next(shown for shown in request.lines() if "def handle_" in shown[2])
            quote = change(line)
            return _all(
                request, vote, lambda: [{"path": path, "start_line": number, "end_line": number, "quote": quote}]
            )

        return judge

    return of


def contradicts(vote: str) -> provider.Judge:
    def judge(request: Request) -> list[dict[str, Any]]:
        score = 2 if vote == "PASS" else 9
        return [
            {**o, "vote": vote, "score": score, "confidence": 1.0, "absent": ["changelog"] if vote == "FAIL" else []}
            for o in seeing(request)
        ]

    return judge


def claims_absent(vote: str) -> provider.Judge:
    def judge(request: Request) -> list[dict[str, Any]]:
        nonsense = ["qqzzxx", "a phrase that nobody would ever write", "changelog_qqzz", "must"]
        return _all(request, "FAIL", list, absent=nonsense)

    return judge


def for_others(vote: str) -> provider.Judge:
    def judge(request: Request) -> list[dict[str, Any]]:
        return [provider.opinion(f"{key}-of-another", vote, confidence=1.0) for key in request.keys]

    return judge


DISHONEST: dict[str, Callable[[str], provider.Judge]] = {
    "invents": invents,
    "quotes another file": elsewhere,
    "cites at random": at_random,
    "varies white space": varies(lambda line: line.replace(" ", "   ")),
    "takes white space out": varies(lambda line: line.replace(" ", "")),
    "writes stars": varies(lambda line: line[:6] + "***"),
    "writes stars alone": varies(lambda line: "***"),
    "contradicts itself": contradicts,
    "claims absent nonsense": claims_absent,
    "answers for others": for_others,
}
SOME = [(JudgeRole.SECURITY,), (JudgeRole.ARCHITECT, JudgeRole.SECURITY), tuple(JudgeRole)]


@pytest.mark.parametrize("who", SOME, ids=["one", "two", "all"])
@pytest.mark.parametrize("name", list(DISHONEST))
def test_nothing_rests_on_judges_who_do_not_tell_the_truth(
    tmp_path: Path, name: str, who: tuple[JudgeRole, ...]
) -> None:
    for (state, files), vote in itertools.product((("kept", KEPT), ("broken", BROKEN)), ("PASS", "FAIL")):
        lying = DISHONEST[name](vote)
        hearing = heard(tmp_path / state / vote, files, {role: lying if role in who else seeing for role in JudgeRole})
        verdict = conclude(hearing.results, veto_confidence=0.8)
        decided = {
            r.criterion.statement: r.outcome.value for r in hearing.results if r.outcome is not Outcome.UNDECIDED
        }
        # What is decided is decided by the honest ones, and is true.
        assert all(TRUTH[state][statement] == outcome for statement, outcome in decided.items()), (vote, decided)
        if len(who) > 1 and state == "kept":
            # That the forbidden is nowhere, code proved.
            decided.pop(FORBIDS, None)
        assert len(who) == 1 or not decided, (vote, decided)
        assert verdict.verdict is not Verdict.VETO or (state == "broken" and JudgeRole.SECURITY not in who)
        for result in hearing.results:
            for item in (item for opinion in result.opinions for item in opinion.evidence):
                lines = files[item.path].split("\n")
                assert item.verified
                assert "\n".join(lines[item.start_line - 1 : item.end_line]) == item.quote


def heard(folder: Path, files: dict[str, str], judges: dict[JudgeRole, provider.Judge]) -> Hearing:
    """What comes of the judges' answers, by all that stands between an answer and an outcome."""
    taken = snapshot(folder, files)
    criteria = [
        replace(
            make(statement, section=None, line=1, quote=statement),
            kind=CriterionKind(more["kind"]),
            patterns=tuple(more["patterns"]),
            category=Category.FUNCTIONALITY,
        )
        for statement, more in KINDS.items()
    ]
    config = settings()
    analysis = Analysis((), (), ())
    case = Case(taken, analysis, criteria, Index.of(taken), search.scoped(search.Texts(taken), criteria))
    overview, (batch,) = batching.batches(case, config)
    keys = [criterion.key for criterion in criteria]
    opinions = []
    for role, judge in judges.items():
        messages = panel.messages(overview, batch.context, criteria, role, keys, task="")
        asked = Request("/chat/completions", {"model": "m", "messages": [dict(m) for m in messages]}, "", 1)
        given = answer.JudgeAnswer.model_validate({"opinions": judge(asked)})
        try:
            answer.exactly(keys)(given)
        except ValueError as error:
            opinions += [Opinion(k, role, Vote.ABSTAIN, str(error), "m", failure="answer_unparseable") for k in keys]
            continue
        opinions += [answer.opinion(one, role, "m", round=1) for one in given.opinions]
    return Hearing(case, {c.key: batch.context for c in criteria}, opinions, config)


@pytest.mark.parametrize(("files", "expected"), [(KEPT, "PASS"), (BROKEN, "VETO")], ids=["kept", "broken"])
async def test_honest_judges_decide_each_kind(
    client: httpx.AsyncClient, url: str, files: dict[str, str], expected: str
) -> None:
    def script(request: Request) -> Reply:
        return extraction(request) if request.role == "extraction" else provider.judging(seeing)(request)

    with provider.running(script) as server:
        verdict = await verified(client, url, server, files, text=CONSTITUTION, CVA_FAIL_FAST=False)
    assert outcomes(verdict) == TRUTH["kept" if files is KEPT else "broken"]
    assert verdict["verdict"] == expected


async def test_one_who_invents_across_the_run_is_set_aside_visibly(client: httpx.AsyncClient, url: str) -> None:
    def script(request: Request) -> Reply:
        if request.role == "extraction":
            return extraction(request)
        return provider.judging(invents("PASS") if request.role == "architect" else seeing)(request)

    with provider.running(script) as server:
        verdict = await verified(client, url, server, KEPT, text=CONSTITUTION)
    assert any("The judge architect was set aside: 3 of its 3 citations" in note for note in verdict["notes"])
    assert outcomes(verdict) == TRUTH["kept"]


async def test_a_security_criterion_needs_the_security_judge(client: httpx.AsyncClient, url: str) -> None:
    read = [criterion(FORBIDS, category="security", **KINDS[FORBIDS])]

    def abstaining(request: Request) -> list[dict[str, Any]]:
        return [provider.opinion(key, "ABSTAIN") for key in request.keys]

    def script(request: Request) -> Reply:
        if request.role == "extraction":
            return Reply(completion(request, json.dumps({"criteria": read, "not_read": []})))
        return provider.judging(abstaining if request.role == "security" else seeing)(request)

    with provider.running(script) as server:
        verdict = await verified(client, url, server, KEPT, text=f"- {FORBIDS}\n")
    assert outcomes(verdict) == {FORBIDS: "UNDECIDED"}
    assert "security judge's own vote is missing" in verdict["criteria"][0]["reason"]


async def test_a_contradiction_is_asked_again_and_the_second_answer_counts(client: httpx.AsyncClient, url: str) -> None:
    def script(request: Request) -> Reply:
        if request.role == "extraction":
            return extraction(request)
        return provider.judging(seeing if request.is_repair else contradicts("PASS"))(request)

    with provider.running(script) as server:
        verdict = await verified(client, url, server, KEPT, text=CONSTITUTION)
        assert sum(request.is_repair for request in server.requests) == 3
    assert outcomes(verdict) == TRUTH["kept"]


async def test_a_pass_of_what_was_not_seen_is_not_to_be_had(client: httpx.AsyncClient, url: str) -> None:
    """A repository of which a part is shown, and that nobody reads: without patterns nobody can say that it is nowhere,
    with them code can, of all that they would match."""
    text = "- Code MUST NOT block the event loop.\n"
    many = {f"app/part_{n}.py": f"def part_{n}(loop):\n{PADDING}" for n in range(40)}

    def judge(request: Request) -> list[dict[str, Any]]:
        path, number, line = next(request.lines())
        place = {"path": path, "start_line": number, "end_line": number, "quote": line}
        return [provider.opinion(key, "PASS", evidence=[place]) for key in request.keys]

    for patterns, outcome in (([], "UNDECIDED"), (["time\\.sleep"], "PASS")):
        read = [criterion("Code MUST NOT block the event loop.", kind="forbids", patterns=patterns)]

        def script(request: Request, read: list[dict[str, Any]] = read) -> Reply:
            if request.role == "extraction":
                return Reply(completion(request, json.dumps({"criteria": read, "not_read": []})))
            return provider.judging(judge)(request)

        with provider.running(script) as server:
            verdict = await verified(client, url, server, many, text=text, CVA_CONTEXT_TOKENS=2000, CVA_DEPTH="search")
        assert verdict["verdict"] == "PARTIAL"
        assert outcomes(verdict) == {"Code MUST NOT block the event loop.": outcome}, verdict["criteria"][0]["reason"]
        coverage = verdict["criteria"][0]["coverage"]
        assert 0 < coverage["share"] < 0.5
        if outcome == "UNDECIDED":
            assert f"{coverage['share']:.0%} of its scope" in verdict["criteria"][0]["reason"]
