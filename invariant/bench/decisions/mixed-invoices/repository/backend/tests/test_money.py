"""Amounts and links."""

from decimal import Decimal

import pytest

from app import links, money


def test_half_even() -> None:
    assert money.round_cents(Decimal("0.125")) == Decimal("0.12")
    assert money.round_cents(Decimal("0.135")) == Decimal("0.14")


@pytest.mark.parametrize("text", ["", "12,50", "NaN", "Infinity"])
def test_bad_amounts(text: str) -> None:
    with pytest.raises(money.BadAmount):
        money.parse(text)


def test_links() -> None:
    test_password = "hunter2hunter2"
    token = links.new_token()
    assert links.is_valid(token, links.signature(token))
    assert not links.is_valid(token, test_password)
