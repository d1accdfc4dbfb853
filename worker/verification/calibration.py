"""How sure a judge is, as a reader may be told it: by a suite with known answers, or by what people marked.

A model's own confidence is a number that it writes. What it is worth is known only by holding it against what turned
out to be right: the points of a curve for each judge (CVA_CALIBRATION, as `invariant eval run --calibration` writes
it), read between them in straight lines. Where there is no curve, it is the share of marked results in which people
agreed with the judge, of twenty marks at least. Without either nothing is told.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from worker.core.vocabulary import JudgeRole

Curve = Sequence[tuple[float, float]]
"""(what the judge says, how often it is right), both 0 to 1, in order."""


CALIBRATED = 20


@dataclass(frozen=True)
class Agreement:
    """How often people who marked a result agreed with a judge. Calibrated from 20 marks on."""

    agreed: int = 0
    marked: int = 0

    @property
    def calibrated(self) -> bool:
        return self.marked >= CALIBRATED


@dataclass(frozen=True)
class Calibration:
    """What is known of the judges."""

    curves: Mapping[JudgeRole, Curve] = field(default_factory=dict)
    agreement: Mapping[JudgeRole, Agreement] = field(default_factory=dict)

    def of(self, role: JudgeRole, confidence: float | None) -> float | None:
        """How often such an opinion of the judge is right, 0 to 1; None where nobody knows."""
        if confidence is None:
            return None
        curve = self.curves.get(role)
        if curve:
            return _between(curve, confidence)
        agreement = self.agreement.get(role)
        return agreement.agreed / agreement.marked if agreement is not None and agreement.calibrated else None


def _between(curve: Curve, confidence: float) -> float:
    at = bisect_right([said for said, _ in curve], confidence)
    if at == 0:
        return curve[0][1]
    if at == len(curve):
        return curve[-1][1]
    (left, low), (right, high) = curve[at - 1], curve[at]
    return low + (high - low) * (confidence - left) / (right - left)
