"""Citations are checked, not believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.verification.evidence import verify, verify_all
from worker.verification.opinion import Evidence

LINES = ["import os", "", "def f(x):", "    return eval(x)", "", 'password = "hunter22"']


def lines_of(path: str) -> list[str] | None:
    return {"a.py": LINES, "empty.py": [""]}.get(path)


def cite(start: int, end: int, quote: str, path: str = "a.py") -> Evidence:
    return verify(Evidence(path, start, end, quote), lines_of)


@pytest.mark.parametrize(
    ("start", "end", "quote", "found"),
    [
        (4, 4, "    return eval(x)", (4, 4)),
        (4, 4, "return   eval(x)", (4, 4)),
        (3, 4, "def f(x):\n    return eval(x)", (3, 4)),
        (2, 2, "return eval(x)", (4, 4)),
        (400, 400, "return eval(x)", (4, 4)),
        (6, 6, 'password = "***"', (6, 6)),
    ],
)
def test_what_is_there_is_verified_and_put_in_its_place(
    start: int, end: int, quote: str, found: tuple[int, int]
) -> None:
    item = cite(start, end, quote)
    assert item.verified
    assert (item.start_line, item.end_line) == found


@pytest.mark.parametrize(
    ("start", "end", "quote", "path"),
    [
        (4, 4, "return exec(x)", "a.py"),
        (4, 4, "return eval(x)", "b.py"),
        (4, 4, "", "a.py"),
        (0, 0, "", "a.py"),
        (5, 9, "", "a.py"),
        (4, 3, "***", "a.py"),
    ],
)
def test_what_is_not_there_is_not(start: int, end: int, quote: str, path: str) -> None:
    assert not cite(start, end, quote, path).verified


def test_a_blank_place_may_be_cited_as_blank() -> None:
    assert cite(1, 1, "", "empty.py").verified
    assert cite(2, 2, "").verified


def test_a_claim_to_be_verified_is_not_believed() -> None:
    assert verify_all([Evidence("a.py", 4, 4, "nowhere", verified=True)], lines_of) == ()


def test_published_quotes_are_masked() -> None:
    (item,) = verify_all([Evidence("a.py", 6, 6, 'password = "hunter22"')], lines_of)
    assert item.verified
    assert "hunter22" not in item.quote


@given(st.integers(-5, 20), st.integers(-5, 20), st.text(max_size=12))
def test_verified_means_that_the_quote_is_at_that_place(start: int, end: int, quote: str) -> None:
    item = cite(start, end, quote)
    if item.verified:
        assert 1 <= item.start_line <= item.end_line <= len(LINES)
        cited = " ".join(" ".join(LINES[item.start_line - 1 : item.end_line]).split())
        if "***" not in quote:
            assert "".join(quote.split()) in "".join(cited.split())
