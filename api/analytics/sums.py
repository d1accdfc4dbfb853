"""Sums of measures over the pieces of a period, in the database: what every endpoint here is made of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from api import access
from api.analytics.period import Period, Piece, cover
from worker.core.analytics import histogram
from worker.core.analytics.measures import DURATIONS, MEASURES

UNITS = ("run", "hour", "day", "week")
TABLES = {
    "hour": "analytics_hourly_buckets",
    "day": "analytics_daily_rollups",
    "week": "analytics_weekly_rollups",
}
VALUES = {measure.name: measure.value for measure in MEASURES}
_ENTRIES = ", ".join(histogram.entry_of(d.code, d.microseconds) for d in DURATIONS)


Interval = tuple[datetime, datetime]


class Of(NamedTuple):
    """Which runs a statement is about: with `repo`, those of `:repo`; with `reader`, those that `:reader` may see.

    Buckets are sums over everybody's runs, so what a reader may see is summed run by run.
    """

    repo: bool
    reader: bool

    @property
    def tables(self) -> Mapping[str, str]:
        """The buckets that may be read, by their unit."""
        return {} if self.reader else TABLES


@dataclass(frozen=True)
class Scope:
    """What is asked, within one transaction: a period, of one repository or of all of them (None), by a user who may
    see some runs or by one who may see all (None). Days of rules and weeks are made before `days_until` and
    `weeks_until`.
    """

    session: AsyncSession
    period: Period
    repo: str | None
    reader: str | None
    days_until: datetime | None
    weeks_until: datetime | None

    @property
    def of(self) -> Of:
        return Of(self.repo is not None, self.reader is not None)

    @property
    def parameters(self) -> dict[str, str]:
        """The values of a statement about `of`."""
        values = {"repo": self.repo, "reader": self.reader}
        return {name: value for name, value in values.items() if value is not None}

    def pieces(self, intervals: Sequence[Interval]) -> list[tuple[int, Piece]]:
        """The pieces of each interval, with its place in the sequence."""
        until = {"week": self.weeks_until}
        return self._pieces(intervals, until, UNITS)

    def pieces_of_rules(self, intervals: Sequence[Interval]) -> list[tuple[int, Piece]]:
        """The same of what there is of rules: no hours of a single repository, and days that have ended."""
        until = {"day": self.days_until, "week": self.weeks_until}
        units = UNITS if self.repo is None else [unit for unit in UNITS if unit != "hour"]
        return self._pieces(intervals, until, units)

    def _pieces(
        self, intervals: Sequence[Interval], until: Mapping[str, datetime | None], units: Sequence[str]
    ) -> list[tuple[int, Piece]]:
        if self.reader is not None:
            units = ["run"]
        return [
            (at, piece)
            for at, (start, end) in enumerate(intervals)
            for piece in cover(start, end, until=until, units=units)
        ]


def unit_parameters(pieces: Iterable[tuple[int, Piece]]) -> dict[str, list[Any]]:
    """The values of a statement over `pieces` of every unit."""
    found: dict[str, list[Any]] = {f"{unit}_{name}": [] for unit in UNITS for name in ("at", "start", "end")}
    for place, piece in pieces:
        found[f"{piece.unit}_at"].append(place)
        found[f"{piece.unit}_start"].append(piece.start)
        found[f"{piece.unit}_end"].append(piece.end)
    return found


def pieces(unit: str, query: str, name: str) -> str:
    """Pieces `p (at, start, ending)` of one unit, joined to what `query` finds for each, as SQL.

    Piece by piece through the index: OFFSET 0 keeps the planner, which cannot know how short a piece is, from reading
    the whole table.
    """
    given = ", ".join(
        f"CAST(:{unit}_{column} AS {kind}[])"
        for column, kind in (("at", "int"), ("start", "timestamptz"), ("end", "timestamptz"))
    )
    return f"unnest({given}) AS p (at, start, ending) CROSS JOIN LATERAL ({query} OFFSET 0) AS {name}"


def in_runs(relation: str, which: str, of: Of) -> str:
    """Pieces joined to the single runs `m` in them; `which` of the relation's rows are wanted."""
    if of.reader:
        seen = f"({access.FINISHED_RUNS}) AS seen (run_id)"
        found = f"SELECT m.* FROM {seen} JOIN {relation} m ON m.run_id = seen.run_id WHERE {which}"
    else:
        found = f"SELECT * FROM {relation} m WHERE {which} AND m.finished_at >= p.start AND m.finished_at < p.ending"
    return pieces("run", found, "m")


