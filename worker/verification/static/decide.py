"""Decide criteria by analyzers and exhaustive search alone, without a model: what is not proven stays undecided.

A FAIL rests on findings of rules that mean exactly what the sentence says, at places that it surely speaks of; a PASS
on the thing being nowhere that it may speak of. There are no judges, no votes and no scores."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from worker.analyzers.analyze import Analysis
from worker.analyzers.finding import Finding
from worker.analyzers.sarif import MAX_ALIKE
from worker.core.vocabulary import CriterionKind, Outcome
from worker.sources.snapshot import Snapshot
from worker.verification import texts
from worker.verification.constitution.criteria import Criterion
from worker.verification.constitution.scope import Within
from worker.verification.opinion import Evidence
from worker.verification.result import CriterionResult, Decider
from worker.verification.static import absence, certain, hints, mentions, places, uses
from worker.verification.static.absence import Occurrences
from worker.verification.static.certain import Code
from worker.verification.static.topic import Topic
from worker.verification.static.topics import Meaning

_JUDGE = "It takes a judge that reads code (set a provider's key), or a person."


@dataclass(frozen=True)
class _Case:
    snapshot: Snapshot
    analysis: Analysis
    occurrences: Occurrences
    code: Code

    def paths(self, criterion: Criterion) -> list[str]:
        """The files that the criterion may speak of; in `diff` mode those that changed."""
        changed = self.snapshot.changed
        paths = [path for path in self.occurrences.paths if changed is None or path in changed]
        return sorted(criterion.scope.possible(paths))

    def findings(self, rules: Sequence[str]) -> list[Finding]:
        """Those of the rules that are verified, in what is looked at."""
        named = [rule for rule in self._by_rule if _is_of(rule, rules)]
        return [finding for rule in named for finding in self._by_rule[rule]]

    @cached_property
    def _by_rule(self) -> dict[str, list[Finding]]:
        changed = self.snapshot.changed
        by_rule: dict[str, list[Finding]] = {}
        for finding in self.analysis.findings:
            if finding.verified and (changed is None or finding.path in changed):
                by_rule.setdefault(finding.rule, []).append(finding)
        return by_rule


def decide_all(
    snapshot: Snapshot, analysis: Analysis, criteria: Sequence[Criterion], meanings: Sequence[Meaning | None]
) -> list[CriterionResult]:
    """One result per criterion, in their order; `meanings` go with the criteria, one for one. Blocking."""
    topics = [topic for meant in meanings if meant for topic in meant.topics]
    case = _Case(snapshot, analysis, absence.search(snapshot, topics), Code(snapshot))
    return [_decide(criterion, meant, case) for criterion, meant in zip(criteria, meanings, strict=True)]


def _decide(criterion: Criterion, meant: Meaning | None, case: _Case) -> CriterionResult:
    if meant is None:
        return _undecided(criterion, f"No analyzer means exactly what this sentence says. {_JUDGE}", case)
    if meant.unknown:
        return _undecided(criterion, f"There is no rule {', '.join(meant.unknown)} in the analyzers that run.", case)
    if criterion.scope.include and case.snapshot.changed is None and not case.paths(criterion):
        quotes = ", ".join(f"«{quote}»" for quote in criterion.scope.quotes)
        return _undecided(criterion, f"No file of the repository is where it speaks of ({quotes}).", case)
    if places.misread(criterion.scope):
        return _undecided(criterion, f"What it excepts cannot be told from what it speaks of. {_JUDGE}", case)
    conditions = ", ".join(f"«{condition}»" for condition in criterion.scope.unresolved)
    if conditions and not _only_narrows(criterion):
        return _undecided(criterion, f"No analyzer can apply {conditions}. {_JUDGE}", case)
    exact = [
        finding
        for topic in meant.topics
        for finding in _exact(topic, case)
        if criterion.scope.of(finding.path) is not Within.NO
    ]
    surely = [finding for finding in exact if places.surely(criterion, finding.path)]
    if exact and (conditions or not meant.may_fail):
        first = places.chosen(exact)[0]
        what = (
            f"{first.rule} points at {first.path}:{first.start_line}, and no analyzer can say whether the criterion "
            "means that case."
        )
        return _undecided(criterion, f"{what} {_JUDGE}", case, exact)
    if surely:
        rules = ", ".join(sorted({finding.rule for finding in surely}))
        first = places.chosen(surely)[0]
        count = len({(finding.path, finding.start_line) for finding in surely})
        reason = f"{rules} finds what it forbids at {_count(count, 'place')}, such as {first.path}:{first.start_line}."
        return CriterionResult(
            criterion,
            Outcome.FAIL,
            None,
            reason,
            by=Decider.ANALYZERS,
            evidence=tuple(map(places.evidence, places.in_turn(surely))),
            look_at=tuple(map(places.evidence, places.chosen(_unsure(meant, surely, criterion, case)))),
        )
    if exact:
        first = places.chosen(exact)[0]
        reason = (
            f"{first.rule} finds it at {first.path}:{first.start_line}, and it cannot be said whether the criterion "
            f"speaks of that file. {_JUDGE}"
        )
        return _undecided(criterion, reason, case, exact)
    gaps = [gap for topic in meant.topics if (gap := _gap(topic, criterion, case)) is not None]
    if not gaps and not meant.may_pass:
        return _undecided(
            criterion, f"Nothing that it forbids was found, and it asks for more than that. {_JUDGE}", case
        )
    if gaps:
        return _undecided(criterion, gaps[0].why, case, gaps[0].findings, gaps[0].mentioned)
    searched = " ".join(_proof(topic, criterion, case) for topic in meant.topics)
    return CriterionResult(criterion, Outcome.PASS, None, searched, by=Decider.ANALYZERS)


def _only_narrows(criterion: Criterion) -> bool:
    """Whether its conditions say when the thing is forbidden: where it is nowhere, they do not matter."""
    return criterion.kind is CriterionKind.FORBIDS


def _exact(topic: Topic, case: _Case) -> list[Finding]:
    """Findings each of which is the thing itself, in the project's own code."""
    if topic.call is not None:
        changed = case.snapshot.changed
        return [use for use in uses.find(topic.call, case.code) if changed is None or use.path in changed]
    return [
        finding
        for finding in case.findings(topic.rules)
        if certain.ours(finding.path)
        and (topic.shows is None or topic.shows.search(case.code.statement(finding)))
        and (topic.says is None or topic.says.search(finding.message))
        and (topic.not_in is None or not topic.not_in.search(finding.path))
        and (topic.sure is None or topic.sure(finding, case.code))
    ]


