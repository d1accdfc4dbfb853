"""Citations are checked, not believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.verification.evidence import verify, verify_all
from worker.verification.opinion import Evidence

LINES = ["import os", "", "def f(x):", "    return eval(x)", "", 'password = "⟪masked 8⟫"', "\tif x:\ty()", "x" * 9000]


def lines_of(path: str) -> list[str] | None:
    return {"a.py": LINES, "empty.py": [""]}.get(path)


def cite(start: int, end: int, quote: str, path: str = "a.py") -> Evidence:
    return verify(Evidence(path, start, end, quote), lines_of)


@pytest.mark.parametrize(
    ("start", "end", "quote", "place"),
    [
        (4, 4, "    return eval(x)", (4, 4)),
        (4, 4, "return eval(x)", (4, 4)),
        (4, 4, "eval(x)  ", (4, 4)),
        (3, 4, "def f(x):\n    return eval(x)", (3, 4)),
        (3, 4, "def f(x):\nreturn eval(x)", (3, 4)),
        (3, 4, "f(x):\n    return ev", (3, 4)),
        (1, 3, "\nimport os\n\ndef f(x):\n\n", (1, 3)),
        (2, 2, "return eval(x)", (4, 4)),
        (400, 400, "return eval(x)", (4, 4)),
        (6, 6, 'password = "⟪masked 8⟫"', (6, 6)),
        (3, 4, "def f(x):\r\n    return eval(x)", (3, 4)),
    ],
)
def test_what_is_there_is_verified_put_in_its_place_and_published_as_the_file_has_it(
    start: int, end: int, quote: str, place: tuple[int, int]
) -> None:
    item = cite(start, end, quote)
    assert item.verified
    assert (item.start_line, item.end_line) == place
    assert item.quote == "\n".join(LINES[place[0] - 1 : place[1]])


@pytest.mark.parametrize(
    ("start", "end", "quote", "path"),
    [
        (4, 4, "return exec(x)", "a.py"),
        (4, 4, "return eval(x)", "b.py"),
        (4, 4, "", "a.py"),
        (0, 0, "", "a.py"),
        (1, 1, "   \n  ", "empty.py"),
        (4, 3, "***", "a.py"),
        (4, 4, "return ***", "a.py"),
        (6, 6, 'password = "***"', "a.py"),
        (4, 4, "return   eval(x)", "a.py"),
        (4, 4, "returneval(x)", "a.py"),
        (4, 4, "return eval( x )", "a.py"),
        (3, 4, "def f(x): return eval(x)", "a.py"),
        (3, 4, "def f(x):\n\n    return eval(x)", "a.py"),
        (7, 7, "if x: y()", "a.py"),
    ],
)
def test_what_is_not_there_letter_by_letter_is_not_verified(start: int, end: int, quote: str, path: str) -> None:
    assert not cite(start, end, quote, path).verified


def test_a_claim_to_be_verified_is_not_believed() -> None:
    assert verify_all([Evidence("a.py", 4, 4, "nowhere", verified=True)], lines_of) == ((), 1)


def test_what_was_not_shown_is_not_there_and_what_is_cited_twice_is_no_invention() -> None:
    shown: list[str | None] = ["import os", None, "def f(x):", "    return eval(x)"]

    def lines(path: str) -> list[str | None]:
        return shown

    twice = [
        Evidence("a.py", 3, 3, "def f(x):"),
        Evidence("a.py", 3, 3, "def f(x):"),
        Evidence("a.py", 4, 4, "eval(x)"),
    ]
    resolved, unresolved = verify_all(twice, lines)
    assert ([item.start_line for item in resolved], unresolved) == ([3, 4], 0)
    assert not verify(Evidence("a.py", 1, 3, "import os\n\ndef f(x):"), lines).verified


def test_of_a_machines_line_only_the_quoted_part_is_published() -> None:
    assert cite(8, 8, "x" * 30).quote == "x" * 30


def test_the_nearest_of_several_places_is_taken() -> None:
    lines = ["pass", "", "pass", "", "pass"]
    item = verify(Evidence("a.py", 4, 4, "pass"), lambda path: lines)
    assert item.start_line == 3


@given(st.integers(-5, 20), st.integers(-5, 20), st.text(max_size=12))
def test_verified_means_that_the_quote_is_at_that_place(start: int, end: int, quote: str) -> None:
    item = cite(start, end, quote)
    if item.verified:
        assert 1 <= item.start_line <= item.end_line <= len(LINES)
        there = "\n".join(LINES[item.start_line - 1 : item.end_line])
        assert quote.strip().split("\n")[0].strip() in there
        assert item.quote in there
