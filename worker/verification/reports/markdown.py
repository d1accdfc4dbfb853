"""REPORT.md: the verdict for people. Text of the repository is shown, never interpreted."""

from collections.abc import Iterator
from urllib.parse import quote

from worker.core.vocabulary import CriterionKind, Outcome, TribunalMode, Verdict, Vote
from worker.verification.calibration import Calibration
from worker.verification.constitution.criteria import Criterion
from worker.verification.opinion import Evidence, Opinion
from worker.verification.outcome import RunOutcome
from worker.verification.reports import appendix
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
_DECIDERS = {Decider.ANALYZERS: "analyzers", Decider.JUDGES: "judges", Decider.SEARCH: "search", Decider.NOBODY: "–"}
_KINDS = {
    CriterionKind.FORBIDS: "forbids",
    CriterionKind.EVERYWHERE: "required everywhere",
    CriterionKind.SOMEWHERE: "required somewhere",
    CriterionKind.PROCESS: "about the process",
}
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
            yield from _short(chosen, outcome.calibration)
    yield from _not_checkable(outcome)
    yield from appendix.accepted(outcome)
    yield from appendix.findings(outcome)
    yield from appendix.reading(outcome)
    yield from appendix.provenance(outcome)


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
        cells = [_vote(votes.get(role), outcome.calibration) for role in ("architect", "security", "user_proxy")]
        score = f"{result.score:.1f}" if result.score is not None else "–"
        yield (
            f"| {inline(result.criterion.statement)} | {result.criterion.severity.value} "
            f"| **{_LABELS[result.outcome]}** | {score} | {' | '.join(cells)} |"
        )
    yield ""


def _vote(opinion: Opinion | None, calibration: Calibration) -> str:
    if opinion is not None and opinion.void is not None:
        return "void"
    if opinion is not None and opinion.failure is not None:
        return "no answer"
    if opinion is None or opinion.vote is Vote.ABSTAIN:
        return "abstains"
    right = calibration.of(opinion.role, opinion.confidence)
    return f"{opinion.vote.value} {opinion.score}" + ("" if right is None else f" ({right:.0%})")


def _criterion(result: CriterionResult, outcome: RunOutcome) -> Iterator[str]:
    criterion = result.criterion
    vetoed = " · **vetoed**" if criterion.key in outcome.verdict.vetoed_by else ""
    yield f"### {inline(criterion.statement)}"
    yield ""
    yield f"{_about(criterion)}{vetoed} · {inline(result.reason)}"
    yield ""
    said = [*_shown(result), *_said(result, outcome.calibration)]
    yield from said
    if said:
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
    share = "all" if coverage.whole else coverage.percent
    shown = (
        f"shown to the judges: {share} of its scope ({coverage.shown_lines} of {coverage.lines} lines in "
        f"{coverage.shown_files} of {coverage.files} files)"
    )
    if coverage.deep and not coverage.whole:
        spared = coverage.spared_files
        rest = f", {spared} file(s) that need not be read left out" if spared else ""
        named = "nothing named"
        if coverage.places:
            named = f"{coverage.places} place(s) named, {coverage.places_shown} of them shown"
        read = "all" if coverage.read else coverage.percent_read
        lines = f"{coverage.read_lines} lines in {coverage.read_files} files{rest}"
        shown = f"read by scouts: {read} of its scope ({lines}), {named}; {shown}"
    if not coverage.patterns:
        return shown
    patterns = ", ".join(code(pattern) for pattern in coverage.patterns)
    if not coverage.hits:
        return f"{shown}; searched for {patterns}: found nowhere"
    of = "all" if coverage.hits_shown == coverage.hits and not coverage.overflow else coverage.hits_shown
    return f"{shown}; searched for {patterns}: {coverage.found} found, {of} of them shown"


def _said(result: CriterionResult, calibration: Calibration, indent: str = "") -> Iterator[str]:
    """What each judge says, the same words once; and what it said before a debate changed its mind."""
    said: dict[tuple[str, str], list[str]] = {}
    before = {opinion.role: opinion for opinion in result.earlier}
    for opinion in result.opinions:
        changed = before.get(opinion.role)
        note = f" (said {changed.vote.value} before the debate)" if changed and changed.vote is not opinion.vote else ""
        why = f"{opinion.rationale} (Void: {opinion.void})" if opinion.void else opinion.rationale
        if opinion.asked:
            why += f" (Asked to see {', '.join(opinion.asked)}.)"
        said.setdefault((f"{_vote(opinion, calibration)}{note}", why), []).append(opinion.role.value.replace("_", " "))
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


def _short(results: list[CriterionResult], calibration: Calibration) -> Iterator[str]:
    for result in results:
        objection = " **The security judge objects.**" if result.objection is not None else ""
        severity = result.criterion.severity.value
        yield f"- **{inline(result.criterion.statement)}** ({severity}) — {inline(result.reason)}{objection}"
        yield from _shown(result, "  ")
        yield from _said(result, calibration, "  ")
        cited = dict.fromkeys(f"{item.path}:{item.start_line}" for o in result.opinions for item in o.places)
        if cited:
            more = f" and {len(cited) - _PLACES_SHOWN} more" if len(cited) > _PLACES_SHOWN else ""
            yield f"  - they cite: {', '.join(map(code, list(cited)[:_PLACES_SHOWN]))}{more}"
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
