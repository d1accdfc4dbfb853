"""What the analytics count of a run, and how it is read from the run's metrics row `m`.

Every measure is a whole number, so that sums are exact in whatever order they are made: durations in microseconds,
money in billionths of a US dollar, scores in hundredths, confidence in millionths. A bucket's figure is the sum of its
runs', and a longer bucket's the sum of its parts'.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from worker.core.vocabulary import JudgeRole, Severity, Verdict

MICRO = 1_000_000
NANO = 1_000_000_000
HUNDREDTHS = 100


@dataclass(frozen=True)
class Measure:
    """`value` is SQL over one metrics row; a `wide` one may pass 2³¹ within a bucket."""

    name: str
    value: str
    wide: bool = False

    @property
    def sql_type(self) -> str:
        return "bigint" if self.wide else "integer"


VERDICTS: dict[Verdict, str] = {
    Verdict.PASS: "passed",
    Verdict.FAIL: "failed",
    Verdict.VETO: "vetoed",
    Verdict.PARTIAL: "partial",
    Verdict.ERROR: "errors",
}
FINDINGS: dict[Severity, str] = {severity: f"findings_{severity.value}" for severity in Severity}
CRITERIA = ("criteria_passed", "criteria_failed", "criteria_undecided")
FILES = ("files_seen", "files_total")
CALLS = ("llm_calls", "llm_calls_reused")
TOKENS = ("prompt_tokens", "completion_tokens")
REMEDIATION = ("remediations", "fixes", "fixes_applied", "fixes_verified", "fixes_reverted", "fixes_failed")

# Of each judge. `opinions` are those of the last round; `compared` those that decided where the consensus did, and
# `agreed` those of them that said what it says. Calls are the run's own, not those whose answers it reused.
JUDGE_COUNTS = ("opinions", "abstentions", "compared", "agreed", "vetoes", "calls")
JUDGE_SUMS = ("scores", "confidence_micro", "latency_ms", "prompt_tokens", "completion_tokens", "cost_nano")


def of_judge(role: JudgeRole, name: str) -> str:
    """The column that holds it."""
    return f"{role.value}_{name}"


def judge_columns() -> Iterator[tuple[str, bool]]:
    """(column, whether it is wide) of each judge's measures, in a run's metrics and in the buckets alike."""
    for role in JudgeRole:
        yield from ((of_judge(role, name), False) for name in JUDGE_COUNTS)
        yield from ((of_judge(role, name), True) for name in JUDGE_SUMS)


def _all() -> Iterator[Measure]:
    yield Measure("runs", "1")
    for verdict, name in VERDICTS.items():
        yield Measure(name, f"(m.verdict = '{verdict.value}')::int")
    yield Measure("llm_runs", "(coalesce(m.tribunal, '') = 'llm')::int")
    yield Measure("diff_runs", "(m.mode = 'diff')::int")
    yield Measure("attempts", "m.attempts")
    yield Measure("scored", "(m.score IS NOT NULL)::int")
    yield Measure("scores", f"coalesce(round(m.score * {HUNDREDTHS}), 0)::bigint", wide=True)
    for duration in DURATIONS:
        yield Measure(duration.measure, duration.microseconds, wide=True)
    for name in CALLS:
        yield Measure(name, f"m.{name}")
    for name in TOKENS:
        yield Measure(name, f"m.{name}", wide=True)
    yield Measure("cost_nano", f"round(m.cost_usd * {NANO})::bigint", wide=True)
    for name in FINDINGS.values():
        yield Measure(name, f"m.{name}", wide=True)
    for name in CRITERIA:
        yield Measure(name, f"m.{name}")
    for name in FILES:
        yield Measure(name, f"m.{name}", wide=True)
    for name in REMEDIATION:
        yield Measure(name, f"m.{name}")
    for name, wide in judge_columns():
        yield Measure(name, f"m.{name}", wide)


@dataclass(frozen=True)
class Duration:
    """A duration whose distribution is kept. `code` names it in the histograms, and never changes."""

    name: str
    code: int

    @property
    def measure(self) -> str:
        return f"{self.name}_us"

    @property
    def microseconds(self) -> str:
        """As SQL over a metrics row. A double holds a duration of up to 285 years to the microsecond."""
        return f"round(m.{self.name}_seconds * {MICRO})::bigint"


DURATIONS = (Duration("queue", 0), Duration("work", 1), Duration("llm", 2))
MEASURES: tuple[Measure, ...] = tuple(_all())
NAMES: tuple[str, ...] = tuple(measure.name for measure in MEASURES)

KEPT_RUNS = 5
"""So many of the last runs that broke a rule are kept with it."""
