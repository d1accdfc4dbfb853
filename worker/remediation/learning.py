"""What fixes teach: patterns are looked up before a model is asked, and weighed by how their fixes ended."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core import models
from worker.core.ids import new_id
from worker.remediation import patterns
from worker.remediation.edits import Edit
from worker.remediation.patterns import Template
from worker.remediation.plan import Step
from worker.remediation.worktree import Text

_MOST = 50


@dataclass(frozen=True)
class Fitting:
    """Edits that a pattern makes of every place of a step."""

    pattern_id: uuid.UUID
    edits: tuple[Edit, ...]
    confidence: float


def subject(rules: Iterable[str], keys: Iterable[str]) -> str | None:
    """What a pattern is about: the only rule or, where judges alone have found it, the only criterion."""
    found = set(rules) or set(keys)
    return found.pop() if len(found) == 1 else None


async def fitting(session: AsyncSession, owner: str, step: Step, texts: Sequence[Text]) -> Fitting | None:
    """The owner's pattern for what the step mends that fits all of its places, the most trusted one first."""
    about = subject([place.rule for place in step.places if place.rule], [issue.key for issue in step.issues])
    if about is None:
        return None
    rows = (
        await session.scalars(
            select(models.FixPattern)
            .where(models.FixPattern.owner == owner, models.FixPattern.rule == about)
            .order_by(models.FixPattern.kept_weight.desc(), models.FixPattern.created_at)
            .limit(_MOST)
        )
    ).all()
    lines = {text.path: text.lines for text in texts if text.lines is not None}
    now = datetime.now(UTC)
    for row in rows:
        template = Template(tuple(row.template["search"]), row.template["replace"], tuple(row.template["imports"]))
        edits: list[Edit] = []
        for place in step.places:
            own = lines.get(place.path)
            made = None
            if own is not None and place.start_line <= len(own):
                made = patterns.fits(template, place.path, own[place.start_line - 1], own)
            if made is None:
                break
            edits += made
        else:
            days = (now - row.weighed_at).total_seconds() / 86400
            trust = patterns.confidence(
                patterns.decayed(row.kept_weight, days), patterns.decayed(row.reverted_weight, days)
            )
            return Fitting(row.id, tuple(dict.fromkeys(edits)), trust)
    return None


async def learn(session: AsyncSession, owner: str, rule: str, template: Template) -> uuid.UUID:
    """Keep the template as one of the owner's for the rule; returns its id."""
    added = (
        insert(models.FixPattern)
        .values(
            id=new_id(),
            owner=owner,
            rule=rule,
            fingerprint=template.fingerprint,
            template={
                "search": list(template.search),
                "replace": template.replace,
                "imports": list(template.imports),
            },
        )
        .on_conflict_do_update(index_elements=["owner", "rule", "fingerprint"], set_={"rule": rule})
        .returning(models.FixPattern.id)
    )
    return (await session.execute(added)).scalar_one()
