"""Reading text."""

import pytest

from spanset import Span, parse


def test_plain():
    assert list(parse("7-9, 1-3")) == [Span(1, 3), Span(7, 9)]


@pytest.mark.parametrize("text", ["x", "1-", "[1, 2"])
def test_nonsense(text):
    with pytest.raises(ValueError):
        parse(text)
