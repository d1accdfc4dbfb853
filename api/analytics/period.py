"""Which time a question is about: its range, its buckets, and the rolled-up pieces that make them up exactly.

A range is half-open, [start, end). Whatever its ends, it is covered by the largest pieces that lie in it: weeks that
have ended, days, hours, and single runs for what is left of an hour at either end.
"""

import itertools
import re  # noqa: TID251  bounded: a parameter of a query, matched from its beginning
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from functools import cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from api.http import errors
from worker.core.untrusted.source import Text

MAX_DAYS = 1830
MAX_POINTS = 1500
_DEFAULT_DAYS = 30
_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
_DATE = re.compile(r"^\d{4}-\d\d-\d\d$")
_INSTANT = re.compile(r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+ -]\d\d:?\d\d)$")
# A plus sign in a query that was not escaped arrives as a space.
_OFFSET = re.compile(r"^(?:UTC|GMT)?([+ -])(\d{1,2})(?::?(\d\d))?$")


class Bucket(StrEnum):
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"


def _moment(value: Any) -> datetime | date:
    if isinstance(value, str) and _DATE.match(value):
        found: datetime | date = date.fromisoformat(value)
    elif isinstance(value, str) and _INSTANT.match(value):
        found = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", value).upper())
    else:
        raise ValueError("must be a date (2026-01-31) or a date and time with a zone (2026-01-31T12:00:00Z)")
    if not 1000 <= found.year < 9999:
        raise ValueError("must lie between the years 1000 and 9998")
    return found


Moment = Annotated[
    datetime | date,
    PlainValidator(_moment),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}),
]


class PeriodQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    start: Moment | None = Field(
        None, description="from; a date is its midnight in `tz`. Default: 30 days before `end`"
    )
    end: Moment | None = Field(None, description="to, not included. Default: the end of the present hour")
    repo: Text | None = Field(None, min_length=1, max_length=512, description="full name, owner/name. Default: all")
    bucket: Bucket = Field(Bucket.DAILY, description="how long the points of trends and sparklines are")
    tz: Text = Field(
        "UTC", max_length=64, description="where days and weeks begin: an IANA name or +02:00, whole hours"
    )


@dataclass(frozen=True)
class Piece:
    """`unit` is run, hour, day or week; a `run` piece is shorter than an hour."""

    unit: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Period:
    """[start, end) in UTC, as it is answered: an end in the future is the end of the present hour."""

    start: datetime
    end: datetime
    bucket: Bucket
    zone: tzinfo
    zone_name: str

    @property
    def before(self) -> tuple[datetime, datetime]:
        """The period of the same length that ends where this one begins."""
        return self.start - (self.end - self.start), self.start

    @property
    def buckets(self) -> list[tuple[datetime, datetime]]:
        """The points of a trend, without gaps; the first and the last are cut where the range is."""
        edges = [self.start, *(edge for edge in self._edges() if self.start < edge < self.end), self.end]
        return list(itertools.pairwise(edges))

    def _edges(self) -> Iterator[datetime]:
        if self.bucket is Bucket.HOURLY:
            edge = floor(self.start, "hour")
            while edge < self.end:
                yield edge
                edge += _HOUR
            return
        step = 7 if self.bucket is Bucket.WEEKLY else 1
        day = self.start.astimezone(self.zone).date()
        day -= timedelta(days=day.weekday() if step == 7 else 0)
        while (edge := midnight(day, self.zone)) < self.end:
            yield edge
            day += timedelta(days=step)


def resolve(query: PeriodQuery, now: datetime) -> Period:
    """The period that is asked for. Raises InvalidRequest."""
    zone, zone_name = _zone(query.tz)
    latest = floor(now, "hour") + _HOUR
    end = min(latest if query.end is None else _instant(query.end, zone), latest)
    if query.start is not None:
        start = _instant(query.start, zone)
    else:
        last_day = (end - timedelta(microseconds=1)).astimezone(zone).date()
        start = midnight(last_day - (_DEFAULT_DAYS - 1) * _DAY, zone)
    if query.start is not None and query.end is not None and _instant(query.end, zone) <= start:
        raise errors.InvalidRequest("query/end: must be after start")
    if end <= start:
        raise errors.InvalidRequest("query/start: lies in the future, of which nothing is known")
    if end - start > MAX_DAYS * _DAY:
        raise errors.InvalidRequest(f"query/start: a range may have at most {MAX_DAYS} days")
    period = Period(start, end, query.bucket, zone, zone_name)
    _check_points(period)
    _check_whole_hours(period)
    return period


