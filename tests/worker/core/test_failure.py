"""The codes of a run's failure, in code, documents and the contract."""

import re
from pathlib import Path

from api.runs.schemas import RunError
from worker import tasks
from worker.core.failure import FailureCode, RunFailure
from worker.isolation.errors import ContainmentFailed
from worker.llm.errors import LlmError

DOCUMENT = Path(__file__).parents[3] / "docs" / "state-machine.md"


def kinds(failure: type[RunFailure]) -> set[type[RunFailure]]:
    return {failure}.union(*(kinds(below) for below in failure.__subclasses__()))


def test_every_code_has_its_line_and_every_line_its_code() -> None:
    section = DOCUMENT.read_text().partition("## Error codes")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = [code for row in rows for code in re.findall(r"`([a-z_]+)`", row)]
    assert sorted(named) == sorted(FailureCode)
    described = RunError.model_json_schema()["properties"]["code"]["description"]
    assert all(code in described for code in FailureCode)


def test_every_failure_that_a_run_can_end_with_has_a_code() -> None:
    assert tasks.__all__
    for kind in kinds(RunFailure) - {RunFailure, LlmError}:
        assert isinstance(kind.code, FailureCode), kind
    assert ContainmentFailed in kinds(RunFailure)
