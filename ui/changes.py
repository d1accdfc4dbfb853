"""What changed between two runs of a branch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Changes:
    """`before` is the earlier run. Criteria fail newly, are fixed, fail still, or failed and are now undecided or
    accepted (`open`); findings are counted likewise."""

    before: dict[str, Any]
    broken: Sequence[dict[str, Any]]
    fixed: Sequence[dict[str, Any]]
    still: Sequence[dict[str, Any]]
    open: Sequence[dict[str, Any]]
    new_findings: int
    gone_findings: int
    same_findings: int
    new_keys: frozenset[str]


def compare(before: dict[str, Any], old: dict[str, Any], new: dict[str, Any]) -> Changes:
    """`old` and `new` are the runs' verdict documents."""
    failed, fails = _failing(old.get("criteria", ())), _failing(new.get("criteria", ()))
    # What is no criterion any more was not fixed.
    now = {criterion["key"]: criterion for criterion in new.get("criteria", ())}
    found, finds = ({finding["fingerprint"] for finding in document.get("findings", ())} for document in (old, new))
    left = [now[key] for key in failed if key in now and key not in fails]
    is_fixed = [criterion["outcome"] == "PASS" and not criterion.get("accepted") for criterion in left]
    broken = [criterion for key, criterion in fails.items() if key not in failed]
    return Changes(
        before=before,
        broken=broken,
        fixed=[criterion for criterion, fixed in zip(left, is_fixed, strict=True) if fixed],
        open=[criterion for criterion, fixed in zip(left, is_fixed, strict=True) if not fixed],
        still=[criterion for key, criterion in fails.items() if key in failed],
        new_findings=len(finds - found),
        gone_findings=len(found - finds),
        same_findings=len(found & finds),
        new_keys=frozenset(criterion["key"] for criterion in broken),
    )


def _failing(criteria: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {criterion["key"]: criterion for criterion in criteria if criterion["outcome"] == "FAIL"}
