"""Static mode: three judges who decide only what verified findings decide, and abstain from the rest.

It is what the product does without a provider, and says so. Each judge keeps to its own field; a criterion
outside of it, or one that no rule speaks of, is abstained from with the reason.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from worker.analyzers.analyze import Analysis
from worker.analyzers.finding import Finding
from worker.core.vocabulary import Category, JudgeRole, Severity, TribunalMode, Vote
from worker.sources.snapshot import Snapshot
from worker.verification.consensus import CriterionResult
from worker.verification.criteria import Criterion
from worker.verification.opinion import Evidence, Opinion
from worker.verification.topics import Coverage
from worker.verification.tribunal import Case, Progress

MODEL = "static"
MAX_EVIDENCE = 10

_FIELDS: dict[JudgeRole, frozenset[Category]] = {
    JudgeRole.ARCHITECT: frozenset(Category),
    JudgeRole.SECURITY: frozenset({Category.SECURITY}),
    JudgeRole.USER_PROXY: frozenset(Category),
}
# Below CVA_PASS_SCORE's default of 7, so that a verified finding fails its criterion whatever its severity.
_SCORES = {Severity.CRITICAL: 1, Severity.HIGH: 2, Severity.MEDIUM: 4, Severity.LOW: 5}
_PASSED = 10
_PASS_CONFIDENCE = 0.8

# Endings of files that nobody runs. Where anything else is present, finding nothing decides nothing.
_NO_CODE = frozenset(
    {
        "md", "markdown", "rst", "txt", "adoc", "json", "jsonl", "toml", "yaml", "yml", "ini", "cfg", "conf", "csv",
        "tsv", "xml", "lock", "log", "po", "pot", "mo", "png", "jpg", "jpeg", "gif", "webp", "ico", "svg", "bmp",
        "pdf", "woff", "woff2", "ttf", "otf", "eot", "css", "map", "zip", "gz", "tar", "whl", "pem", "crt", "key",
        "typed", "in", "example", "sample", "gitignore", "gitattributes", "editorconfig", "dockerignore",
        "license", "patch", "diff", "sum", "snap", "db", "sqlite", "mp3", "mp4", "wav", "ogg", "bin", "dat",
    }
)  # fmt: skip


class StaticTribunal:
    """Judges without a model. `why` goes into the verdict."""

    mode = TribunalMode.STATIC

    def __init__(self, why: str) -> None:
        self.why = why

    async def judge(self, case: Case, progress: Progress) -> list[Opinion]:
        opinions = await asyncio.to_thread(_judge, case)
        await progress(len(case.criteria), len(case.criteria))
        return opinions

    async def debate(self, case: Case, contested: Sequence[CriterionResult]) -> list[Opinion]:
        """The findings are the same for every judge: there is nothing to debate."""
        return []

    def notes(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class _Findings:
    """The case's findings as the judges ask for them. `unplaced` are those whose place did not resolve."""

    by_rule: Mapping[str, Sequence[Finding]]
    unplaced: frozenset[str]

    @classmethod
    def of(cls, case: Case) -> "_Findings":
        by_rule: dict[str, list[Finding]] = {}
        unplaced = set()
        changed = case.snapshot.changed
        for finding in case.analysis.findings:
            if not finding.verified:
                unplaced.add(finding.rule)
            elif changed is None or finding.path in changed:
                by_rule.setdefault(finding.rule, []).append(finding)
        return cls(by_rule, frozenset(unplaced))

    def of_rules(self, coverage: Coverage) -> list[Finding]:
        rules = [rule for rule in self.by_rule if coverage.matches(rule)]
        return [finding for rule in rules for finding in self.by_rule[rule]]


def _judge(case: Case) -> list[Opinion]:
    findings = _Findings.of(case)
    other = next((file.path for file in case.snapshot.files if is_other_code(file.path, case.snapshot)), None)
    opinions = []
    for criterion, coverage in zip(case.criteria, case.coverages, strict=True):
        shared = _shared(criterion, coverage, case.analysis, findings=findings, other=other)
        for role, field in _FIELDS.items():
            if criterion.category in field:
                opinions.append(replace(shared, role=role))
            else:
                why = f"{criterion.category.capitalize()} is not this judge's field."
                opinions.append(_abstain(criterion, role, why))
    return opinions


