"""Amounts: how they are read, rounded and written."""

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

CENT = Decimal("0.01")


class BadAmount(ValueError):
    """A text that is no amount."""


def parse(text: str) -> Decimal:
    """The amount that a text stands for."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise BadAmount("please write the amount like 12.50") from None
    if not amount.is_finite():
        raise BadAmount("please write the amount like 12.50")
    return amount


def round_cents(amount: Decimal) -> Decimal:
    """The amount in whole cents, half even."""
    return amount.quantize(CENT, rounding=ROUND_HALF_EVEN)


def write(amount: Decimal) -> str:
    """The amount as JSON shows it: a string, never a float."""
    return str(round_cents(amount))
