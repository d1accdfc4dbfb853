"""REPORT.md: the verdict for people. Text of the repository is shown, never interpreted."""

import re
from collections.abc import Iterator
from itertools import groupby
from urllib.parse import quote

from worker.core.vocabulary import CriterionKind, Outcome, Severity, TribunalMode, Verdict, Vote
from worker.verification.constitution.criteria import Criterion
from worker.verification.constitution.reading import Fate
from worker.verification.opinion import Evidence, Opinion
from worker.verification.outcome import RunOutcome
from worker.verification.reports.escape import code, fence, inline
from worker.verification.result import Coverage, CriterionResult, Decider

_MEANING = {
    Verdict.PASS: "Every criterion was decided, and every one is met.",
    Verdict.FAIL: "A criterion of critical or high severity is not met.",
    Verdict.VETO: "The security judge stops this with verified evidence.",
    Verdict.PARTIAL: "Nothing grave failed, but not everything passed or could be decided.",
    Verdict.ERROR: "The work could not be completed; this says nothing of the repository.",
}
_LABELS = {Outcome.FAIL: "Failed", Outcome.UNDECIDED: "Undecided", Outcome.PASS: "Passed"}
_LANGUAGES = {
    "py": "python", "js": "javascript", "ts": "typescript", "go": "go", "java": "java", "rs": "rust", "c": "c",
    "yml": "yaml", "yaml": "yaml", "toml": "toml", "json": "json", "sh": "sh", "rb": "ruby",
}  # fmt: skip
_DECIDERS = {Decider.ANALYZERS: "analyzers", Decider.JUDGES: "judges", Decider.NOBODY: "–"}
_KINDS = {
    CriterionKind.FORBIDS: "forbids",
    CriterionKind.EVERYWHERE: "required everywhere",
    CriterionKind.SOMEWHERE: "required somewhere",
    CriterionKind.PROCESS: "about the process",
}
_LINE_SHOWN = 120
_MAX_RULES = 60
_PLACES_SHOWN = 5


def render(outcome: RunOutcome) -> bytes:
    """The report as UTF-8 Markdown."""
    return "\n".join(_lines(outcome)).encode()


def _lines(outcome: RunOutcome) -> Iterator[str]:
    verdict = outcome.verdict
    subject = outcome.subject
    name = subject.repo_full_name or _source_name(subject.source)
    score = f" · score {verdict.score:.1f} of 10" if verdict.score is not None else ""
    yield f"# {verdict.verdict.value}: {inline(name)}"
    yield ""
    yield f"**{inline(verdict.reason)}** {_MEANING[verdict.verdict]}"
    yield ""
    yield (
        f"{outcome.count(Outcome.PASS)} passed · {outcome.count(Outcome.FAIL)} failed · "
        f"{outcome.count(Outcome.UNDECIDED)} undecided{score}"
    )
    yield ""
    if outcome.tribunal is TribunalMode.STATIC:
        yield f"> **Static mode.** {inline(outcome.tribunal_why)} No judge read the code: only what analyzers and an"
        yield "> exhaustive search prove was decided, and there are no votes and no scores."
        yield ""
    yield from _trend(outcome)
    yield from _overview(outcome)
    for wanted in (Outcome.FAIL, Outcome.UNDECIDED, Outcome.PASS):
        chosen = [result for result in outcome.results if result.outcome is wanted]
        if not chosen:
            continue
        yield f"## {_LABELS[wanted]}"
        yield ""
        if wanted is Outcome.FAIL:
            for result in chosen:
                yield from _criterion(result, outcome)
        else:
            yield from _short(chosen)
    yield from _not_checkable(outcome)
    yield from _findings(outcome)
    yield from _reading(outcome)
    yield from _provenance(outcome)


