"""What a reader may take."""

import pytest

from shelf.loans import LoanRefused, lend


def test_the_sixth_book_is_refused() -> None:
    loans: dict = {}
    for number in range(5):
        lend("ada", str(number), loans)
    with pytest.raises(LoanRefused):
        lend("ada", "5", loans)
