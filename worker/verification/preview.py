"""What would be read from a constitution that somebody writes at this moment: by rules, without a model."""

import asyncio
from typing import Any

from sqlalchemy import update

from worker.analyzers import catalog, rules
from worker.core.models import ConstitutionPreview
from worker.core.telemetry.masking import mask_file
from worker.isolation.room import Bounds, Room
from worker.runtime.resources import Resources
from worker.verification import examination
from worker.verification.constitution.criteria import Criterion
from worker.verification.examination import Preview, Tools


async def read(digest: str, resources: Resources) -> None:
    """Read the text of that hash and keep what came of it; nothing where it is gone, or was read already."""
    settings = resources.settings
    async with resources.db.transaction() as session:
        row = await session.get(ConstitutionPreview, digest)
    if row is None or row.reading is not None:
        return
    names = tuple(analyzer.name for analyzer in catalog.all_analyzers(settings.analyzers))
    tools = Tools(names, await asyncio.to_thread(rules.known, names))
    room = Room(bounds=Bounds(memory=settings.contained_memory_bytes))
    async with resources.isolation.open(room, seconds=settings.contained_seconds) as reader:
        # As a run does, which shows it in reports.
        masked: str = await reader.call(mask_file, row.content, "CONSTITUTION.md")
        found: Preview = await reader.call(examination.preview, masked, tools)
    change = update(ConstitutionPreview).where(ConstitutionPreview.sha256 == digest)
    async with resources.db.transaction() as session:
        await session.execute(change.values(reading=_document(found)))


def _document(found: Preview) -> dict[str, Any]:
    """As the api answers it."""
    static = set(found.static)
    return {
        "method": found.reading.method,
        "problem": found.problem,
        "criteria": [_criterion(criterion, static) for criterion in found.reading.criteria],
        "lines": [
            {
                "line": line.line,
                "text": line.text,
                "became": line.fate.value,
                "why": line.why,
                "requires": line.requires,
            }
            for line in found.reading.lines
        ],
    }


def _criterion(criterion: Criterion, static: set[str]) -> dict[str, Any]:
    return {
        "key": criterion.key,
        "statement": criterion.statement,
        "category": criterion.category.value,
        "severity": criterion.severity.value,
        "kind": criterion.kind.value,
        "line": criterion.line,
        "static": criterion.key in static,
    }
