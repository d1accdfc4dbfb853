"""What a person reads of a verdict: reasons, deciders, shares, places, the constitution's lines; and nothing that acts."""

import io
import re
from typing import Any

import pytest
from rich.console import Console

from invariant import lines, render

WIDTHS = (80, 100)
ATTACK = "\x1b]8;;https://evil.example/\x1b\\click\x1b]8;;\x1b\\\x1b[2J\x9b31m\x07"
WHOLE = {
    "files": 0, "lines": 0, "files_shown": 0, "lines_shown": 0, "share": 1.0, "whole": True, "unreadable": [],
    "searched_for": [], "places_found": 0, "places_shown": 0,
}  # fmt: skip
PART = {
    **WHOLE, "files": 20, "lines": 1900, "files_shown": 14, "lines_shown": 1178, "share": 0.62, "whole": False,
    "searched_for": ["pickle\\.loads?"], "places_found": 3, "places_shown": 2, "unreadable": ["blob.bin"],
}  # fmt: skip
REASON = (
    "1 of 3 votes count; at least 2 must. The judges could not tell from what they were shown, 62% of its scope, "
    "and whoever reads the deserialisation of the remaining authentication middleware could prove it either way."
)


def place(path: str, line: int, quote: str = "", rule: str | None = None) -> dict[str, Any]:
    return {"path": path, "start_line": line, "end_line": line, "quote": quote, "rule": rule, "verified": True}


def opinion(judge: str, vote: str = "ABSTAIN", **more: Any) -> dict[str, Any]:
    empty = {"score": None, "confidence": None, "void": None, "failure": None}
    return {"judge": judge, "vote": vote, **empty, **more}


def criterion(key: str, statement: str, outcome: str, line: int, **more: Any) -> dict[str, Any]:
    return {
        "key": key, "statement": statement, "outcome": outcome, "severity": "high", "line": line, "reason": "Because.",
        "decided_by": "analyzers", "evidence": [], "look_at": [], "coverage": WHOLE, "opinions": [],
        "objection": False, **more,
    }  # fmt: skip


def line(first: int, last: int, became: str, *keys: str, **more: Any) -> dict[str, Any]:
    return {
        "line": first, "end_line": last, "text": "text", "became": became, "criteria": list(keys), "why": None,
        "requires": False, **more,
    }  # fmt: skip


DOCUMENT: dict[str, Any] = {
    "format": "invariant-verdict/2",
    "verdict": "FAIL",
    "score": None,
    "reason": "1 criterion of critical or high severity failed.",
    "vetoed_by": [],
    "tribunal": {"mode": "llm", "why": ""},
    "counts": {"pass": 1, "fail": 1, "undecided": 1, "not_checkable": 1, "files": 7},
    "snapshot": {"commit": "0123456789abcdef0123456789abcdef01234567"},
    "run": {"branch": "main"},
    "criteria": [
        criterion("kept", "Modules SHOULD NOT use wildcard imports.", "PASS", 9, severity="low"),
        criterion(
            "open", "Untrusted bytes MUST NOT be unpickled.", "UNDECIDED", 8, reason=REASON, decided_by="nobody",
            coverage=PART, look_at=[place("app/cache.py", 3, "pickle.load(file)", "bandit:B301")],
            opinions=[
                opinion("architect", "PASS", score=9, confidence=0.99, calibrated=0.9),
                opinion("security", void="It rests on nothing."),
                opinion("user_proxy", failure="answer_unparseable"),
            ],
        ),
        criterion(
            "broken", "Code MUST NOT call `eval()`.", "FAIL", 7,
            evidence=[place(f"app/m{number}.py", number, f"\tresult = eval(text{number})") for number in range(1, 6)],
        ),
    ],
    "not_checkable": [{"key": "people", "statement": "Two people MUST review each change.", "line": 10}],
    "lines": [
        line(1, 1, "part", "broken", "open", "kept", "people", why="the title of what follows"),
        line(3, 3, "not read", why="it informs"),
        line(4, 5, "not read", why="it informs"),
        line(7, 7, "criterion", "broken"),
        line(8, 8, "criterion", "open"),
        line(9, 9, "criterion", "kept"),
        line(10, 10, "criterion", "people"),
        line(12, 12, "not read", why="it could not be understood", requires=True, text="All MUST be well."),
        line(13, 13, "not read", why="it could not be understood", requires=True, text="It SHALL be so."),
    ],
    "notes": ["left out 1 symbolic link(s)"],
}  # fmt: skip


