"""Which labels lie in which passages of a reading: both are places in the same text, compared word by word.

A label's own words are its quote; what follows, up to the next label or its last line, belongs to it too. A passage's
words are looked for in its lines. So several labels may lie in one criterion, and several criteria in one label.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from invariant.bench.decisions.cases import Label
from worker.verification.constitution.criteria import Criterion
from worker.verification.constitution.reading import Fate, Line, Reading

# Markdown's marks are no words, and what is one word in the text may be several in a reading, so `_` divides as well;
# in scripts without spaces every character is a word.
_WORD = re.compile(r"[⺀-鿿぀-ヿ가-힯]|[^\W_⺀-鿿぀-ヿ가-힯]+")
_ENOUGH = 3
"""Words that a label and a passage must share; fewer where either has fewer."""


Places = frozenset[int]
"""Indices of words."""


@dataclass(frozen=True)
class Match:
    """`passages`: per label the indices of the reading's lines that hold its quote. `labels`: per criterion's key the
    indices of the labels in it. `unaccounted`: numbers of lines that are not blank and in no line of the reading."""

    passages: tuple[tuple[int, ...], ...]
    labels: dict[str, tuple[int, ...]]
    unaccounted: tuple[int, ...]


def match(constitution: str, labels: Sequence[Label], reading: Reading) -> Match:
    """Bring labels and reading together."""
    text = _Text(constitution)
    quotes = _quotes(text, labels)
    wholes = _wholes(text, labels, quotes)
    passages = _passages(text, reading.lines)
    by_criterion = {}
    for criterion in reading.criteria:
        own, leads = _places(criterion, reading.lines, passages)
        # What stands around a quote, and the title or the lead above, speak where no quote is in the criterion itself.
        by_criterion[criterion.key] = _within(quotes, own) or _within(wholes, own) or _within(quotes, leads)
    return Match(
        tuple(_within(passages, [quote]) for quote in quotes), by_criterion, _unaccounted(constitution, reading)
    )


def _places(
    criterion: Criterion, lines: Sequence[Line], passages: Sequence[Places]
) -> tuple[list[Places], list[Places]]:
    """The passages that a criterion was made of, and those of titles and leads above it that became part of it."""
    own: list[Places] = []
    leads: list[Places] = []
    for line, passage in zip(lines, passages, strict=True):
        if criterion.key in line.keys:
            (leads if line.fate is Fate.PART and line.line < criterion.line else own).append(passage)
    return own, leads


def _within(candidates: Sequence[Places], places: Sequence[Places]) -> tuple[int, ...]:
    """Indices of the candidates that share enough words with one of the places."""
    return tuple(i for i, candidate in enumerate(candidates) if any(_share(candidate, place) for place in places))


def _unaccounted(constitution: str, reading: Reading) -> tuple[int, ...]:
    held = {number for line in reading.lines for number in range(line.line, line.end_line + 1)}
    lines = constitution.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return tuple(number for number, line in enumerate(lines, start=1) if line.strip() and number not in held)


class _Text:
    """The constitution's words, each with its line; a place is an index of a word."""

    def __init__(self, text: str) -> None:
        self.words: list[str] = []
        self._starts = [0]
        for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
            self.words += _words(line)
            self._starts.append(len(self.words))

    def span(self, first: int, last: int) -> range:
        """The words of these lines, both inclusive."""
        end = len(self._starts) - 1
        return range(self._starts[min(max(first - 1, 0), end)], self._starts[min(max(last, 0), end)])


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _quotes(text: _Text, labels: Sequence[Label]) -> list[Places]:
    """Where each label's quote stands; without one that stands there, its whole lines."""
    places = []
    after = 0
    for label in labels:
        span = text.span(label.line, label.last)
        wanted = _words(label.quote)
        # Two labels of one line may quote the same words: the later one stands later.
        starts = [
            start
            for start in range(span.start, span.stop - len(wanted) + 1)
            if wanted and text.words[start : start + len(wanted)] == wanted
        ]
        start = next((start for start in starts if start >= after), starts[0] if starts else None)
        if start is None:
            places.append(frozenset(span))
            continue
        after = start + 1
        places.append(frozenset(range(start, start + len(wanted))))
    return places


def _wholes(text: _Text, labels: Sequence[Label], quotes: Sequence[Places]) -> list[Places]:
    """From each label's quote to the next one's, within the label's lines."""
    starts = [min(quote, default=0) for quote in quotes]
    wholes = []
    for label, quote, start in zip(labels, quotes, starts, strict=True):
        end = min((other for other in starts if other > start), default=len(text.words))
        stop = text.span(label.line, label.last).stop
        wholes.append(quote | frozenset(range(start, min(end, stop))))
    return wholes


def _passages(text: _Text, lines: Sequence[Line]) -> list[Places]:
    """Where the words of each line of the reading stand. Sentences that share a line follow one another."""
    taken: set[int] = set()
    passages = []
    for line in lines:
        places = [place for place in text.span(line.line, line.end_line) if place not in taken]
        # The reading leaves out addresses of links and what Markdown hides, so that not every word is there.
        matcher = SequenceMatcher(None, [text.words[place] for place in places], _words(line.text), autojunk=False)
        passage = {
            places[place] for block in matcher.get_matching_blocks() for place in range(block.a, block.a + block.size)
        }
        taken |= passage
        passages.append(frozenset(passage))
    return passages


def _share(some: Places, others: Places) -> bool:
    return bool(some and others) and len(some & others) >= min(_ENOUGH, len(some), len(others))
