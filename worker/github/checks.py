"""What a check says of a commit: a pure function of the commit's row, its run and the run's SARIF.

https://docs.github.com/en/rest/checks/runs
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from worker.core.vocabulary import RunStatus, SkipCause, Verdict

NAME = "Invariant"
BATCH = 50
"""Annotations in one request."""
_MOST_ANNOTATIONS = 500
# Characters that GitHub takes.
_MOST_TEXT = 65_535
_MOST_TITLE = 255
# Of four bytes each at most: GitHub takes 64 KB.
_MOST_MESSAGE = 16_000


def name_of(target: str | None) -> str:
    """The name of the check of what is to be merged into `target`, or of a branch's commit: what is required for one
    branch is not met by what was compared with another."""
    return NAME if target is None else f"{NAME} / {target}"


class Status(StrEnum):
    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class Conclusion(StrEnum):
    """Those of GitHub's that are used. What says nothing of the code is never a failure."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"
    CANCELLED = "cancelled"


CONCLUSIONS: Mapping[Verdict, Conclusion] = {
    Verdict.PASS: Conclusion.SUCCESS,
    Verdict.FAIL: Conclusion.FAILURE,
    Verdict.VETO: Conclusion.FAILURE,
    Verdict.PARTIAL: Conclusion.NEUTRAL,
    Verdict.ERROR: Conclusion.NEUTRAL,
}


_SKIPPED: Mapping[SkipCause, Conclusion] = {
    # Not skipped, which would do where the check is required.
    SkipCause.SUPERSEDED: Conclusion.CANCELLED,
    SkipCause.WITHDRAWN: Conclusion.CANCELLED,
    SkipCause.NO_CONSTITUTION: Conclusion.NEUTRAL,
}


class RequestedAction(StrEnum):
    """The buttons at a check, by their identifiers."""

    RUN_AGAIN = "run_again"
    FIX = "fix"


_BUTTONS = {
    RequestedAction.RUN_AGAIN: {"label": "Run again", "description": "Verify this commit once more"},
    RequestedAction.FIX: {"label": "Fix", "description": "Propose proven fixes for what failed"},
}
_LEVELS = {"error": "failure", "warning": "warning", "note": "notice", "none": "notice"}


@dataclass(frozen=True)
class Check:
    """`conclusion` goes with the status completed, and only with it."""

    status: Status
    title: str
    summary: str
    conclusion: Conclusion | None = None
    text: str | None = None
    annotations: tuple[Mapping[str, Any], ...] = ()
    actions: tuple[RequestedAction, ...] = ()

    def output(self, annotations: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
        found: dict[str, Any] = {"title": self.title, "summary": self.summary}
        if self.text is not None:
            found["text"] = self.text
        if annotations:
            found["annotations"] = [dict(annotation) for annotation in annotations]
        return found

    def buttons(self) -> list[dict[str, str]]:
        return [{"identifier": action.value, **_BUTTONS[action]} for action in self.actions]

    def batches(self, told: int) -> list[Sequence[Mapping[str, Any]]]:
        """What is left of the annotations when `told` of them have been told, and one batch at least."""
        left = self.annotations[told:]
        return [left[start : start + BATCH] for start in range(0, len(left), BATCH)] or [()]


@dataclass(frozen=True)
class Ended:
    """What a run left behind. `reason` is the verdict's own sentence."""

    verdict: Verdict
    reason: str
    report: str | None = None
    sarif: Mapping[str, Any] | None = None


def check(
    cause: SkipCause | None, reason: str | None, run: RunStatus | None, ended: Ended | None, *, fixable: bool
) -> Check:
    """What is to be said of a commit. `cause` and `reason`: why it is not verified, or no more. `ended` is there once
    its run has ended; `fixable`: fixes of it would find a branch."""
    if cause is not None and run in (None, RunStatus.CANCELLED):
        words = _shortened(reason or cause.value, _MOST_TITLE)
        title = _shortened(f"Not verified: {words}", _MOST_TITLE)
        return Check(Status.COMPLETED, title, _sentence(words), _SKIPPED[cause])
    if run in (None, RunStatus.QUEUED):
        return Check(Status.QUEUED, "Waiting for a worker", "The commit will be verified against its constitution.")
    if run is RunStatus.RUNNING:
        return Check(Status.IN_PROGRESS, "Verifying", "The commit is being verified against its constitution.")
    again = (RequestedAction.RUN_AGAIN,)
    if run is RunStatus.CANCELLED or ended is None:
        return Check(Status.COMPLETED, "Cancelled", "Somebody cancelled the run.", Conclusion.CANCELLED, actions=again)
    annotations = tuple(_annotations(ended.sarif or {}))
    told = annotations[:_MOST_ANNOTATIONS]
    summary = ended.reason
    if len(annotations) > len(told):
        summary += f"\n\n{len(told)} of {len(annotations)} places are annotated; the report has them all."
    failed = ended.verdict in (Verdict.FAIL, Verdict.VETO)
    return Check(
        Status.COMPLETED,
        _shortened(f"{ended.verdict.value}: {ended.reason}", _MOST_TITLE),
        _shortened(summary, _MOST_TEXT),
        CONCLUSIONS[ended.verdict],
        None if ended.report is None else _shortened(ended.report, _MOST_TEXT),
        told,
        (*again, RequestedAction.FIX) if failed and fixable else again,
    )


def _annotations(sarif: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """One for the first place of each result, of which a SARIF of ours has one; they were found in the snapshot."""
    for run in sarif.get("runs", ()):
        for result in run.get("results", ()):
            for location in result.get("locations", ())[:1]:
                place = location.get("physicalLocation", {})
                region = place.get("region", {})
                line = region.get("startLine")
                if line is None:
                    continue
                yield {
                    "path": unquote(place["artifactLocation"]["uri"]),
                    "start_line": line,
                    "end_line": max(line, region.get("endLine", line)),
                    "annotation_level": _LEVELS.get(result.get("level", "warning"), "warning"),
                    "title": _shortened(str(result.get("ruleId", NAME)), _MOST_TITLE),
                    "message": _shortened(result["message"]["text"], _MOST_MESSAGE),
                }


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
