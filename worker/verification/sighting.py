"""A place that a scout named."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Sighting:
    """Where a criterion, by its key, may be broken or is seen to hold. Lines from 1, both inclusive. What was quoted
    stands there where it `holds`; where it may break the criterion the lines may be the scout's word alone. `why` is
    its word, on one line."""

    key: str
    path: str
    start: int
    end: int
    holds: bool
    why: str