def _trend(outcome: RunOutcome) -> Iterator[str]:
    before = outcome.previous
    if before is None:
        return
    now = {result.criterion.key: result for result in outcome.results}
    moved = [
        f"{_LABELS[result.outcome].lower()}, was {before.outcomes[key].lower()}: {inline(result.criterion.statement)}"
        for key, result in now.items()
        if before.outcomes.get(key, result.outcome.value) != result.outcome.value
    ]
    score = f", score {before.score:.1f}" if before.score is not None else ""
    yield f"The run before on this branch was {before.verdict}{score} ({code(before.run_id)})."
    yield ""
    yield from (f"- {line}" for line in moved)
    if moved:
        yield ""


def _source_name(source: dict[str, object]) -> str:
    return str(source.get("url") or source.get("path") or f"{source.get('kind')} source")


def _overview(outcome: RunOutcome) -> Iterator[str]:
    order = {Outcome.FAIL: 0, Outcome.UNDECIDED: 1, Outcome.PASS: 2}
    ranked = sorted(outcome.results, key=lambda r: (order[r.outcome], r.criterion.severity.rank))
    if outcome.tribunal is TribunalMode.STATIC:
        yield "| criterion | severity | outcome | decided by |"
        yield "|---|---|---|---|"
        for result in ranked:
            yield (
                f"| {inline(result.criterion.statement)} | {result.criterion.severity.value} "
                f"| **{_LABELS[result.outcome]}** | {_DECIDERS[result.by]} |"
            )
        yield ""
        return
    yield "| criterion | severity | outcome | score | architect | security | user proxy |"
    yield "|---|---|---|---|---|---|---|"
    for result in ranked:
        votes = {opinion.role.value: opinion for opinion in result.opinions}
        cells = [_vote(votes.get(role)) for role in ("architect", "security", "user_proxy")]
        score = f"{result.score:.1f}" if result.score is not None else "–"
        yield (
            f"| {inline(result.criterion.statement)} | {result.criterion.severity.value} "
            f"| **{_LABELS[result.outcome]}** | {score} | {' | '.join(cells)} |"
        )
    yield ""


def _vote(opinion: Opinion | None) -> str:
    if opinion is not None and opinion.void is not None:
        return "void"
    if opinion is None or opinion.vote is Vote.ABSTAIN:
        return "abstains"
    return f"{opinion.vote.value} {opinion.score} ({opinion.confidence:.0%})"


def _criterion(result: CriterionResult, outcome: RunOutcome) -> Iterator[str]:
    criterion = result.criterion
    vetoed = " · **vetoed**" if criterion.key in outcome.verdict.vetoed_by else ""
    yield f"### {inline(criterion.statement)}"
    yield ""
    yield f"{_about(criterion)}{vetoed} · {inline(result.reason)}"
    yield ""
    yield from _shown(result)
    yield from _said(result)
    yield ""
    places = result.places
    for item in places[:_PLACES_SHOWN]:
        yield from _place(item, outcome)
    if len(places) > _PLACES_SHOWN:
        yield f"… and {len(places) - _PLACES_SHOWN} more place(s), listed in `verdict.json`."
        yield ""


def _about(criterion: Criterion) -> str:
    """Key, category, severity, kind and scope, and the line of the constitution."""
    scope = criterion.scope
    limits = [
        *(f"only {entry}" for entry in scope.include),
        *(f"not {entry}" for entry in scope.exclude),
        *scope.unresolved,
    ]
    within = f" · {inline('; '.join(limits))}" if limits else ""
    return (
        f"{code(criterion.key)} · {criterion.category.value} · {criterion.severity.value} · "
        f"{_KINDS[criterion.kind]}{within} · "
        f"line {criterion.line} of the constitution"
    )


def _shown(result: CriterionResult, indent: str = "") -> Iterator[str]:
    """What the judges were shown and what was searched for."""
    seen = _seen(result.coverage)
    if result.opinions and seen:
        yield f"{indent}- {seen}"


