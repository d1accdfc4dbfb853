"""Patterns in linear time, and that nobody uses others where strangers' text is read."""

import re
from pathlib import Path

import pytest

from worker.core.linear import escape, pattern

_ROOT = Path(__file__).parents[3]
_ALLOWED = re.compile(r"# noqa: TID251  (?:linear|bounded|own): \S.{5,}$")


@pytest.mark.parametrize(
    ("source", "text", "found"),
    [
        (r"\w+", "é日_1 x", ["é日_1", "x"]),
        (r"[\w.]+", "a.é-b", ["a.é", "b"]),
        (r"\d+", "1٣x", ["1٣"]),
        (r"a\sb", "a\u00a0b a\u3000b a\x1fb", ["a\u00a0b", "a\u3000b", "a\x1fb"]),
        (r"[^\s]+", "a\u2003b", ["a", "b"]),
        (r"\W", "aé-", ["-"]),
        (r"\S+", "a b", ["a", "b"]),
        (r"[a[]+", "[a]", ["[a"]),
        (r"[]a]+", "]a[", ["]a"]),
        (r"\[\w\]", "[é]", ["[é]"]),
        (r"(?i)é", "É", ["É"]),
    ],
)
def test_a_pattern_finds_what_re_finds(source: str, text: str, found: list[str]) -> None:
    assert pattern(source).findall(text) == found == re.findall(source, text)


@pytest.mark.parametrize("source", [r"(?=a)b", r"(?<!a)b", r"(a)\1", r"[\W_]"])
def test_a_pattern_that_may_explode_or_mean_something_else_is_refused(source: str) -> None:
    with pytest.raises(ValueError):
        pattern(source)


def test_what_is_escaped_is_matched_as_it_is() -> None:
    text = r"a.b*[\w](c)|d"
    assert pattern(escape(text)).fullmatch(text)


def test_whoever_uses_re_says_why_it_cannot_explode() -> None:
    lines = [
        f"{path.relative_to(_ROOT)}: {line}"
        for room in ("worker", "api")
        for path in (_ROOT / room).rglob("*.py")
        for line in path.read_text().split("\n")
        if re.match(r"\s*(?:import|from) (?:re|regex|fnmatch|difflib)\b", line) and not _ALLOWED.search(line)
    ]
    assert lines == []