@dataclass(frozen=True)
class _Gap:
    """Why nothing is proven about a thing that no exact rule found."""

    why: str
    findings: Sequence[Finding] = ()
    mentioned: Sequence[Evidence] = ()


def _gap(topic: Topic, criterion: Criterion, case: _Case) -> _Gap | None:
    """Why it cannot be said that the thing is nowhere, or None when it can."""
    domain = case.occurrences.domain(topic)
    paths = [path for path in case.paths(criterion) if path in domain]
    blind = sorted(set(paths) & case.occurrences.unreadable)
    if blind:
        return _Gap(f"{_count(len(blind), 'file')} in scope cannot be read, such as {blind[0]}.")
    by_words = _words_gap(topic, paths, case) if topic.words else None
    by_rules = _rules_gap(topic, criterion, paths, case) if topic.silent else None
    if (topic.words and by_words is None) or (topic.silent and by_rules is None):
        return None
    if by_words or by_rules:
        return by_words or by_rules
    return _Gap(f"{', '.join(topic.rules)} found nothing, and it does not see every case. {_JUDGE}")


def _words_gap(topic: Topic, paths: Sequence[str], case: _Case) -> _Gap | None:
    holding = case.occurrences.holding(topic, paths)
    if not holding:
        return None
    mentioned = [place for path in holding[: places.MOST] if (place := _mention(topic, path, case)) is not None]
    at = f"{mentioned[0].path}:{mentioned[0].start_line}" if mentioned else holding[0]
    why = (
        f"No rule says that it is what is forbidden, but its words stand in {_count(len(holding), 'file')}, such as "
        f"{at}. {_JUDGE}"
    )
    return _Gap(why, mentioned=mentioned)