def _seen(coverage: Coverage) -> str:
    if not coverage.files:
        return ""
    share = "all" if coverage.whole else f"{coverage.share:.0%}"
    shown = (
        f"shown to the judges: {share} of its scope ({coverage.shown_lines} of {coverage.lines} lines in "
        f"{coverage.shown_files} of {coverage.files} files)"
    )
    if not coverage.patterns:
        return shown
    patterns = ", ".join(code(pattern) for pattern in coverage.patterns)
    return f"{shown}; searched for {patterns}: {coverage.hits} place(s) found, {coverage.hits_shown} of them shown"


def _said(result: CriterionResult, indent: str = "") -> Iterator[str]:
    """What each judge says, the same words once; and what it said before a debate changed its mind."""
    said: dict[tuple[str, str], list[str]] = {}
    before = {opinion.role: opinion for opinion in result.earlier}
    for opinion in result.opinions:
        changed = before.get(opinion.role)
        note = f" (said {changed.vote.value} before the debate)" if changed and changed.vote is not opinion.vote else ""
        why = f"{opinion.rationale} (Void: {opinion.void})" if opinion.void else opinion.rationale
        said.setdefault((f"{_vote(opinion)}{note}", why), []).append(opinion.role.value.replace("_", " "))
    for (vote, rationale), roles in said.items():
        yield f"{indent}- **{', '.join(roles)}** · {vote}: {inline(rationale)}"


def _place(item: Evidence, outcome: RunOutcome) -> Iterator[str]:
    where = f"{item.path}:{item.start_line}" + (f"-{item.end_line}" if item.end_line > item.start_line else "")
    link = code(where)
    base = outcome.subject.web_url
    if base and outcome.snapshot.commit:
        anchor = f"#L{item.start_line}" + (f"-L{item.end_line}" if item.end_line > item.start_line else "")
        link = f"[{link}]({base}/blob/{outcome.snapshot.commit}/{quote(item.path)}{anchor})"
    rule = f" ({code(item.rule)})" if item.rule else ""
    yield f"{link}{rule}"
    yield ""
    yield from fence(item.quote, _LANGUAGES.get(item.path.rsplit(".", 1)[-1], ""))
    yield ""


def _short(results: list[CriterionResult]) -> Iterator[str]:
    for result in results:
        objection = " **The security judge objects.**" if result.objection is not None else ""
        severity = result.criterion.severity.value
        yield f"- **{inline(result.criterion.statement)}** ({severity}) — {inline(result.reason)}{objection}"
        yield from _shown(result, "  ")
        yield from _said(result, "  ")
        if result.look_at:
            places = ", ".join(code(f"{item.path}:{item.start_line}") for item in result.look_at)
            yield f"  - look at: {places}"
    yield ""


def _not_checkable(outcome: RunOutcome) -> Iterator[str]:
    if not outcome.process:
        return
    yield "## Not checkable"
    yield ""
    yield "These speak of how people work. No repository shows whether they are kept; they count neither way."
    yield ""
    yield from (f"- {inline(criterion.statement)} (line {criterion.line})" for criterion in outcome.process)
    yield ""


def _reading(outcome: RunOutcome) -> Iterator[str]:
    """What became of every line of the constitution."""
    yield "## How the constitution was read"
    yield ""
    yield "| lines | text | became |"
    yield "|---|---|---|"
    position = {criterion.key: number for number, criterion in enumerate(outcome.reading.criteria, start=1)}
    for line in outcome.reading.lines:
        lines = str(line.line) if line.end_line == line.line else f"{line.line}–{line.end_line}"
        numbers = ", ".join(str(position[key]) for key in line.keys if key in position)
        if line.fate is Fate.NOT_READ:
            warning = "**a requirement that was not read:** " if line.requires else "not read: "
            became = f"{warning}{inline(line.why or '')}"
        else:
            became = f"{'criterion' if line.fate is Fate.CRITERION else 'part of criterion'} {numbers}"
        yield f"| {lines} | {inline(_cut(line.text))} | {became} |"
    yield ""


