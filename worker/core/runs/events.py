"""What happened to a run: appended in the caller's transaction.

`seq` is taken from the run's own row, so that one run's events are numbered without gaps in the order in
which they were committed. That a run has ended is announced besides, with its id only; who wants to know reads the
rows. Nothing else is: commits that notify wait for each other, and wake every listener of the database.
"""

import json
import uuid
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

CHANNEL = "invariant_events"

_APPEND = text(
    """
    WITH numbered AS (
        UPDATE runs SET event_seq = event_seq + 1, step = coalesce(:step, step)
        WHERE id = :run_id AND (CAST(:attempt AS int) IS NULL OR (attempt = :attempt AND status = 'running'))
        RETURNING id, event_seq
    ), appended AS (
        INSERT INTO run_events (run_id, seq, type, data)
        SELECT id, event_seq, :type, CAST(:data AS jsonb) FROM numbered
        RETURNING run_id, seq
    )
    SELECT seq, CASE WHEN :announced THEN pg_notify(:channel, run_id::text) END FROM appended
    """
)


async def append(
    session: AsyncSession | AsyncConnection,
    run_id: uuid.UUID,
    type_: str,
    data: dict[str, Any] | None = None,
    *,
    attempt: int | None = None,
    step: str | None = None,
    announced: bool = False,
) -> int | None:
    """Append one event; returns its `seq`.

    With `attempt`, nothing is written and None returned when that attempt no longer holds the run.
    """
    row = (
        await session.execute(
            _APPEND,
            {
                "run_id": run_id,
                "type": type_,
                "data": json.dumps(data or {}),
                "attempt": attempt,
                "step": step,
                "announced": announced,
                "channel": CHANNEL,
            },
        )
    ).first()
    return None if row is None else int(row.seq)