def shown(width: int, document: dict[str, Any] = DOCUMENT, *, terminal: bool = False) -> str:
    buffer = io.StringIO()
    console = Console(file=buffer, width=width, force_terminal=terminal, color_system="standard" if terminal else None)
    render.verdict(console, document)
    return buffer.getvalue()


def flat(text: str) -> str:
    """As one line, without what the layout adds."""
    return " ".join(re.sub(r"(?m)^(?:[✗?✓] \w+|critical|high|medium|low|line \d+)(?= {2})", "", text).split())


@pytest.mark.parametrize("width", WIDTHS)
def test_each_criterion_says_why_who_decided_what_was_shown_and_where_to_look(width: int) -> None:
    text = flat(shown(width))
    assert "decided by analyzers" in text
    assert "decided by nobody: architect PASS 9 (90%), security's vote is void, user proxy gave no answer" in text
    assert "shown to the judges: 62% of its scope (1178 of 1900 lines in 14 of 20 files)" in text
    assert "could not be shown: blob.bin" in text
    assert "searched for `pickle\\.loads?`: 3 found, 2 of them shown" in text
    assert "look at app/cache.py:3 (bandit:B301) pickle.load(file)" in text
    assert "at app/m1.py:1 result = eval(text1)" in text
    assert "and 2 more places" in text
    assert text.index("eval()") < text.index("unpickled") < text.index("wildcard")


@pytest.mark.parametrize("width", WIDTHS)
def test_no_word_of_a_reason_is_cut_and_no_line_is_too_long(width: int) -> None:
    text = shown(width)
    assert REASON in flat(text)
    assert max(len(row) for row in text.splitlines()) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_what_cannot_be_checked_and_the_commit_are_told(width: int) -> None:
    text = flat(shown(width))
    assert "Not checkable" in text
    assert "Two people MUST review each change. (line 10)" in text
    assert "1 passed, 1 failed, 1 undecided, 1 not checkable; 7 files of commit 0123456789ab on main." in flat(
        shown(120)
    )


def test_neighbouring_lines_with_one_fate_are_one_row_and_unread_requirements_stand_alone() -> None:
    rows = [(row.lines, row.became) for row in lines.rows(DOCUMENT)]
    assert rows == [
        ("1", "part of the criteria of lines 7–10: the title of what follows"),
        ("3–5", "not read: it informs"),
        ("7–10", "4 criteria, 1 of them not checkable"),
        ("12", "a requirement that was not read: it could not be understood"),
        ("13", "a requirement that was not read: it could not be understood"),
    ]
    bold = re.findall(r"\x1b\[1;\d+m([^\x1b]+)", shown(100, terminal=True))
    assert sum("a requirement that was not read" in part for part in bold) == 2
    assert "«All MUST be well.»" in shown(80)


def test_text_of_strangers_sends_nothing_to_the_terminal() -> None:
    hostile = {
        **DOCUMENT,
        "reason": f"Bad {ATTACK}",
        "criteria": [
            criterion("x", f"Never {ATTACK}", "FAIL", 1, evidence=[place(f"a{ATTACK}.py", 1, f"eval({ATTACK})")])
        ],
        "lines": [line(1, 1, "not read", why=f"why {ATTACK}", requires=True, text=ATTACK)],
        "notes": [ATTACK],
    }
    for terminal in (False, True):
        text = shown(100, hostile, terminal=terminal)
        # What is left are colours, which are the console's own.
        assert re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", re.sub(r"\x1b\[[\d;]*m", "", text)) is None
        assert "\x1b[31m" not in shown(100, {**hostile, "verdict": "PASS", "criteria": []}, terminal=terminal)
        assert "https://evil.example/" in text


def test_markup_in_a_statement_is_text() -> None:
    odd = {**DOCUMENT, "criteria": [criterion("x", "Use [red]x[/red] and :warning: [1]", "PASS", 1)]}
    assert "Use [red]x[/red] and :warning: [1]" in shown(80, odd)


def test_a_file_has_no_control_codes_and_no_trailing_space() -> None:
    text = render.plain(DOCUMENT)
    assert "\x1b" not in text
    assert all(row == row.rstrip() for row in text.splitlines())
    assert max(len(row) for row in text.splitlines()) <= render.FILE_WIDTH


@pytest.mark.parametrize("width", WIDTHS)
def test_a_run_that_failed_shows_its_reason_alone(width: int) -> None:
    failed = {"format": "invariant-verdict/2", "verdict": "ERROR", "score": None, "reason": "source_not_found: gone"}
    assert "ERROR source_not_found: gone" in flat(shown(width, failed))
