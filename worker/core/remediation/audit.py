"""The audit log: a line for whatever changes something. The database lets nobody change or remove one."""

import json
import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

SYSTEM = "system"
"""The actor where nobody asked for it."""
SERVICE = "service"
"""The actor where the service token asked for it, for nobody in particular."""


class Audited(StrEnum):
    """What happened."""

    BEGUN = "begun"
    ISSUES = "issues"
    PROPOSED = "proposed"
    REFUSED = "refused"
    APPROVED = "approved"
    REJECTED = "rejected"
    APPLIED = "applied"
    VERIFYING = "verifying"
    VERIFIED = "verified"
    REVERTED = "reverted"
    FAILED = "failed"
    COMPLETED = "completed"
    STOP_REQUESTED = "stop_requested"
    STOPPED = "stopped"
    ABORTED = "aborted"
    ROLLED_BACK = "rolled_back"
    KILL_SWITCH = "kill_switch"


_WRITE = text(
    """
    INSERT INTO remediation_audit_log (remediation_run_id, fix_id, actor, action, data)
    VALUES (:remediation_id, :fix_id, :actor, :action, CAST(:data AS jsonb))
    """
)


async def write(
    session: AsyncSession,
    action: Audited,
    *,
    actor: str = SYSTEM,
    remediation_id: uuid.UUID | None = None,
    fix_id: uuid.UUID | None = None,
    **data: Any,
) -> None:
    """Write a line, in the transaction of what it tells of."""
    values = {
        "remediation_id": remediation_id,
        "fix_id": fix_id,
        "actor": actor,
        "action": action.value,
        "data": json.dumps(data, default=str),
    }
    await session.execute(_WRITE, values)
