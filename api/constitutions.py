"""A constitution's text, and how it changed from one of its versions to another."""

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from difflib import SequenceMatcher  # noqa: TID251  bounded: _MOST_LINES on either side
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api import access
from api.http import errors
from api.http.routing import Answer, Call, Operations, json_response
from worker.core.models import ConstitutionVersion, Run
from worker.core.vocabulary import Scope

operations = Operations("repositories")

_Change = tuple[Literal["replace", "delete", "insert", "equal"], int, int, int, int]
_CONTEXT = 3
_MOST_LINES = 200
"""Of what lies between the first and the last line that differ; where there are more, all of it is replaced."""
_MOST = 2**31 - 1


class ConstitutionText(BaseModel):
    """One version as it was given. `version` is null where it belongs to no repository."""

    id: uuid.UUID
    repo_id: uuid.UUID | None
    version: int | None
    sha256: str
    content: str
    created_by: str | None
    created_at: datetime


@operations.add(
    "GET",
    "/api/constitutions/{constitution_id}",
    scope=Scope.RUNS_READ,
    answers={200: Answer(ConstitutionText)},
    problems=(errors.NotFound,),
)
async def get_constitution(call: Call, constitution_id: uuid.UUID) -> Response:
    """A constitution's text, by the id that its runs have"""
    # Who may see a run may see what it was verified against.
    by_run = exists().where(Run.constitution_version_id == ConstitutionVersion.id, access.runs(call.principal))
    wanted = select(ConstitutionVersion).where(
        ConstitutionVersion.id == constitution_id, or_(access.constitutions(call.principal), by_run)
    )
    async with call.state.db.transaction() as session:
        row = await session.scalar(wanted)
        if row is None:
            raise errors.NotFound(f"There is no constitution {constitution_id}.")
        return json_response(ConstitutionText.model_validate(row, from_attributes=True))


class DiffQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    since: int | None = Field(None, ge=1, le=_MOST, description="default: the version before")


@operations.add(
    "GET",
    "/api/repositories/{repository_id}/constitution/{version}/diff",
    scope=Scope.RUNS_READ,
    answers={200: Answer(media_type="text/x-diff", description="unified; empty where nothing differs")},
    problems=(errors.NotFound,),
)
async def diff_constitution(call: Call, repository_id: uuid.UUID, version: int, query: DiffQuery) -> Response:
    """What a version of the constitution changed

    Against the version before it, the first one against nothing, or against `since`.
    """
    if not 1 <= version <= _MOST:
        raise errors.NotFound(f"The repository's constitution has no version {version}.")
    before = version - 1 if query.since is None else query.since
    async with call.state.db.transaction() as session:
        await access.find_repository(session, call.principal, repository_id)
        new = await _version(session, repository_id, version)
        old = "" if before == 0 else await _version(session, repository_id, before)
    content = await asyncio.to_thread(_diff, old, new, before, version)
    return Response(content.encode(), media_type="text/x-diff; charset=utf-8")


async def _version(session: AsyncSession, repository_id: uuid.UUID, version: int) -> str:
    content = await session.scalar(
        select(ConstitutionVersion.content).where(
            ConstitutionVersion.repo_id == repository_id, ConstitutionVersion.version == version
        )
    )
    if content is None:
        raise errors.NotFound(f"The repository's constitution has no version {version}.")
    return content


def _diff(old: str, new: str, before: int, version: int) -> str:
    """A unified diff, empty where nothing differs."""
    olds, news = _lines(old), _lines(new)
    rows = [
        f"--- {f'constitution.md (version {before})' if before else '/dev/null'}\n",
        f"+++ constitution.md (version {version})\n",
    ]
    for group in _Changes(olds, news).get_grouped_opcodes(_CONTEXT):
        (_, first, _, start, _), (_, _, last, _, end) = group[0], group[-1]
        rows.append(f"@@ -{_range(first, last)} +{_range(start, end)} @@\n")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                rows += [f" {line}" for line in olds[i1:i2]]
            else:
                rows += [f"-{line}" for line in olds[i1:i2]] + [f"+{line}" for line in news[j1:j2]]
    if len(rows) == 2:
        return ""
    return "".join(row if row.endswith("\n") else f"{row}\n\\ No newline at end of file\n" for row in rows)


class _Changes(SequenceMatcher[str]):
    """difflib's way of grouping what changed, over changes that are found in bounded time."""

    def __init__(self, olds: Sequence[str], news: Sequence[str]) -> None:
        super().__init__(None, "", "")
        self._found = list(_changes(olds, news))

    def get_opcodes(self) -> list[_Change]:
        return self._found


def _lines(text: str) -> list[str]:
    """With their ends, which are LF or CRLF."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop().removesuffix("\n")
    return [*lines, last] if last else lines


def _changes(olds: Sequence[str], news: Sequence[str]) -> Iterator[_Change]:
    """What difflib's `get_opcodes` gives, within bounded time."""
    most = min(len(olds), len(news))
    head = next((n for n in range(most) if olds[n] != news[n]), most)
    tail = next((n for n in range(most - head) if olds[-1 - n] != news[-1 - n]), most - head)
    between = olds[head : len(olds) - tail], news[head : len(news) - tail]
    if head:
        yield "equal", 0, head, 0, head
    if max(map(len, between)) > _MOST_LINES:
        yield "replace", head, len(olds) - tail, head, len(news) - tail
    else:
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, *between, autojunk=False).get_opcodes():
            yield tag, head + i1, head + i2, head + j1, head + j2
    if tail:
        yield "equal", len(olds) - tail, len(olds), len(news) - tail, len(news)


def _range(start: int, end: int) -> str:
    count = end - start
    return f"{start + 1 if count else start},{count}"
