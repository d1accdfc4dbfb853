"""The end of REPORT.md: what static analysis found, how the constitution was read, what was verified and by whom."""

import re  # noqa: TID251  linear: a single space
from collections.abc import Iterator, Sequence
from itertools import groupby

from worker.core.vocabulary import Severity, TribunalMode
from worker.verification.constitution.reading import Fate
from worker.verification.evidence import place_fingerprint
from worker.verification.outcome import Acceptance, RunOutcome
from worker.verification.reports.escape import code, inline

_LINE_SHOWN = 120
_MAX_RULES = 60


def findings(outcome: RunOutcome) -> Iterator[str]:
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


def accepted(outcome: RunOutcome) -> Iterator[str]:
    """What of this run people let be, who, and when."""
    rows = list(_accepted(outcome))
    if not rows:
        return
    yield "## Accepted"
    yield ""
    yield "| what | where | by | when |"
    yield "|---|---|---|---|"
    for what, where, acceptance in rows:
        by = "the service" if acceptance.by is None else code(acceptance.by)
        yield f"| {inline(what)} | {code(where)} | {by} | {acceptance.at:%Y-%m-%d %H:%M} UTC |"
    yield ""


def _accepted(outcome: RunOutcome) -> Iterator[tuple[str, str, Acceptance]]:
    """What, where, and whose word it is."""
    for result in outcome.results:
        places = {place_fingerprint(result.criterion.key, item): item for item in (*result.evidence, *result.places)}
        for fingerprint in result.accepted:
            item = places[fingerprint]
            yield result.criterion.statement, f"{item.path}:{item.start_line}", outcome.accepted[fingerprint]
    for finding in outcome.analysis.findings:
        if finding.fingerprint in outcome.accepted:
            yield finding.rule, f"{finding.path}:{finding.start_line}", outcome.accepted[finding.fingerprint]


def reading(outcome: RunOutcome) -> Iterator[str]:
    """What became of every line of the constitution."""
    yield "## How the constitution was read"
    yield ""
    yield "| lines | text | became |"
    yield "|---|---|---|"
    position = {criterion.key: number for number, criterion in enumerate(outcome.reading.criteria, start=1)}
    for line in outcome.reading.lines:
        lines = str(line.line) if line.end_line == line.line else f"{line.line}–{line.end_line}"
        numbers = _ranges(sorted(position[key] for key in line.keys if key in position))
        if line.fate is Fate.NOT_READ:
            warning = "**a requirement that was not read:** " if line.requires else "not read: "
            became = f"{warning}{inline(line.why or '')}"
        else:
            became = f"{'criterion' if line.fate is Fate.CRITERION else 'part of criterion'} {numbers}"
        yield f"| {lines} | {inline(_cut(line.text))} | {became} |"
    yield ""


def _ranges(numbers: Sequence[int]) -> str:
    """`1–4, 7` for 1, 2, 3, 4, 7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def _cut(text: str) -> str:
    return text if len(text) <= _LINE_SHOWN else f"{text[:_LINE_SHOWN]} …"


def provenance(outcome: RunOutcome) -> Iterator[str]:
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


def _panel(outcome: RunOutcome) -> Iterator[str]:
    if outcome.tribunal is TribunalMode.STATIC:
        return
    for role, agreement in outcome.calibration.agreement.items():
        models = sorted(
            {o.model for result in outcome.results for o in result.opinions if o.role is role and o.failure is None}
        )
        if outcome.calibration.curves.get(role):
            sure = "its confidence is shown as a suite has calibrated it"
        elif agreement.calibrated:
            sure = "its confidence is shown as how often people agreed"
        else:
            sure = "its confidence is not shown: nothing has calibrated it"
        yield (
            f"- {role.value.replace('_', ' ')}: {inline(', '.join(models) or 'gave no answer')}; {sure} "
            f"(people agreed with {agreement.agreed} of {agreement.marked} opinions they marked)"
        )
