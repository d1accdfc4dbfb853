"""Ranges, zones and buckets: functions of values."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.analytics.period import Bucket, Period, PeriodQuery, cover, floor, resolve
from api.http import errors

NOW = datetime(2026, 11, 24, 10, 20, 30, tzinfo=UTC)
LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))


def period(**given: Any) -> Period:
    return resolve(PeriodQuery.model_validate_strings(given), NOW)


@given(
    ends=st.tuples(MOMENTS, MOMENTS).map(sorted),
    whole=st.booleans(),
    days_until=MOMENTS | st.none(),
    weeks_until=MOMENTS | st.none(),
    units=st.sampled_from([("run", "hour", "day", "week"), ("run", "day", "week")]),
)
def test_pieces_cover_a_range_exactly(
    ends: list[datetime], whole: bool, days_until: datetime | None, weeks_until: datetime | None, units: tuple[str, ...]
) -> None:
    start, end = (floor(moment, "hour") for moment in ends) if whole else ends
    until: Mapping[str, datetime | None] = {
        "day": None if days_until is None else floor(days_until, "day"),
        "week": None if weeks_until is None else floor(weeks_until, "week"),
    }
    pieces = sorted(cover(start, end, until=until, units=units), key=lambda piece: piece.start)
    assert sum((piece.end - piece.start for piece in pieces), timedelta()) == end - start
    assert all(one.end == other.start for one, other in pairwise(pieces))
    for piece in pieces:
        assert piece.unit in units
        if piece.unit != "run":
            # Its ends are where buckets of its unit begin, and all its buckets are there.
            assert floor(piece.start, piece.unit) == piece.start
            assert floor(piece.end, piece.unit) == piece.end
        limit = until.get(piece.unit)
        assert piece.unit not in until or (limit is not None and piece.end <= limit)
    if whole and "hour" in units:
        assert all(piece.unit != "run" for piece in pieces)
    # However long it is, there are few.
    assert len(pieces) <= 7


def test_the_default_is_thirty_days_up_to_the_end_of_this_hour() -> None:
    found = period()
    assert (found.start, found.end) == (datetime(2026, 10, 26, tzinfo=UTC), datetime(2026, 11, 24, 11, tzinfo=UTC))
    assert len(found.buckets) == 30
    assert found.before == (found.start - (found.end - found.start), found.start)


def test_a_date_is_its_midnight_in_the_zone() -> None:
    found = period(start="2026-03-01", end="2026-04-01", tz="Europe/Berlin")
    assert (found.start, found.end) == (datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC))
    lengths = [(end - start) // timedelta(hours=1) for start, end in found.buckets]
    assert (len(lengths), sorted(set(lengths)), lengths.index(23)) == (31, [23, 24], 28)
    autumn = period(start="2026-10-25", end="2026-10-26", tz="Europe/Berlin")
    assert autumn.end - autumn.start == timedelta(hours=25)


def test_weeks_begin_on_mondays_of_the_zone_and_are_cut_at_the_ends() -> None:
    found = period(start="2026-11-04T12:00:00+09:00", end="2026-11-20", tz="Asia/Tokyo", bucket="weekly")
    starts = [start.astimezone(found.zone) for start, _ in found.buckets]
    assert [start.date() for start in starts] == [date(2026, 11, 4), date(2026, 11, 9), date(2026, 11, 16)]
    assert (starts[0].hour, starts[1].hour, starts[1].weekday()) == (12, 0, 0)
    assert found.buckets[-1][1] == found.end


def test_hours_are_cut_at_the_ends_too() -> None:
    found = period(start="2026-11-20T10:30:00Z", end="2026-11-20T12:00:01Z", bucket="hourly")
    assert [(end - start) // timedelta(seconds=1) for start, end in found.buckets] == [1800, 3600, 1]


def test_an_end_in_the_future_is_the_end_of_this_hour() -> None:
    assert period(start="2026-11-01", end="2027-01-01").end == datetime(2026, 11, 24, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "read"),
    [("+02:00", "+02:00"), (" 02:00", "+02:00"), ("-0300", "-03:00"), ("UTC+2", "+02:00"), ("-5", "-05:00")],
)
def test_offsets(written: str, read: str) -> None:
    assert period(tz=written).zone_name == read


BAD = {
    "reversed": {"start": "2026-02-01", "end": "2026-01-01"},
    "empty": {"start": "2026-02-01", "end": "2026-02-01"},
    "a century": {"start": "1926-11-24"},
    "two centuries ago": {"start": "1826-01-01", "end": "1826-02-01", "tz": "Europe/Amsterdam"},
    "the future": {"start": "2027-01-01"},
    "all of it in the future": {"start": "2027-01-01", "end": "2027-02-01"},
    "too many points": {"start": "2026-01-01", "bucket": "hourly"},
    "half an hour off": {"tz": "Asia/Kolkata"},
    "half an hour off in summer": {"tz": "Australia/Lord_Howe", "start": "2026-01-01"},
    "half an hour off by number": {"tz": "+05:30"},
    "no zone": {"tz": "Mars/Olympus"},
    "a path": {"tz": "../../etc/passwd"},
    "a folder": {"tz": "America"},
    "no name": {"tz": ""},
    "an offset that is nowhere": {"tz": "+15:00"},
}


@pytest.mark.parametrize("name", BAD)
def test_questions_without_an_answer(name: str) -> None:
    with pytest.raises(errors.InvalidRequest, match=r"^query/\w+: ."):
        period(**BAD[name])


@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "0002-01-01",
        "0999-12-31",
        "2026-13-01",
        "2026-02-30",
        "20260101",
        "2026-01-01T00:00:00",
        "2026-01-01T25:00:00Z",
        "1-1-1",
        "",
        "\0",
    ],
)
def test_moments_that_are_none(value: str) -> None:
    with pytest.raises(ValueError, match="start"):
        PeriodQuery.model_validate_strings({"start": value})


def test_buckets_are_what_they_are_called() -> None:
    assert [bucket.value for bucket in Bucket] == ["hourly", "daily", "weekly"]