def _check_points(period: Period) -> None:
    length = {Bucket.HOURLY: _HOUR, Bucket.DAILY: _DAY, Bucket.WEEKLY: _WEEK}[period.bucket]
    points = (period.end - period.start) / length
    if points > MAX_POINTS and period.bucket is Bucket.HOURLY:
        raise errors.InvalidRequest(
            f"query/bucket: {points:.0f} points are more than {MAX_POINTS}; choose daily or weekly, or a shorter range"
        )


def _check_whole_hours(period: Period) -> None:
    """A zone may be whole hours off UTC at one time and not at another, so every day of the range is looked at."""
    moment = period.start
    while moment < period.end:
        offset = moment.astimezone(period.zone).utcoffset() or timedelta()
        if offset % _HOUR:
            raise errors.InvalidRequest(
                f"query/tz: {period.zone_name} is not whole hours off UTC, which is needed here"
            )
        moment += _DAY


def _zone(name: str) -> tuple[tzinfo, str]:
    """The zone, and its name as it should have been written."""
    found = _OFFSET.match(name)
    if found:
        hours, minutes = int(found[2]), int(found[3] or 0)
        if hours > 14 or minutes > 59:
            raise errors.InvalidRequest("query/tz: an offset lies between -14:00 and +14:00")
        sign = "-" if found[1] == "-" else "+"
        offset = timedelta(hours=hours, minutes=minutes)
        return timezone(-offset if sign == "-" else offset), f"{sign}{hours:02}:{minutes:02}"
    if name not in _names():
        raise errors.InvalidRequest("query/tz: must be an IANA time zone such as Europe/Berlin, or an offset as +02:00")
    return ZoneInfo(name), name


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones())


def _instant(moment: datetime | date, zone: tzinfo) -> datetime:
    return moment.astimezone(UTC) if isinstance(moment, datetime) else midnight(moment, zone)


def midnight(day: date, zone: tzinfo) -> datetime:
    """Where a day begins in a zone, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def floor(moment: datetime, unit: str) -> datetime:
    """Where the UTC hour, day or ISO week begins that holds the moment."""
    found = moment.replace(minute=0, second=0, microsecond=0)
    if unit != "hour":
        found = found.replace(hour=0)
    return found - timedelta(days=found.weekday()) if unit == "week" else found


def _ceiling(moment: datetime, unit: str) -> datetime:
    below = floor(moment, unit)
    return below if below == moment else below + {"hour": _HOUR, "day": _DAY, "week": _WEEK}[unit]


def cover(
    start: datetime,
    end: datetime,
    *,
    until: Mapping[str, datetime | None],
    units: Sequence[str] = ("run", "hour", "day", "week"),
) -> list[Piece]:
    """Pieces that make up [start, end) without gaps or overlaps.

    `units` are those there are, the smallest first; of those named in `until`, the ones that begin before that.
    """
    return [piece for piece in _cover(start, end, units, until) if piece.start < piece.end]


def _cover(
    start: datetime, end: datetime, units: Sequence[str], until: Mapping[str, datetime | None]
) -> Iterator[Piece]:
    unit, *larger = units
    if not larger:
        yield Piece(unit, start, end)
        return
    low, high = _ceiling(start, larger[0]), floor(end, larger[0])
    if larger[0] in until:
        high = min(high, until[larger[0]] or low)
    if low >= high:
        yield Piece(unit, start, end)
        return
    yield Piece(unit, start, low)
    yield Piece(unit, high, end)
    yield from _cover(low, high, larger, until)
