"""Judges who mix truths and lies in every field, over repositories and criteria drawn by lot: what the code decides is
what the rules say, written down a second time in `oracle.py`."""

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.support import app
from tests.worker.verification import oracle
from tests.worker.verification.oracle import JUDGES, Rule, Shown, World
from worker.analyzers.analyze import Analysis
from worker.core.settings import Settings
from worker.core.vocabulary import Category, CriterionKind, JudgeRole, Verdict
from worker.sources.snapshot import Snapshot, SnapshotLimits, scan
from worker.verification import answer, batching, panel, search
from worker.verification.constitution.criteria import Criterion, make
from worker.verification.constitution.scope import Scope
from worker.verification.context.index import Index
from worker.verification.hearing import Hearing
from worker.verification.opinion import Opinion
from worker.verification.result import CriterionResult
from worker.verification.tribunal import Case
from worker.verification.verdict import conclude

# More of them by a variable: 20,000 take a quarter of an hour.
EXAMPLES = int(os.environ.get("CVA_TEST_ATTACKS", "120"))
NOUNS = ("zebra", "walrus", "otter")
PATTERNS = {"zebra": (r"zebra\(", r"^\s*zebra"), "walrus": (r"walrus$", r"walrus\b"), "otter": (r"otter",)}
LINES = [
    "zebra(1)", "  zebra = 2", "a zebra", "walrus", "the walrus sleeps", "otter: yes", "import quokka", "import a", "return 12345",
    "", "}", "# nothing of note", "value = compute(value)", "\tfinally done", "caf\u00e9 \u2028 break", "page\x0cfeed", "zebra",
]  # fmt: skip
PATHS = [
    "src/a.py",
    "src/deep/b.py",
    "lib/src/c.js",
    "tests/t.py",
    "otter.txt",
    "docs/my notes.md",
    "src/\u00e9t\u00e9.go",
]
NOISE = [f"filler number {n} of many that say little" for n in range(60)]


def repository(chance: random.Random) -> dict[str, str]:
    files = {}
    for path in chance.sample(PATHS, chance.randint(1, 5)):
        rows = chance.choices(LINES, k=chance.choice((0, 1, 3, 12)))
        if chance.random() < 0.4:
            rows += NOISE[: chance.randint(1, 60)] * chance.randint(1, 3) + chance.choices(LINES, k=2)
        end = chance.choice(("\n", "\n", "\r\n", "\r"))
        files[path] = end.join(rows) + (end if chance.random() < 0.7 else "")
    return files


def rules(chance: random.Random) -> list[Rule]:
    made = []
    for number in range(chance.randint(1, 3)):
        noun = chance.choice(NOUNS)
        made.append(
            Rule(
                f"rule-{number}",
                f"Rule {number} of the {noun} MUST hold",
                chance.choice(("forbids", "everywhere", "somewhere")),
                chance.choice(
                    (PATTERNS[noun], PATTERNS[noun][:1], ("nowhere_to_be",), (), (r"nowhere", r"\bquokka\b"))
                ),
                chance.choice(((), (), ("src/",), ("srcc/",))),
                chance.choice(((), (), ("tests/",))),
                security=chance.random() < 0.3,
            )
        )
    return made


def criterion(rule: Rule) -> Criterion:
    plain = make(rule.statement, section=None, line=1, quote=rule.statement)
    category = Category.SECURITY if rule.security else Category.FUNCTIONALITY
    return replace(
        plain, key=rule.key, kind=CriterionKind(rule.kind), patterns=rule.patterns, category=category,
        scope=Scope(rule.only, rule.never),
    )  # fmt: skip


@dataclass(frozen=True)
class Mood:
    """How often a lie is told in a run, and what most judges say."""

    lies: float
    vote: str

    @classmethod
    def drawn(cls, chance: random.Random) -> "Mood":
        return cls(chance.choice((0.03, 0.15, 0.6)), chance.choice(("PASS", "FAIL")))


