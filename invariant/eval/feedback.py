"""A suite from what people marked: each run with marks becomes a case, each marked criterion a requirement."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from client.http import Client
from invariant.bench.decisions.cases import Source
from invariant.eval.writing import Requirement, name_of, write
from worker.core.vocabulary import CriterionKind

# «wrong» turns what the product decided around, «accepted» bears it out. Where it did not decide, nobody said.
_BROKEN = {("FAIL", "accepted"): True, ("FAIL", "wrong"): False, ("PASS", "wrong"): True, ("PASS", "accepted"): False}


def from_feedback(client: Client, target: Path) -> tuple[int, Mapping[str, int]]:
    """Write the cases; returns how many, and how many runs were left out by the reason. Raises ApiError."""
    made, skipped = 0, Counter[str]()
    for run in client.runs(status="completed"):
        marks = {mark["key"]: mark for mark in client.feedback(run["id"]) if mark["subject"] == "criterion"}
        if not marks:
            continue
        source, commit = run["source"], run["commit"]
        if source.get("kind") != "git" or not commit:
            skipped["its source is no commit that can be fetched again"] += 1
            continue
        verdict = client.verdict(run["id"])
        requirements = [
            requirement
            for result in verdict["criteria"]
            if result["key"] in marks and (requirement := _requirement(result, marks[result["key"]])) is not None
        ]
        if not requirements:
            skipped["what was marked had not been decided"] += 1
            continue
        write(
            target / name_of(f"{run['repository'] or 'run'}-{run['id'][:13]}"),
            requirements,
            summary=f"what people said of the run {run['id']}",
            languages=["other"],
            source=Source(url=source["url"], commit=commit),
        )
        made += 1
    return made, skipped


def _requirement(result: Mapping[str, Any], mark: Mapping[str, Any]) -> Requirement | None:
    broken = _BROKEN.get((result["outcome"], mark["mark"]))
    if broken is None:
        return None
    places = [f"{item['path']}:{item['start_line']}" for item in result["evidence"] if item["verified"]]
    return Requirement(
        result["statement"],
        broken,
        tuple(places) if broken else (),
        why=mark.get("note") or f"marked as {mark['mark']}",
        kind=CriterionKind(result["kind"]),
        topic=result["category"],
    )
