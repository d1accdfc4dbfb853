"""Check citations against what the judge was shown, mechanically: what does not resolve cannot decide anything.

A quotation is compared letter by letter with the lines as the judge was shown them, secrets masked. Only the space
before and after a line and the kind of its end do not count; what is published is what the file has.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from worker.verification.opinion import Evidence

Lines = Callable[[str], Sequence[str | None] | None]
"""Gives a file's lines as they were shown, None for each that was not, or None for a path that was not shown."""

MAX_LINES = 40
_MAX_LINE = 500
_MAX_QUOTE = 4000


def verify(item: Evidence, lines_of: Lines) -> Evidence:
    """The evidence with `verified` set, its place and its quote as the file has them.

    It is moved to where its quote stands when that is elsewhere in the file, nearest to the cited line. A path that was
    not shown, a quote that is nowhere in what was shown of the file and one that says nothing are not verified.
    """
    lines = lines_of(item.path)
    wanted = _quoted(item.quote)
    if lines is None or item.trivial or not wanted or len(wanted) > MAX_LINES:
        return replace(item, verified=False)
    places = [start for start in _starts(lines, wanted) if _stands(lines, start, wanted)]
    if not places:
        return replace(item, verified=False)
    start = min(places, key=lambda place: (abs(place + 1 - item.start_line), place))
    there = [line or "" for line in lines[start : start + len(wanted)]]
    return replace(
        item, start_line=start + 1, end_line=start + len(wanted), quote=_published(there, wanted), verified=True
    )


def _quoted(quote: str) -> list[str]:
    """The quote's lines without the space around them and without blank lines at its ends."""
    lines = [line.strip() for line in quote.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _starts(lines: Sequence[str | None], wanted: Sequence[str]) -> Iterable[int]:
    """Indices of lines where the quote may begin."""
    last = len(lines) - len(wanted) + 1
    return (index for index, line in enumerate(lines[:last]) if line is not None and wanted[0] in line)


def _stands(lines: Sequence[str | None], start: int, wanted: Sequence[str]) -> bool:
    """Whether the quote stands there: part of one line, or the end of one, whole ones, and the beginning of another."""
    if len(wanted) == 1:
        return True
    there = [line.strip() for line in lines[start : start + len(wanted)] if line is not None]
    if len(there) < len(wanted):
        return False
    first, *middle, last = there
    return first.endswith(wanted[0]) and middle == list(wanted[1:-1]) and last.startswith(wanted[-1])


def _published(lines: Sequence[str], wanted: Sequence[str]) -> str:
    """What stands there, whole lines; of a line of a machine's length, what was quoted of it."""
    if len(lines) == 1 and len(lines[0]) > _MAX_LINE:
        return wanted[0][:_MAX_QUOTE]
    return "\n".join(lines)[:_MAX_QUOTE]


def place_fingerprint(key: str, item: Evidence) -> str:
    """Names a place where a criterion fails, by what stands there and not by its line: it survives moved code."""
    stable = item.fingerprint or " ".join(item.quote.split())
    return hashlib.sha256(f"{key}\0{item.path}\0{stable}".encode()).hexdigest()[:32]


def verify_all(items: Iterable[Evidence], lines_of: Lines) -> tuple[tuple[Evidence, ...], int]:
    """Those that resolve, each once, and how many do not and are no trifles. Nothing else is ever published."""
    checked = [verify(item, lines_of) for item in items]
    resolved = tuple(dict.fromkeys(item for item in checked if item.verified))
    return resolved, sum(not item.verified and not item.trivial for item in checked)