def _abstain(criterion: Criterion, role: JudgeRole, why: str) -> Opinion:
    return Opinion(key=criterion.key, role=role, vote=Vote.ABSTAIN, rationale=why, model=MODEL)


def _shared(
    criterion: Criterion, coverage: Coverage | None, analysis: Analysis, *, findings: _Findings, other: str | None
) -> Opinion:
    """The answer of every judge whose field it is: the findings are the same for all of them."""
    role = JudgeRole.ARCHITECT
    if coverage is None:
        return _abstain(criterion, role, "No static rule speaks of this statement; it takes a judge that reads code.")
    if coverage.unknown:
        return _abstain(criterion, role, f"There is no rule {', '.join(coverage.unknown)} in the analyzers that run.")
    found = findings.of_rules(coverage)
    if found:
        return _failed(criterion, role, found)
    gap = _gap(coverage, analysis, findings=findings, other=other)
    if gap is not None:
        return _abstain(criterion, role, gap)
    files = set().union(*(tool.covered for tool in analysis.tools if tool.name in coverage.analyzers))
    searched = f"{', '.join(coverage.rules)} over {len(files)} file(s)"
    return Opinion(
        key=criterion.key,
        role=role,
        vote=Vote.PASS,
        rationale=f"Static analysis found nothing: {searched}.",
        model=MODEL,
        score=_PASSED,
        confidence=_PASS_CONFIDENCE,
        absence=searched,
        absence_confirmed=True,
    )


def _failed(criterion: Criterion, role: JudgeRole, found: Sequence[Finding]) -> Opinion:
    worst = sorted(found, key=lambda f: (f.severity.rank, -f.confidence, f.path, f.start_line))
    places = len({(finding.path, finding.start_line) for finding in found})
    rules = ", ".join(sorted({finding.rule for finding in found}))
    return Opinion(
        key=criterion.key,
        role=role,
        vote=Vote.FAIL,
        rationale=f"{worst[0].message.rstrip('.')}. Found in {places} place(s) by {rules}.",
        model=MODEL,
        score=_SCORES[worst[0].severity],
        confidence=max(finding.confidence for finding in found),
        evidence=tuple(
            Evidence(f.path, f.start_line, f.end_line, f.quote, rule=f.rule, fingerprint=f.fingerprint)
            for f in worst[:MAX_EVIDENCE]
        ),
    )


def _gap(coverage: Coverage, analysis: Analysis, *, findings: _Findings, other: str | None) -> str | None:
    """Why finding nothing decides nothing here, or None when it does."""
    if not coverage.decisive:
        return f"Nothing was found by {', '.join(coverage.rules)}, but these rules do not see every case."
    for name in sorted(coverage.analyzers):
        tool = analysis.tool(name)
        if tool is None or tool.wanted == 0:
            return f"{name} found no file that it can analyse."
        if not tool.complete:
            why = tool.problem or f"it read {len(tool.covered)} of {tool.wanted} files"
            return f"Nothing was found, but {name} did not see everything: {why}."
    if any(coverage.matches(rule) for rule in findings.unplaced):
        return "Something was found at a place that is not in the snapshot."
    if other is not None and not coverage.confined:
        return f"Nothing was found, but files in other languages were not analysed, such as {other}."
    return None


def is_other_code(path: str, snapshot: Snapshot) -> bool:
    """Whether the file may be code that the built-in analyzers do not read.

    What is known to be no code is listed; everything else may be, and a file without an ending is looked into.
    """
    name = path.rsplit("/", 1)[-1]
    if name.endswith((".py", ".pyi")):
        return False
    ending = name.rsplit(".", 1)[-1].lower() if "." in name.lstrip(".") else ""
    if ending:
        return ending not in _NO_CODE
    with (snapshot.root / path).open("rb") as file:
        return file.read(2) == b"#!"
