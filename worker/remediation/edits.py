"""Edits of whole lines: what stands there, and what shall stand there instead.

They are found in the text as it was shown, with secrets masked, and made in the text as it is. A line that is shown and
written back unchanged keeps what was hidden in it; a mask is never written into code.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from worker.core.telemetry.masking import is_marked

MAX_EDITS = 50
MAX_LINES = 400
_MAX_LINE = 2000
# Control and format characters: what makes a reader see something else than a compiler does (CVE-2021-42574).
_HIDDEN = ("Cc", "Cf", "Zl", "Zp", "Cs")


class EditRefused(ValueError):
    """The edit cannot be made. The message says why, for who proposed it and for the audit log."""


@dataclass(frozen=True)
class Edit:
    """`search` and `replace` are whole lines; an empty `replace` removes them."""

    path: str
    search: str
    replace: str


@dataclass(frozen=True)
class Located:
    """An edit at its lines: `start` and `stop` count from 0, the second one is not of it any more."""

    edit: Edit
    start: int
    stop: int


def lines_of(text: str) -> list[str]:
    """The lines without their ends, which are CR, LF or CRLF, as analyzers and editors count them."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def locate(edit: Edit, shown: Sequence[str]) -> Located:
    """Where the edit is to be made. Raises EditRefused when that is nowhere, or not one place."""
    wanted, new = _block(edit.search), _block(edit.replace)
    _check(edit, wanted, new)
    size = len(wanted)
    first = wanted[0]
    found = [at for at in range(len(shown) - size + 1) if shown[at] == first and list(shown[at : at + size]) == wanted]
    if not found:
        raise EditRefused(f"What is to be replaced in {edit.path} stands nowhere there, as whole lines.")
    if len(found) > 1:
        raise EditRefused(
            f"What is to be replaced in {edit.path} stands there {len(found)} times: give more lines around it."
        )
    return Located(edit, found[0], found[0] + size)


def _block(text: str) -> list[str]:
    lines = lines_of(text)
    # One line end more than there are lines is how people write the last one.
    return lines[:-1] if len(lines) > 1 and lines[-1] == "" else lines


def _check(edit: Edit, wanted: Sequence[str], new: Sequence[str]) -> None:
    if not any(line.strip() for line in wanted):
        raise EditRefused(f"An edit of {edit.path} names no line that is to be replaced.")
    if len(wanted) > MAX_LINES or len(new) > MAX_LINES or max(map(len, (*wanted, *new))) > _MAX_LINE:
        raise EditRefused(f"An edit of {edit.path} is larger than {MAX_LINES} lines of {_MAX_LINE} characters.")
    written = set("".join(new)) - set("".join(wanted)) - {"\t"}
    hidden = sorted(character for character in written if unicodedata.category(character) in _HIDDEN)
    disguised = sorted(character for character in written if _disguised(character))
    if disguised:
        what = f"{disguised[0]!a}, which compilers read as {unicodedata.normalize('NFKC', disguised[0])}"
        raise EditRefused(f"An edit of {edit.path} writes {what}.")
    if hidden:
        raise EditRefused(f"An edit of {edit.path} writes a character that nobody sees (U+{ord(hidden[0]):04X}).")
    for line in new:
        if is_marked(line) and line not in wanted:
            raise EditRefused(f"An edit of {edit.path} changes a line in which a secret was hidden from the model.")
    if list(wanted) == list(new):
        raise EditRefused(f"An edit of {edit.path} changes nothing.")


def _disguised(character: str) -> bool:
    """Whether it is a letter of ASCII to a compiler that folds identifiers, and to no reader (PEP 3131: NFKC)."""
    if character.isascii():
        return False
    return any(one.isascii() and one.isalnum() for one in unicodedata.normalize("NFKC", character))


def made(text: str, shown: Sequence[str], edits: Sequence[Edit]) -> str:
    """The text with all edits of one file made. Line ends and a missing one at the end stay as they are.

    `shown` has the text's lines with secrets masked. Raises EditRefused.
    """
    lines = _with_ends(text)
    if len(lines) != len(shown):
        raise EditRefused("The file was not shown line by line, so that nobody can say which lines are meant.")
    located = sorted((locate(edit, shown) for edit in edits), key=lambda one: one.start)
    for one, following in pairwise(located):
        if following.start < one.stop:
            raise EditRefused(f"Two edits of {one.edit.path} change the same lines.")
    usual = "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
    for one in reversed(located):
        old = lines[one.start : one.stop]
        new = [] if one.edit.replace == "" else _block(one.edit.replace)
        real = {shown[one.start + place]: body for place, (body, _) in enumerate(old)}
        ends = [end for _, end in old]
        end_of_block = next((end for end in ends if end), usual)
        written = [(real.get(line, line) if is_marked(line) else line, end_of_block) for line in new]
        if written and not ends[-1]:
            # The file ended without a line end, and still does.
            written[-1] = (written[-1][0], "")
        elif not written and not ends[-1] and one.start:
            body, _ = lines[one.start - 1]
            lines[one.start - 1] = (body, "")
        lines[one.start : one.stop] = written
    return "".join(f"{body}{end}" for body, end in lines)


def _with_ends(text: str) -> list[tuple[str, str]]:
    """(the line, its end) for each; the last one has none."""
    found: list[tuple[str, str]] = []
    *ended, last = text.split("\n")
    for body, end in (*((line, "\n") for line in ended), (last, "")):
        # The last CR of a line that LF ends belongs to the LF.
        whole, both = (body[:-1], "\r\n") if end and body.endswith("\r") else (body, end)
        *before, rest = whole.split("\r")
        found += [(part, "\r") for part in before]
        found.append((rest, both))
    return found