def in_buckets(unit: str, relation: str, which: str) -> str:
    """Pieces of a unit joined to the buckets `b` in them; `which` of the relation's rows are wanted."""
    found = f"SELECT * FROM {relation} b WHERE {which} AND b.starts_at >= p.start AND b.starts_at < p.ending"
    return pieces(unit, found, "b")


REPO_OF_RUN = "coalesce(m.repo_full_name, '')"


def _runs_of(of: Of) -> str:
    return f"{REPO_OF_RUN} = :repo" if of.repo else "true"


def buckets_of(of: Of) -> str:
    """The buckets of `:repo`, or those of all repositories together."""
    return "b.repo_full_name = :repo" if of.repo else "b.repo_full_name IS NULL"


@cache
def _sums(names: tuple[str, ...], of: Of) -> TextClause:
    of_runs = ", ".join(f"{VALUES[name]} AS {name}" for name in names)
    of_buckets = ", ".join(f"b.{name}" for name in names)
    parts = [f"SELECT p.at, {of_runs} FROM {in_runs('analytics_run_metrics', _runs_of(of), of)}"]
    parts += [
        f"SELECT p.at, {of_buckets} FROM {in_buckets(unit, table, buckets_of(of))}" for unit, table in of.tables.items()
    ]
    summed = ", ".join(f"sum({name})::bigint AS {name}" for name in names)
    return text(f"SELECT at, {summed} FROM ({' UNION ALL '.join(parts)}) AS found GROUP BY at")


Sums = Mapping[str, int]


async def sums(scope: Scope, names: Sequence[str], intervals: Sequence[Interval]) -> list[Sums]:
    """The sum of each measure over each interval, zeros where there are no runs."""
    values: dict[str, Any] = unit_parameters(scope.pieces(intervals))
    statement = _sums(tuple(names), scope.of)
    rows = (await scope.session.execute(statement, {**values, **scope.parameters})).mappings().all()
    by_place: dict[int, Sums] = {row["at"]: dict(row) for row in rows}
    nothing: Sums = dict.fromkeys(names, 0)
    return [by_place.get(place, nothing) for place in range(len(intervals))]


@cache
def _bins(of: Of) -> TextClause:
    runs = in_runs("analytics_run_metrics", _runs_of(of), of)
    parts = [f"SELECT p.at, unnest(ARRAY[{_ENTRIES}]) AS entry FROM {runs}"]
    parts += [
        f"SELECT p.at, unnest(b.histogram) AS entry FROM {in_buckets(unit, table, buckets_of(of))}"
        for unit, table in of.tables.items()
    ]
    return text(
        f"""
        SELECT at, array_agg(code ORDER BY code) AS codes, array_agg(number ORDER BY code) AS numbers
        FROM (
            SELECT at, {histogram.CODE} AS code, sum({histogram.NUMBER})::bigint AS number
            FROM ({" UNION ALL ".join(parts)}) AS found GROUP BY at, {histogram.CODE}
        ) AS merged
        GROUP BY at
        """
    )


Bins = Sequence[tuple[int, int]]


async def distributions(scope: Scope, intervals: Sequence[Interval]) -> list[Mapping[str, Bins]]:
    """For each interval the histogram of each duration, by its name, as (bin, count) in ascending order."""
    values: dict[str, Any] = unit_parameters(scope.pieces(intervals))
    rows = (await scope.session.execute(_bins(scope.of), {**values, **scope.parameters})).all()
    found: list[dict[str, list[tuple[int, int]]]] = [{d.name: [] for d in DURATIONS} for _ in intervals]
    names = {duration.code: duration.name for duration in DURATIONS}
    for row in rows:
        for code, number in zip(row.codes, row.numbers, strict=True):
            duration, place = histogram.split(code)
            found[row.at][names[duration]].append((place, number))
    return list(found)
