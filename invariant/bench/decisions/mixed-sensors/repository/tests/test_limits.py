"""The limits."""

import pytest

from collector.limits import LIMITS, OutOfRange, check


@pytest.mark.parametrize("kind", sorted(LIMITS))
def test_the_ends_belong_to_the_range(kind: str) -> None:
    assert check({"kind": kind, "value": LIMITS[kind].low})
    assert check({"kind": kind, "value": LIMITS[kind].high})


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(OutOfRange):
        check({"kind": "smell", "value": 1})
