"""What remediation has learned, and how its fixes ended."""

from decimal import Decimal

from sqlalchemy import func, select
from starlette.responses import Response

from api import access
from api.http.pagination import PageQuery, page
from api.http.routing import Answer, Call, Operations, json_response
from api.remediations.schemas import PatternList, PatternView, StatsView
from worker.core.models import Fix, FixPattern, RemediationRun, Run
from worker.core.vocabulary import Category, FixOrigin, FixStatus, RemediationStatus, Scope

operations = Operations("remediations")


@operations.add("GET", "/api/remediations/patterns", scope=Scope.ADMIN, answers={200: Answer(PatternList)})
async def list_patterns(call: Call, query: PageQuery) -> Response:
    """Edits that proved themselves, and how often; lines of everybody's code, so for administrators alone"""
    async with call.state.db.transaction() as session:
        rows, cursor = await page(session, select(FixPattern), query, FixPattern.created_at, FixPattern.id)
        items = [
            PatternView(
                search=row.template["search"],
                replace=row.template["replace"],
                imports=row.template["imports"],
                **{name: getattr(row, name) for name in PatternView.model_fields if name not in row.template},
            )
            for row in rows
        ]
    return json_response(PatternList(items=items, next_cursor=cursor))


@operations.add("GET", "/api/remediations/stats", scope=Scope.RUNS_READ, answers={200: Answer(StatsView)})
async def get_stats(call: Call) -> Response:
    """How remediations and their fixes ended, of what one may see"""
    seen = (
        select(RemediationRun.id, RemediationRun.status, RemediationRun.cost_usd)
        .join(Run, Run.id == RemediationRun.run_id)
        .where(access.runs(call.principal))
        .subquery()
    )
    async with call.state.db.transaction() as session:
        remediations = (
            await session.execute(
                select(seen.c.status, func.count(), func.sum(seen.c.cost_usd)).group_by(seen.c.status)
            )
        ).all()
        fixes = (
            await session.execute(
                select(Fix.origin, Fix.category, Fix.status, func.count())
                .join(seen, seen.c.id == Fix.remediation_run_id)
                .group_by(Fix.origin, Fix.category, Fix.status)
            )
        ).all()
    by_origin: dict[FixOrigin, dict[FixStatus, int]] = {}
    by_category: dict[Category, dict[FixStatus, int]] = {}
    for origin, category, status, count in fixes:
        for found in (by_origin.setdefault(FixOrigin(origin), {}), by_category.setdefault(Category(category), {})):
            found[FixStatus(status)] = found.get(FixStatus(status), 0) + count
    return json_response(
        StatsView(
            remediations={RemediationStatus(status): count for status, count, _ in remediations},
            fixes=by_origin,
            by_category=by_category,
            cost_usd=sum((cost for _, _, cost in remediations), Decimal(0)),
        )
    )
