"""How much a pattern is trusted: its fixes that were kept and those that were taken back, the later ones more."""

import uuid

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

HALF_LIFE_DAYS = 90.0

_WEIGH = text(
    """
    UPDATE remediation_patterns p SET
        kept_weight = p.kept_weight * aged.factor + CAST(:kept AS int),
        reverted_weight = p.reverted_weight * aged.factor + 1 - CAST(:kept AS int),
        kept = p.kept + CAST(:kept AS int), reverted = p.reverted + 1 - CAST(:kept AS int),
        applied = p.applied + 1, weighed_at = clock_timestamp()
    FROM (
        SELECT id, power(0.5, extract(epoch FROM clock_timestamp() - weighed_at) / 86400 / :half_life) AS factor
        FROM remediation_patterns WHERE id = :id FOR UPDATE
    ) AS aged
    WHERE p.id = aged.id
    """
)


async def weigh(session: AsyncSession, pattern_id: uuid.UUID, *, kept: bool) -> None:
    """Count how a fix that rests on the pattern ended; what was counted before weighs less by its age."""
    await session.execute(_WEIGH, {"id": pattern_id, "kept": int(kept), "half_life": HALF_LIFE_DAYS})
