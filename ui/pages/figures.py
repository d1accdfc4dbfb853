"""The figures: a period, beside the period before it."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ui.backend import api
from ui.errors import NotThere
from ui.rendering import page

PERIODS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "a year"}
_BUCKETS = ("hourly", "daily", "weekly")
_TABLES = ("summary", "trends", "repos", "judges", "rules", "health")
_DEFAULT = "30"


async def show(request: Request) -> Response:
    """GET /figures"""
    acting, chosen = api(request), _chosen(request)
    asked = _asked(chosen)
    summary, trends, repos, judges, rules = await asyncio.gather(
        *(acting.get(f"/api/analytics/{name}", **asked) for name in ("summary", "trends", "repos", "judges", "rules"))
    )
    return await page(
        request,
        "figures.html",
        chosen=chosen,
        periods=PERIODS,
        buckets=_BUCKETS,
        now=summary["current"],
        change=summary["change"],
        judges=judges["items"],
        repos=repos["items"],
        rules=rules["items"],
        points=trends["points"],
        curves=json.dumps(_curves(trends["points"])),
        tables=_TABLES,
    )


def _chosen(request: Request) -> dict[str, str]:
    asked = request.query_params
    period = asked.get("period", _DEFAULT)
    bucket = asked.get("bucket", "")
    return {
        "period": period if period in PERIODS else _DEFAULT,
        "start": asked.get("start", ""),
        "end": asked.get("end", ""),
        "repo": asked.get("repo", ""),
        "bucket": bucket if bucket in _BUCKETS else "",
        "tz": asked.get("tz", ""),
    }


def _asked(chosen: dict[str, str]) -> dict[str, str]:
    """What the six endpoints take; a period that was chosen by its length ends tomorrow, so that today is in it."""
    wanted = {name: chosen[name] for name in ("start", "end", "repo", "bucket", "tz") if chosen[name]}
    if "start" not in wanted:
        today = datetime.now(UTC).date()
        wanted["end"] = (today + timedelta(days=1)).isoformat()
        wanted["start"] = (today - timedelta(days=int(chosen["period"]) - 1)).isoformat()
    return wanted


def _curves(points: list[dict[str, Any]]) -> dict[str, Any]:
    """What the charts draw: times in seconds since 1970, and a row for each curve."""
    return {
        "at": [int(datetime.fromisoformat(point["start"]).timestamp()) for point in points],
        "verdicts": {
            word: [point["verdicts"][word] for point in points] for word in ("PASS", "FAIL", "VETO", "PARTIAL", "ERROR")
        },
        "durations": {
            "waiting": [point["queue_seconds"] for point in points],
            "work": [point["work_seconds"] for point in points],
        },
        "cost": {"US dollars": [point["llm"]["cost_usd"] for point in points]},
    }


async def table(request: Request) -> Response:
    """GET /figures/{name}.csv"""
    name = request.path_params["name"]
    if name not in _TABLES:
        raise NotThere
    document = await api(request).document(f"/api/analytics/{name}", accept="text/csv", **_asked(_chosen(request)))
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(document.content, media_type="text/csv; charset=utf-8", headers=headers)


routes = [
    Route("/figures", show, methods=["GET"]),
    Route("/figures/{name}.csv", table, methods=["GET"]),
]
