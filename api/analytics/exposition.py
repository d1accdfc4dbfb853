"""The analytics for Prometheus: of all the runs there are, of the last day, and of this moment.

They are read from the database at each scrape, so every replica tells the same; a label is one of a closed set, or the
name of a configured provider. All are gauges: a run that is deleted or corrected makes a sum smaller, which would reset
a counter, and rate() would count all of history again. For what happened, ask for their delta().
"""

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import text

from api.analytics.moment import FRESHNESS, PROVIDERS
from worker.core.analytics import histogram, measures
from worker.core.analytics.measures import MICRO, NAMES, NANO
from worker.core.db.database import Database
from worker.core.vocabulary import JudgeRole, Outcome

_QUANTILES = (0.5, 0.75, 0.95, 0.99)
_SILENT_SECONDS = 60

_TOTALS = text(
    f"""
    WITH state AS (SELECT coalesce(weeks_until, '-infinity') AS weeks_until FROM analytics_state)
    SELECT {", ".join(f"coalesce(sum({name}), 0)::bigint AS {name}" for name in NAMES)} FROM (
        SELECT {", ".join(NAMES)} FROM analytics_weekly_rollups b, state
        WHERE b.repo_full_name IS NULL AND b.starts_at < state.weeks_until
        UNION ALL
        SELECT {", ".join(NAMES)} FROM analytics_daily_rollups b, state
        WHERE b.repo_full_name IS NULL AND b.starts_at >= state.weeks_until
    ) AS parts
    """
)
_LAST_DAY = text(
    f"""
    SELECT {histogram.CODE} AS code, sum({histogram.NUMBER})::bigint AS number
    FROM analytics_hourly_buckets b CROSS JOIN unnest(b.histogram) AS entry
    WHERE b.repo_full_name IS NULL AND b.starts_at > now() - interval '24 hours'
    GROUP BY 1 ORDER BY 1
    """
)
_WORKERS = text(
    """
    SELECT count(*) FILTER (WHERE last_heartbeat > now() - make_interval(secs => :silent)) AS alive,
        count(*) FILTER (WHERE last_heartbeat <= now() - make_interval(secs => :silent)) AS silent
    FROM procrastinate_workers
    """
)


class Exposition(Collector):
    """One per api process; `read` before each exposition."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._families: list[Metric] = []
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        return self._families

    async def read(self, db: Database) -> None:
        """Take the figures of this moment from the database."""
        async with db.snapshot() as (session, _):
            totals = (await session.execute(_TOTALS)).mappings().one()
            bins = [(row.code, row.number) for row in await session.execute(_LAST_DAY)]
            workers = (await session.execute(_WORKERS, {"silent": _SILENT_SECONDS})).one()
            freshness = (await session.execute(FRESHNESS)).one()
            providers = {row.provider: row.state == "closed" for row in await session.execute(PROVIDERS)}
        self._families = [
            *_sums(dict(totals)),
            _durations(bins),
            _gauge("invariant_rollup_marks", "Buckets and runs that wait to be rolled up", {"": freshness.marks}),
            _gauge(
                "invariant_rollup_lag_seconds",
                "How long the oldest of them has waited",
                {"": freshness.oldest_seconds or 0.0},
            ),
            _gauge(
                "invariant_workers", "Worker processes", {"alive": workers.alive, "silent": workers.silent}, "state"
            ),
            _gauge(
                "invariant_provider_available",
                "1 while calls go out to the provider",
                {name: float(is_open) for name, is_open in providers.items()},
                "provider",
            ),
        ]


def _sums(totals: Mapping[str, int]) -> Iterator[Metric]:
    def of(names: Mapping[str, str]) -> dict[str, float]:
        return {label: totals[name] for label, name in names.items()}

    verdicts = {verdict.value: name for verdict, name in measures.VERDICTS.items()}
    yield _gauge("invariant_runs_finished", "Runs with a verdict", of(verdicts), "verdict")
    severities = {severity.value: name for severity, name in measures.FINDINGS.items()}
    yield _gauge("invariant_findings", "Findings of static analysis", of(severities), "severity")
    outcomes = dict(zip((outcome.value for outcome in Outcome), measures.CRITERIA, strict=True))
    yield _gauge("invariant_criteria", "Criteria judged", of(outcomes), "outcome")
    calls = {"made": "llm_calls", "reused": "llm_calls_reused"}
    yield _gauge("invariant_llm_calls", "Calls of models, and answers that were there already", of(calls), "kind")
    tokens = {"prompt": "prompt_tokens", "completion": "completion_tokens"}
    yield _gauge("invariant_llm_tokens", "Tokens of calls of models", of(tokens), "kind")
    yield _gauge("invariant_llm_cost_usd", "What calls of models cost", {"": totals["cost_nano"] / NANO})
    for name, told in (
        ("opinions", "Last opinions of a judge on a criterion"),
        ("abstentions", "Those that were abstentions"),
        ("compared", "Those that decided where the consensus did"),
        ("agreed", "Those of them that said what it says"),
        ("vetoes", "Vetoes"),
    ):
        roles = {role.value: measures.of_judge(role, name) for role in JudgeRole}
        yield _gauge(f"invariant_judge_{name}", told, of(roles), "judge")
    costs = {role.value: totals[measures.of_judge(role, "cost_nano")] / NANO for role in JudgeRole}
    yield _gauge("invariant_judge_cost_usd", "What a judge's calls cost", costs, "judge")


def _durations(bins: list[tuple[int, int]]) -> Metric:
    family = GaugeMetricFamily(
        "invariant_run_seconds",
        "Seconds in the queue, at work and of LLM calls: quantiles of the runs of the last 24 hours",
        labels=["phase", "quantile"],
    )
    split = [(*histogram.split(code), number) for code, number in bins]
    for duration in measures.DURATIONS:
        own = [(place, number) for of, place, number in split if of == duration.code]
        for quantile in _QUANTILES:
            found = histogram.percentile(own, quantile)
            if found is not None:
                family.add_metric([duration.name, str(quantile)], found / MICRO)
    return family


def _gauge(name: str, told: str, values: Mapping[str, float], label: str | None = None) -> Metric:
    family = GaugeMetricFamily(name, told, labels=[label] if label else [])
    for value_of_label, value in values.items():
        family.add_metric([value_of_label] if label else [], value)
    return family
