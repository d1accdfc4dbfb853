"""A fixer that is a script: it knows what stands instead of some lines, and changes nothing else."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from invariant.bench.provider import Reply, Request, Script, answer, completion

Fixer = Callable[[Request], Mapping[str, Any]]


def fix(edits: Sequence[tuple[str, str, str]], **more: Any) -> dict[str, Any]:
    """A fixer's answer. Each edit: path, search, replace."""
    named = [{"path": path, "search": old, "replace": new} for path, old, new in edits]
    return {"rationale": "It was wrong.", "edits": named, "breaking": False, "confidence": 0.95, **more}


def mending(table: Mapping[str, str]) -> Fixer:
    """Lines of the issue's places that are in the table are replaced by what it has for them."""

    def one(request: Request) -> dict[str, Any]:
        issues = request.text.split("The code around them:")[0]
        return fix(
            [
                (path, line, table[line])
                for path, number, line in request.lines()
                if line in table and f"{path}:{number}-" in issues
            ]
        )

    return one


def script(fixer: Fixer, judges: Script | None = None, *, seconds: float = 0.0) -> Script:
    """Honest judges beside the fixer; every call takes so many seconds."""

    def reply(request: Request) -> Reply:
        if request.role == "remediation":
            return Reply(completion(request, json.dumps(fixer(request))), seconds=seconds)
        if judges is not None:
            return judges(request)
        return Reply(completion(request, answer(request)), seconds=seconds)

    return reply
