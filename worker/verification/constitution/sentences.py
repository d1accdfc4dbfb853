"""A paragraph in its pieces: the entries of a list that has no Markdown, otherwise sentences.

An entry begins with a cross, a tick, a bullet, the number of a clause («2.4 No bare except»), or a bold label."""

import re  # noqa: TID251  linear: a paragraph once, each run after the sign that ends a sentence
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from worker.verification.constitution import shapes


@dataclass(frozen=True)
class Piece:
    """`line` counts from the paragraph's first, 0. `shares`: the next piece begins on the line where this one ends."""

    text: str
    line: int
    entry: bool = False
    shares: bool = False


_END = re.compile(r"(?<=[.!?])[\"'”)*_]*\s+(?=[A-ZÀ-ÞА-Я`*_\"'(«“\d])|(?<=[。！？])")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|incl|z\.B|d\.h|p\.ej)\.|\b[A-Z]\.)[\"'”)*_]*\s+$")
_LONGEST_ABBREVIATION = 20
_MAX_SENTENCE = 2000
_MARK = re.compile(
    r"\s*(?:[❌✗✘🚫⛔✅✓✔☑•‣▪◦●]\s*\S|(?:\*\*|__)[^*_\n]{1,80}(?:[:：](?:\*\*|__)|(?:\*\*|__)\s*[:：])\s*\S)"
)
_CLAUSE = re.compile(
    r"\s*(?:\d{1,3}(?:\.\d{1,3})+[.):]?|§\s*\d+(?:\.\d+)*[.):]?|\([a-z\d]{1,3}\)|[A-Z]{1,8}-?\d{1,4}[.:)]"
    r"|(?:Art(?:icle|\.|ículo|igo|ikel)?|Rule|Regel|Regla|Regra|Règle|Law|Principle|Invariant|Правило)\s*\d+[.:)]?)"
    r"\s+(?:[—–-]\s+)?\S",
    re.IGNORECASE,
)


def of_paragraph(text: str) -> list[Piece]:
    """The pieces of a paragraph whose lines may be broken."""
    lines = text.split("\n")
    begins = [n for n, line in enumerate(lines) if _begins(line, lines[n - 1] if n else "")]
    if not begins:
        # One who explains does so to the end of the paragraph.
        if shapes.gives_a_reason(text):
            return [Piece(" ".join(text.split()), _blank(lines))]
        return _sentences(text, 0)
    pieces = _sentences("\n".join(lines[: begins[0]]), 0)
    for begin, end in zip(begins, [*begins[1:], len(lines)], strict=True):
        pieces.append(Piece(" ".join(" ".join(lines[begin:end]).split()), begin, entry=True))
    return pieces


def _begins(line: str, before: str) -> bool:
    if _MARK.match(line):
        return True
    # A number at the beginning of a line may have got there by wrapping.
    return _CLAUSE.match(line) is not None and (not before.strip() or before.rstrip()[-1] in ".:;!?。：；")


def _blank(lines: list[str]) -> int:
    return next((n for n, line in enumerate(lines) if line.strip()), 0)


def _sentences(text: str, first: int) -> list[Piece]:
    pieces: list[Piece] = []
    start, line = 0, first
    for begin, after in [*_ends(text), (len(text), len(text))]:
        piece = text[start:begin]
        flat = " ".join(piece.split())
        lead = piece[: len(piece) - len(piece.lstrip())].count("\n")
        shares = after < len(text) and "\n" not in text[begin:after]
        *first_ones, last = cut(flat, _MAX_SENTENCE)
        pieces += [Piece(part, line + lead, shares=True) for part in first_ones if part]
        if last:
            pieces.append(Piece(last, line + lead, shares=shares))
        line += text[start:after].count("\n")
        start = after
    return pieces


def _ends(text: str) -> list[tuple[int, int]]:
    return [
        (match.start(), match.end())
        for match in _END.finditer(text)
        if not _ABBREVIATION.search(text[max(0, match.start() - _LONGEST_ABBREVIATION) : match.end()])
    ]


def cut(text: str, size: int) -> list[str]:
    """A text on one line in pieces of at most that many characters, cut between words where it has any."""
    pieces = []
    while len(text) > size:
        at = text.rfind(" ", size // 2, size) + 1 or size
        pieces.append(text[:at].strip())
        text = text[at:]
    return [*pieces, text]


def last_lines(pieces: Sequence[Piece], first: int, end: int) -> Iterator[int]:
    """The last line of each piece of a text that stands in the lines from `first` to `end`."""
    for piece, following in pairwise(pieces):
        yield max(first + piece.line, first + following.line - (not piece.shares))
    if pieces:
        yield max(first + pieces[-1].line, end)
