"""Find a remediation or a fix that somebody may see, or may do something with: it belongs to its run."""

import uuid
from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from api import access
from api.auth import Principal
from api.http import errors
from api.remediations.schemas import FixView, RemediationError, RemediationView
from worker.core.models import Fix, RemediationRun, Run
from worker.core.remediation import audit
from worker.core.vocabulary import FixAction, FixStatus, RepoRole


def actor(principal: Principal) -> str:
    """Who the audit log says that it was."""
    return principal.name or audit.SERVICE


async def find_remediation(
    session: AsyncSession,
    principal: Principal,
    remediation_id: uuid.UUID,
    role: RepoRole = access.READ,
    *,
    lock: bool = False,
) -> RemediationRun:
    """Raises NotFound for one of a run that the principal may not see, Forbidden for one that they may only see."""
    query = (
        select(RemediationRun, access.runs(principal, role))
        .join(Run, Run.id == RemediationRun.run_id)
        .where(RemediationRun.id == remediation_id, access.runs(principal))
    )
    row = (await session.execute(query.with_for_update(of=RemediationRun) if lock else query)).one_or_none()
    if row is None:
        raise errors.NotFound(f"There is no remediation {remediation_id}.")
    if not row[1]:
        raise access.too_little(role)
    found: RemediationRun = row[0]
    return found


async def find_fix(
    session: AsyncSession, principal: Principal, fix_id: uuid.UUID, role: RepoRole = access.READ, *, lock: bool = False
) -> tuple[Fix, RemediationRun]:
    """As `find_remediation`. With `lock` nobody else decides a fix of that remediation until the transaction ends."""
    remediation_id = await session.scalar(select(Fix.remediation_run_id).where(Fix.id == fix_id))
    if remediation_id is None:
        raise errors.NotFound(f"There is no fix {fix_id}.")
    try:
        remediation = await find_remediation(session, principal, remediation_id, role, lock=lock)
    except errors.NotFound:
        raise errors.NotFound(f"There is no fix {fix_id}.") from None
    fix = await session.get_one(Fix, fix_id, populate_existing=True)
    return fix, remediation


_WAITS: ColumnElement[bool] = (Fix.status == FixStatus.PROPOSED.value) & (Fix.action == FixAction.CONFIRM.value)


async def waiting(session: AsyncSession, remediation_id: uuid.UUID) -> int:
    """How many of its fixes somebody is to decide."""
    count = select(func.count()).select_from(Fix).where(Fix.remediation_run_id == remediation_id, _WAITS)
    return int(await session.scalar(count) or 0)


async def views(session: AsyncSession, rows: Sequence[RemediationRun]) -> list[RemediationView]:
    """The rows with what is counted of their fixes."""
    counted = (
        select(Fix.remediation_run_id, Fix.status, func.count(), func.count().filter(_WAITS))
        .where(Fix.remediation_run_id.in_([row.id for row in rows]))
        .group_by(Fix.remediation_run_id, Fix.status)
    )
    counts: dict[uuid.UUID, dict[FixStatus, int]] = {}
    undecided: dict[uuid.UUID, int] = {}
    for remediation_id, status, count, waits in await session.execute(counted):
        counts.setdefault(remediation_id, {})[FixStatus(status)] = count
        undecided[remediation_id] = undecided.get(remediation_id, 0) + waits
    return [
        RemediationView(
            id=row.id,
            run_id=row.run_id,
            status=row.status,
            iteration=row.iteration,
            verification_run_id=row.verification_run_id,
            fixes=counts.get(row.id, {}),
            waiting=undecided.get(row.id, 0),
            cost_usd=row.cost_usd,
            error=RemediationError(code=row.error_code, message=row.error_message) if row.error_message else None,
            created_by=row.created_by,
            created_at=row.created_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
        )
        for row in rows
    ]


def fix_view(row: Fix) -> FixView:
    return FixView(
        remediation_id=row.remediation_run_id,
        needs=row.action,
        **{name: getattr(row, name) for name in FixView.model_fields if name not in ("remediation_id", "needs")},
    )
