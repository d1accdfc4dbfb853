"""Every endpoint of the analytics against plain SQL over the runs, over ranges of every kind."""

import random
import uuid
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from tests.support import app
from tests.support.oracle import Oracle, Run, differences, mean, percentile, rate
from tests.support.past import REPOS, ROLES

ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Asia/Tokyo", "+11:00", "-03:00")
BUCKETS = ("hourly", "daily", "weekly")
_PERCENTILES = {"p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}


async def assert_endpoints_agree(url: str, choose: random.Random, *, ranges: int = 5) -> None:
    """Ask everything about some ranges: long and short, on the hour and not, in zones, of one repository and of all."""
    oracle = Oracle(url)
    async with app.client(url) as client:
        for number in range(ranges):
            asked = question(choose, everything=number == 0)
            wrong = await disagreements(client, oracle, asked)
            assert not wrong, (asked, wrong)


def question(choose: random.Random, *, everything: bool = False) -> dict[str, str]:
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    asked = {"tz": choose.choice(ZONES), "bucket": choose.choice(BUCKETS[1:])}
    if everything:
        return {"start": (end - timedelta(days=60)).isoformat(), "end": end.isoformat(), **asked}
    end -= timedelta(days=choose.choice((0, 0, 1, 10)), seconds=choose.choice((0, 0, 1234)))
    days = choose.choice((0.01, 0.7, 1, 3, 8, 30))
    if days < 10:
        asked["bucket"] = choose.choice(BUCKETS)
    if choose.random() < 0.4:
        asked["repo"] = choose.choice([repo for repo in REPOS if repo])
    return {"start": (end - timedelta(days=days)).isoformat(), "end": end.isoformat(), **asked}


async def disagreements(client: httpx.AsyncClient, oracle: Oracle, asked: dict[str, str]) -> list[str]:
    """What the endpoints say otherwise than the runs."""
    found: dict[str, Any] = {}
    for endpoint in ("summary", "trends", "repos", "judges", "rules", "health"):
        params = {**asked, **({"limit": "100"} if endpoint in ("repos", "rules") else {})}
        response = await client.get(f"/api/analytics/{endpoint}", params=params)
        if response.status_code == 404:
            assert not oracle.runs(datetime.min.replace(tzinfo=UTC), datetime.now(UTC), asked["repo"])
            return []
        assert response.status_code == 200, response.text
        found[endpoint] = response.json()
    start, end = datetime.fromisoformat(asked["start"]), datetime.fromisoformat(asked["end"])
    repo = asked.get("repo")
    runs, earlier = oracle.runs(start, end, repo), oracle.runs(start - (end - start), start, repo)
    return [
        *_summary(found["summary"], oracle, runs, earlier),
        *_trends(found["trends"], oracle, asked),
        *_repos(found["repos"], oracle, runs, repo),
        *_judges(found["judges"], oracle, runs, earlier),
        *_rules(found["rules"], oracle, runs, earlier),
        *_health(found["health"], oracle, runs),
    ]


def _durations(said: Any, oracle: Oracle, runs: list[Run], name: str) -> list[str]:
    values = oracle.durations(runs, name)
    wrong = differences(said["mean"], mean(values), f"{name}/mean")
    for key, fraction in _PERCENTILES.items():
        exact = percentile(values, fraction)
        if exact is None or said[key] is None:
            wrong += differences(said[key], exact, f"{name}/{key}")
        elif abs(said[key] - exact) > 0.01 * exact + 1e-6:
            wrong.append(f"{name}/{key}: {said[key]} is more than one percent from {exact}")
    return wrong


def _summary(said: Any, oracle: Oracle, runs: list[Run], earlier: list[Run]) -> list[str]:
    wrong = []
    means = {"queue_seconds", "work_seconds", "llm_seconds"}
    for name, of in (("current", runs), ("previous", earlier)):
        expected = {key: value for key, value in oracle.totals(of).items() if key not in means}
        wrong += differences(said[name], expected, f"summary/{name}")
        for duration in ("queue", "work", "llm"):
            wrong += _durations(said[name][f"{duration}_seconds"], oracle, of, duration)
    wrong += differences(said["change"]["runs"], len(runs) - len(earlier), "summary/change/runs")
    return wrong


def _trends(said: Any, oracle: Oracle, asked: dict[str, str]) -> list[str]:
    points = said["points"]
    start, end = datetime.fromisoformat(asked["start"]), datetime.fromisoformat(asked["end"])
    edges = [datetime.fromisoformat(point["start"]) for point in points]
    wrong = []
    if edges[0] != start or datetime.fromisoformat(points[-1]["end"]) != end:
        wrong.append("trends do not begin and end with the range")
    if any(one["end"] != other["start"] for one, other in pairwise(points)):
        wrong.append("trends have gaps")
    zone = None if asked["tz"][0] in "+-" else ZoneInfo(asked["tz"])
    for edge in edges[1:]:
        local = edge if zone is None else edge.astimezone(zone)
        if asked["bucket"] != "hourly" and (local.hour, local.minute, local.second) != (0, 0, 0):
            wrong.append(f"trends: {local} is not where a day begins")
        if asked["bucket"] == "weekly" and local.weekday() != 0:
            wrong.append(f"trends: {local} is not a Monday")
    names = ("runs", "verdicts", "pass_rate", "error_rate", "score", "queue_seconds", "work_seconds", "llm_seconds", "llm",
             "findings", "criteria")  # fmt: skip
    for point in points:
        of = oracle.runs(
            datetime.fromisoformat(point["start"]), datetime.fromisoformat(point["end"]), asked.get("repo")
        )
        totals = oracle.totals(of)
        wrong += differences(point, {name: totals[name] for name in names}, f"trends/{point['start']}")
    return wrong


def _repos(said: Any, oracle: Oracle, runs: list[Run], repo: str | None) -> list[str]:
    wrong = []
    of_repo = {name: [run for run in runs if run["repo"] == name] for name in {run["repo"] for run in runs}}
    order = sorted(of_repo, key=lambda name: (-len(of_repo[name]), name or ""))
    if [item["repository"] for item in said["items"]] != order:
        wrong.append(f"repos: {[item['repository'] for item in said['items']]} is not {order}")
    end = datetime.fromisoformat(said["period"]["end"])
    for item in said["items"]:
        own = of_repo.get(item["repository"], [])
        totals = oracle.totals(own)
        names = ("runs", "verdicts", "pass_rate", "error_rate", "score", "queue_seconds", "work_seconds")
        wrong += differences(item, {name: totals[name] for name in names}, f"repos/{item['repository']}")
        wrong += differences(item["cost_usd"], totals["llm"]["cost_usd"], "repos/cost")
        if uuid.UUID(item["last_run"]["id"]) != own[0]["id"]:
            wrong.append(f"repos/{item['repository']}: not the last run")
        shown = datetime.fromisoformat(item["sparkline"][0]["start"])
        counted = [run for run in own if shown <= run["finished_at"] < end]
        spark = (sum(s["runs"] for s in item["sparkline"]), sum(s["passed"] for s in item["sparkline"]))
        if spark != (len(counted), sum(run["verdict"] == "PASS" for run in counted)):
            wrong.append(f"repos/{item['repository']}: the sparkline says {spark}")
    return wrong


def _judges(said: Any, oracle: Oracle, runs: list[Run], earlier: list[Run]) -> list[str]:
    wrong = []
    for item, role in zip(said["items"], ROLES, strict=True):
        wrong += differences(item["role"], role, "judges")
        wrong += differences(item["current"], oracle.judge(runs, role), f"judges/{role}")
        wrong += differences(item["previous"], oracle.judge(earlier, role), f"judges/{role}/previous")
        in_all = sum(point["opinions"] for point in item["trend"])
        wrong += differences(in_all, item["current"]["opinions"], f"judges/{role}/trend")
    return wrong


def _rules(said: Any, oracle: Oracle, runs: list[Run], earlier: list[Run]) -> list[str]:
    expected, before = oracle.rules(runs), oracle.rules(earlier)
    order = sorted(expected, key=lambda rule: (-expected[rule]["failed"], *rule))
    listed = [(item["kind"], item["rule"]) for item in said["items"]]
    wrong = [] if listed == order else [f"rules: {listed} is not {order}"]
    for item in said["items"]:
        own = expected.get((item["kind"], item["rule"]), {"failed": None, "broken_by": []})
        names = ("passed", "failed", "undecided")
        where = f"rules/{item['rule']}"
        wrong += differences(item["current"], {name: own.get(name) for name in names}, where)
        wrong += differences(item["findings"], own.get("findings"), f"{where}/findings")
        if (item["kind"], item["rule"]) in before:
            was = before[item["kind"], item["rule"]]
            wrong += differences(item["previous"], {name: was[name] for name in names}, f"{where}/previous")
        broken = [uuid.UUID(found["run_id"]) for found in item["broken_by"]]
        if broken != own["broken_by"]:
            wrong.append(f"{where}: {broken} is not {own['broken_by']}")
    return wrong


def _health(said: Any, oracle: Oracle, runs: list[Run]) -> list[str]:
    errors = sum(run["verdict"] == "ERROR" for run in runs)
    wrong = differences(said["current"]["runs"], len(runs), "health/runs")
    wrong += differences(said["current"]["error_rate"], rate(errors, len(runs)), "health")
    return wrong + _durations(said["current"]["queue_seconds"], oracle, runs, "queue")