def citation(chance: random.Random, world: World, rule: Rule, mood: Mood) -> dict[str, Any]:
    """A place: true, near the truth, not shown, of another file, or invented."""
    hits = sorted((p, n) for p, n in world.hits(rule) if n)
    every = [(p, n) for p in world.files for n in range(1, len(world.rows(p)) + 1)] or [("src/a.py", 1)]
    path, number = chance.choice(hits if hits and chance.random() > mood.lies else every)
    if chance.random() < mood.lies:
        number = max(1, number + chance.randint(-3, 3))
    rows = world.rows(path) if path in world.files else [""]
    row = rows[number - 1] if number <= len(rows) else ""
    told = chance.randint(1, 20) if chance.random() < 0.2 else number
    quotes = (
        row.strip(), row[: len(row) // 2 + 4], "\n".join(rows[number - 1 : number + 2]), "\n".join([row, "of my own", *rows[number + 1 : number + 2]]), f"{row} and more",
        row.replace(" ", "  "), row.replace(" ", ""), "***", f"{row[:3]}***", "\u27eamasked 32\u27eb", "}", "",
        "def of_my_own():", f"{number}| {row}", row.upper(), "zebra",
    )  # fmt: skip
    quote = chance.choice(quotes) if chance.random() < mood.lies else row
    if chance.random() < mood.lies / 4:
        path = chance.choice([*world.files, "no/such.py", f"./{path}", "/etc/passwd"])
    return {"path": path, "start_line": told, "end_line": told, "quote": quote}


def opinion(chance: random.Random, world: World, rule: Rule, mood: Mood) -> dict[str, Any]:
    vote = chance.choice(("PASS", "FAIL", "ABSTAIN")) if chance.random() < mood.lies else mood.vote
    score = chance.randint(1, 10) if chance.random() < mood.lies / 2 else 9 if vote == "PASS" else 2
    terms = (*NOUNS, "hold", "Rule", "`Walrus`", "qqzzxx", "a phrase of many words", "ru", "MUST", "nowhere_to_be")
    decided = vote != "ABSTAIN"
    return {
        "criterion": rule.key,
        "evidence": [citation(chance, world, rule, mood) for _ in range(chance.choice((0, 1, 1, 1, 2, 4, 12)))],
        "absent": chance.sample(terms, chance.choice((0, 2, 6))),
        "rationale": "so",
        "vote": vote,
        "score": score if decided else None,
        "confidence": chance.choice((0.5, 0.8, 1.0)) if decided else None,
    }


@dataclass
class Attack:
    """One run: the judges' answers of both rounds, heard by the code and by the oracle."""

    chance: random.Random
    case: Case
    rules: Sequence[Rule]
    world: World
    config: Settings

    def heard(self, contexts: dict[str, Any]) -> None:
        first = self.answers(self.rules, JUDGES)
        hearing = Hearing(self.case, contexts, self.opinions(first, 1), self.config)
        silent = oracle.silenced(self.world, self.said(first))
        given = {
            rule.key: {judge: found[rule.key] for judge, found in first.items() if rule.key in found}
            for rule in self.rules
        }
        self.compare(hearing.results, given, silent)
        contested = [rule for rule in self.rules if oracle.debated(rule, self.world, given[rule.key], silent)]
        assert {r.key for r in contested} == {
            r.criterion.key
            for r in hearing.results
            if r.split or (r.objection and (r.objection.confidence or 0) >= 0.8)
        }
        if not contested:
            return
        # Not everyone answers again.
        again = self.answers(contested, self.chance.sample(JUDGES, self.chance.randint(0, 3)))
        results = hearing.after(self.opinions(again, 2))
        silent = oracle.silenced(self.world, [*self.said(first), *self.said(again)])
        for judge, found in again.items():
            for key, said in found.items():
                given[key][judge] = said
        self.compare(results, given, silent)

    def answers(self, rules: Sequence[Rule], judges: Sequence[str]) -> dict[str, dict[str, dict[str, Any]]]:
        found = {}
        mood = Mood.drawn(self.chance)
        for judge in judges:
            answered = {rule.key: opinion(self.chance, self.world, rule, mood) for rule in rules}
            # An answer for others, or with one too many or too few, is none.
            if self.chance.random() < 0.9:
                found[judge] = answered
        return found

    def opinions(self, answers: dict[str, dict[str, dict[str, Any]]], round: int) -> list[Opinion]:
        given = []
        for judge, found in answers.items():
            read = answer.JudgeAnswer.model_validate({"opinions": list(found.values())})
            given += [answer.opinion(one, JudgeRole(judge), "m", round=round) for one in read.opinions]
        return given

    def said(self, answers: dict[str, dict[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
        return [(judge, one) for judge, found in answers.items() for one in found.values()]

    def compare(self, results: Sequence[CriterionResult], given: dict[str, Any], silent: set[str]) -> None:
        by_key = {result.criterion.key: result for result in results}
        for rule in self.rules:
            result = by_key[rule.key]
            said = given[rule.key]
            assert result.outcome.value == oracle.outcome(rule, self.world, said, silent), (rule, result)
            vetoed = conclude([result], veto_confidence=oracle.VETO).verdict is Verdict.VETO
            assert vetoed == oracle.vetoed(rule, self.world, said, silent), (rule, result)
            self.published(result)
            self.covered(rule, result)

    def published(self, result: CriterionResult) -> None:
        for voice in (*result.opinions, *result.earlier):
            for item in voice.evidence:
                there = self.world.rows(item.path)[item.start_line - 1 : item.end_line]
                assert item.quote == "\n".join(there)
                assert all(n in self.world.shown.lines[item.path] for n in range(item.start_line, item.end_line + 1))

    def covered(self, rule: Rule, result: CriterionResult) -> None:
        scope = self.world.scope(rule)
        shown = self.world.shown.lines
        hits = self.world.hits(rule) if rule.patterns else set()
        whole = self.world.whole(rule)
        found = result.coverage
        assert (found.files, found.lines) == (len(scope), sum(len(self.world.rows(p)) for p in scope))
        assert found.shown_lines == sum(len(shown.get(p, {})) for p in scope)
        assert (found.hits, found.overflow) == (len(hits), False)
        assert found.hits_shown == sum(h in self.world.shown.told or (whole and h[1] > 0) for h in hits)


def taken(folder: Path, files: dict[str, str], changed: frozenset[str] | None) -> Snapshot:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())
    return replace(scan(folder, SnapshotLimits(100, 1 << 20, 1 << 20)), changed=changed)


@pytest.fixture(scope="module")
def configs() -> dict[int, Settings]:
    return {tokens: app.settings(CVA_CONTEXT_TOKENS=tokens) for tokens in (1000, 60_000)}


@seed(10)
@settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**64))
def test_what_is_decided_is_what_the_rules_say(
    tmp_path_factory: pytest.TempPathFactory, configs: dict[int, Settings], number: int
) -> None:
    attack(tmp_path_factory.mktemp("attack"), configs, random.Random(number))


def attack(folder: Path, configs: dict[int, Settings], chance: random.Random) -> None:
    files = repository(chance)
    changed = frozenset(chance.sample(sorted(files), chance.randint(0, len(files)))) if chance.random() < 0.3 else None
    snapshot = taken(folder, files, changed)
    chosen = rules(chance)
    criteria = [criterion(rule) for rule in chosen]
    case = Case(
        snapshot, Analysis((), (), ()), criteria, Index.of(snapshot), search.scoped(search.Texts(snapshot), criteria)
    )
    overview, batches = batching.batches(case, configs[chance.choice(list(configs))])
    contexts = {c.key: batch.context for batch in batches for c in batch.criteria}
    for batch in batches:
        keys = [c.key for c in batch.criteria]
        messages = panel.messages(overview, batch.context, batch.criteria, JudgeRole.ARCHITECT, keys, task="")
        world = World(files, changed, Shown.of("\n\n".join(m["content"] for m in messages[1:])))
        part = replace(case, criteria=batch.criteria)
        Attack(chance, part, [r for r in chosen if r.key in keys], world, configs[1000]).heard(contexts)