def _rules_gap(topic: Topic, criterion: Criterion, paths: Sequence[str], case: _Case) -> _Gap | None:
    heard = [finding for finding in case.findings(topic.silent) if criterion.scope.of(finding.path) is not Within.NO]
    if heard:
        first = heard[0]
        return _Gap(
            f"{first.rule} points at {first.path}:{first.start_line}, which may or may not be it. {_JUDGE}", heard
        )
    for name in sorted({rule.split(":", 1)[0] for rule in topic.silent}):
        tool = case.analysis.tool(name)
        if tool is None or tool.wanted == 0:
            return _Gap(f"{name} had no file to look at.")
        if topic.unlisted and not set(topic.silent) <= {f"{name}:{rule}" for rule in tool.rules}:
            return _Gap(f"{name} found nothing, and does not say that it has such a rule.")
        if not tool.complete:
            why = tool.problem or f"it read {len(tool.covered)} of {tool.wanted} files"
            return _Gap(f"Nothing was found, but {name} did not see everything: {why}.")
        missed = [path for path in paths if path in case.occurrences.python and path not in tool.covered]
        if missed and not topic.rule:
            return _Gap(f"Nothing was found, but {name} does not read {missed[0]}.")
    blinding = case.occurrences.blinding(topic, paths)
    if blinding:
        return _Gap(f"Nothing was found, but {', '.join(topic.silent)} does not see every case in {blinding[0]}.")
    others = sorted(set(paths) & case.occurrences.other_code)
    if others and not topic.python:
        return _Gap(f"Nothing was found, but files in other languages were not analysed, such as {others[0]}.")
    return None


def _proof(topic: Topic, criterion: Criterion, case: _Case) -> str:
    domain = case.occurrences.domain(topic)
    paths = [path for path in case.paths(criterion) if path in domain]
    if topic.words and not case.occurrences.holding(topic, paths):
        return f"«{topic.name}» stands in none of the {_count(len(paths), 'file')} that could hold it."
    return f"{', '.join(topic.silent)} looked at every Python file in scope and found none."


def _mention(topic: Topic, path: str, case: _Case) -> Evidence | None:
    """The first line with a word of the thing."""
    content = texts.decode((case.snapshot.root / path).read_bytes(), path) or ""
    words = [word for alternative in topic.words for word in alternative]
    if not topic.marks:
        content = mentions.without(content, path, absence.plain(words))
    numbers = absence.lines_with(content, words, path)
    if not numbers:
        return None
    return Evidence(path, numbers[0], numbers[0], "", verified=True)


def _undecided(
    criterion: Criterion,
    reason: str,
    case: _Case,
    findings: Sequence[Finding] = (),
    mentioned: Sequence[Evidence] = (),
) -> CriterionResult:
    pointed = list(findings) or [
        finding
        for finding in case.findings(hints.rules(criterion.statement))
        if criterion.scope.of(finding.path) is not Within.NO
    ]
    look_at = (*map(places.evidence, places.chosen(pointed)), *mentioned)[: places.MOST]
    if pointed and not findings:
        rules = ", ".join(sorted({finding.rule for finding in pointed}))
        reason = f"{reason} {rules} points at {_count(len(pointed), 'place')} that may matter."
    return CriterionResult(criterion, Outcome.UNDECIDED, None, reason, look_at=look_at)


def _unsure(meant: Meaning, surely: Sequence[Finding], criterion: Criterion, case: _Case) -> list[Finding]:
    """Other places that may break it: those of its rules that are not surely it, and what a flood of them may hide."""
    sure = {(finding.rule, finding.path, finding.start_line) for finding in surely}
    counts = Counter((finding.path, finding.rule_id) for finding in surely)
    return [
        finding
        for finding in case.findings(meant.rules)
        if criterion.scope.of(finding.path) is not Within.NO
        and (
            (finding.rule, finding.path, finding.start_line) not in sure
            or counts[finding.path, finding.rule_id] >= MAX_ALIKE
        )
    ]


def _is_of(rule: str, rules: Sequence[str]) -> bool:
    return any(rule == name or (name.endswith("*") and rule.startswith(name[:-1])) for name in rules)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
