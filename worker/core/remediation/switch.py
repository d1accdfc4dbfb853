"""The kill switch: a variable, or a row that the api and whoever reaches the database can change. Either stops all."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.settings import Settings

VARIABLE = "CVA_REMEDIATION_KILL_SWITCH"

_READ = text("SELECT engaged, reason, changed_by FROM remediation_kill_switch WHERE id = 1 FOR SHARE")


@dataclass(frozen=True)
class Engaged:
    """Why everything is stopped, and by whom."""

    reason: str
    by: str


async def engaged(session: AsyncSession, settings: Settings) -> Engaged | None:
    """Whether remediation is stopped. Nobody can throw the switch before the transaction ends."""
    if settings.remediation_stopped:
        return Engaged(f"{VARIABLE} is set.", "the environment")
    row = (await session.execute(_READ)).first()
    if row is None:
        # Somebody removed the switch: what nobody can stop does not run.
        return Engaged("The kill switch is missing from the database.", "the database")
    if not row.engaged:
        return None
    return Engaged(row.reason or "No reason was given.", row.changed_by or "the database")
