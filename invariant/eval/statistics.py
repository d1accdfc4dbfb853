"""Figures of decisions with known answers: pure functions.

Intervals are Wilson's (JASA 22, 1927). Calibration is the expected calibration error over ten bins of equal width (Guo
and others, ICML 2017) and Brier's score. Agreement beyond chance is Krippendorff's alpha for nominal data, which bears
with missing votes («Computing Krippendorff's Alpha-Reliability», 2011). Two configurations are compared pair by pair
with McNemar's exact test (Psychometrika 12, 1947).
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_Z = 1.96
BINS = 10
SURE = 0.02
"""A difference is shown where chance alone would show one as large in fewer than one of fifty suites."""


@dataclass(frozen=True)
class Share:
    """`part` of `whole`, and the interval that holds the true share with 95 %; None of nothing."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float] | None:
        if not self.whole:
            return None
        share, n, z = self.part / self.whole, self.whole, _Z
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Bin:
    """Decisions whose confidence lies in one tenth: how sure they were on average, and how often right."""

    count: int
    confidence: float
    right: float


def reliability(given: Iterable[tuple[float, bool]]) -> list[Bin]:
    """The reliability curve of (confidence, right) pairs; bins without any are left out."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for confidence, right in given:
        bins.setdefault(min(BINS - 1, int(confidence * BINS)), []).append((confidence, right))
    return [
        Bin(len(of), sum(c for c, _ in of) / len(of), sum(r for _, r in of) / len(of)) for _, of in sorted(bins.items())
    ]


def calibration_error(curve: Sequence[Bin]) -> float | None:
    """The mean distance of confidence from being right, weighted by how many decisions there are."""
    count = sum(entry.count for entry in curve)
    return sum(entry.count * abs(entry.confidence - entry.right) for entry in curve) / count if count else None


def brier(given: Sequence[tuple[float, bool]]) -> float | None:
    """The mean square of confidence less the truth."""
    return sum((confidence - right) ** 2 for confidence, right in given) / len(given) if given else None


def isotonic(given: Iterable[tuple[float, bool]]) -> list[tuple[float, float]]:
    """The rising curve nearest to (confidence, right) pairs, as points: adjacent violators are pooled (Ayer and others,
    Annals of Mathematical Statistics 26, 1955)."""
    by_confidence: dict[float, list[bool]] = {}
    for confidence, right in given:
        by_confidence.setdefault(round(confidence, 3), []).append(right)
    blocks: list[tuple[float, float, int]] = []
    """Sum of confidences, of right ones, and how many."""
    for confidence, of in sorted(by_confidence.items()):
        blocks.append((confidence * len(of), float(sum(of)), len(of)))
        while len(blocks) > 1 and blocks[-2][1] / blocks[-2][2] >= blocks[-1][1] / blocks[-1][2]:
            said, right_, count = blocks.pop()
            before = blocks.pop()
            blocks.append((before[0] + said, before[1] + right_, before[2] + count))
    return [(round(said / count, 3), round(right_ / count, 3)) for said, right_, count in blocks]


def alpha(units: Iterable[Sequence[str]]) -> float | None:
    """Krippendorff's alpha of units that several raters gave a nominal value, who may be missing: 1 is agreement, 0
    what chance gives. None where it is not defined: nobody disagrees, or nobody shares a unit."""
    weights: dict[tuple[str, str], float] = {}
    for values in units:
        for i, one in enumerate(values):
            for j, other in enumerate(values):
                if i != j:
                    weights[one, other] = weights.get((one, other), 0.0) + 1 / (len(values) - 1)
    totals: dict[str, float] = {}
    for (one, _), weight in weights.items():
        totals[one] = totals.get(one, 0.0) + weight
    count = sum(totals.values())
    expected = sum(totals[a] * totals[b] for a in totals for b in totals if a != b)
    if not expected:
        return None
    observed = sum(weight for (one, other), weight in weights.items() if one != other)
    return 1 - (count - 1) * observed / expected


@dataclass(frozen=True)
class Paired:
    """Two configurations on the same questions. `only_first`: those that only the first has right."""

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def count(self) -> int:
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def difference(self) -> float:
        """By how much the second is right more often, -1 to 1."""
        return (self.only_second - self.only_first) / self.count if self.count else 0.0

    @property
    def p(self) -> float:
        """How often chance alone would show a difference at least as large: McNemar's exact test, two-sided."""
        discordant = self.only_first + self.only_second
        if not discordant:
            return 1.0
        fewer = min(self.only_first, self.only_second)
        tail: float = sum(math.comb(discordant, k) for k in range(fewer + 1)) / 2**discordant
        return min(1.0, 2 * tail)

    @property
    def shown(self) -> bool:
        return self.p < SURE

    @property
    def interval(self) -> tuple[float, float]:
        """Of the difference, 95 %: Wald's with Agresti and Min's two pairs added (Statistics in Medicine 24, 2005)."""
        n = self.count + 2
        b, c = self.only_second + 0.5, self.only_first + 0.5
        middle = (b - c) / n
        half = _Z * math.sqrt(max(0.0, (b + c) - (b - c) ** 2 / n)) / n
        return max(-1.0, middle - half), min(1.0, middle + half)


def paired(first: Sequence[bool], second: Sequence[bool]) -> Paired:
    """Count them; both in the order of the questions."""
    counts = Counter(zip(first, second, strict=True))
    return Paired(counts[True, True], counts[True, False], counts[False, True], counts[False, False])
