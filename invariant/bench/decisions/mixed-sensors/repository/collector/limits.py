"""What a reading may say."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """The range of a kind of reading."""

    low: float
    high: float


LIMITS = {
    "temperature_c": Limit(-40, 70),
    "humidity_percent": Limit(0, 100),
    "light_lux": Limit(0, 200_000),
}


class OutOfRange(ValueError):
    """A reading that cannot be true."""


def check(reading: dict) -> dict:
    """The reading, if it can be true."""
    kind, value = reading["kind"], reading["value"]
    limit = LIMITS.get(kind)
    if limit is None:
        raise OutOfRange(f"nobody knows the kind {kind!r}")
    if not limit.low <= value <= limit.high:
        raise OutOfRange(f"{kind} of {value} is outside of {limit.low} to {limit.high}")
    return reading