def _cut(text: str) -> str:
    return text if len(text) <= _LINE_SHOWN else f"{text[:_LINE_SHOWN]} …"


def _panel(outcome: RunOutcome) -> Iterator[str]:
    if outcome.tribunal is TribunalMode.STATIC:
        return
    for role, agreement in outcome.agreement.items():
        models = sorted(
            {o.model for result in outcome.results for o in result.opinions if o.role is role and o.failure is None}
        )
        state = "calibrated" if agreement.calibrated else "uncalibrated"
        yield (
            f"- {role.value.replace('_', ' ')}: {inline(', '.join(models) or 'gave no answer')}; confidence {state} "
            f"(people agreed with {agreement.agreed} of {agreement.marked} opinions they marked)"
        )


def _findings(outcome: RunOutcome) -> Iterator[str]:
    findings = sorted(outcome.analysis.findings, key=lambda f: (f.severity.rank, f.rule, f.path, f.start_line))
    yield "## Static analysis"
    yield ""
    counted = outcome.findings_by_severity
    yield " · ".join(f"{counted[severity]} {severity.value}" for severity in Severity)
    yield ""
    yield "| analyzer | version | files | findings | |"
    yield "|---|---|---|---|---|"
    for tool in outcome.analysis.tools:
        problem = f"**{inline(tool.problem)}**" if tool.problem else ""
        yield (
            f"| {inline(tool.name)} | {inline(tool.version or '–')} | {len(tool.covered)} of {tool.wanted} "
            f"| {tool.findings} | {problem} |"
        )
    yield ""
    if findings:
        yield "| severity | rule | places | first at | |"
        yield "|---|---|---|---|---|"
        by_rule = [list(group) for _, group in groupby(findings, key=lambda f: (f.severity.rank, f.rule))]
        for group in by_rule[:_MAX_RULES]:
            first = group[0]
            yield (
                f"| {first.severity.value} | {code(first.rule)} | {len(group)} "
                f"| {code(f'{first.path}:{first.start_line}')} | {inline(_first_sentence(first.message))} |"
            )
        yield ""
        if len(by_rule) > _MAX_RULES:
            yield f"… and {len(by_rule) - _MAX_RULES} more rules."
        yield "Every place is listed in `verdict.json` and `verdict.sarif`."
        yield ""


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=\.)\s", " ".join(text.split()), maxsplit=1)[0][:300]


def _provenance(outcome: RunOutcome) -> Iterator[str]:
    subject, snapshot = outcome.subject, outcome.snapshot
    yield "## What was verified"
    yield ""
    yield f"- run {code(subject.run_id)}, {subject.created_at:%Y-%m-%d %H:%M:%S} UTC"
    if snapshot.commit:
        branch = f" on {code(subject.branch)}" if subject.branch else ""
        yield f"- commit {code(snapshot.commit)}{branch}"
    yield f"- snapshot {code(snapshot.digest)}: {len(snapshot.files)} file(s), {snapshot.total} bytes"
    if snapshot.changed is not None:
        yield f"- only the {len(snapshot.changed)} file(s) that changed since {code(subject.base or '')}"
    method = "by a model" if outcome.reading.method.startswith("llm") else "by rules"
    yield f"- constitution {code(subject.constitution_sha256)}, {len(outcome.reading.criteria)} criteria read {method}"
    seconds = (outcome.finished_at - outcome.started_at).total_seconds()
    calls = outcome.calls
    failed = f", {calls.failed} that failed" if calls.failed else ""
    yield (
        f"- {seconds:.1f} s of work; {calls.made} LLM call(s) made, {calls.reused} answer(s) reused{failed}; "
        f"${calls.cost:.4f}"
    )
    yield from _panel(outcome)
    for note in outcome.notes:
        yield f"- note: {inline(note)}"
    yield ""
