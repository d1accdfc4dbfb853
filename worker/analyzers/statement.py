"""Where a Python statement ends that begins on a given line."""

import tokenize
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

_MAX_LINES = 400
_MAX_CHARS = 10_000
_MAX_LINE = 500


def end(lines: Sequence[str], start: int) -> int:
    """The last line of the statement that begins on line `start`, both from 1; `start` where it cannot be told."""
    # Its own indentation would be an error of the language.
    rows = _bounded(chain([lines[start - 1].strip()], islice(lines, start, start + _MAX_LINES)))
    try:
        for token in tokenize.generate_tokens(lambda: f"{row}\n" if (row := next(rows, None)) is not None else ""):
            if token.type == tokenize.NEWLINE:
                return start + token.start[0] - 1
    except (tokenize.TokenError, SyntaxError):
        pass
    return start


def _bounded(rows: Iterable[str]) -> Iterator[str]:
    """The rows, as far as anybody would read them: the tokenizer takes time with the square of a broken line."""
    left = _MAX_CHARS
    for row in rows:
        if len(row) > min(left, _MAX_LINE):
            return
        left -= len(row)
        yield row
