"""Where a Python statement ends that begins on a given line."""

import tokenize
from collections.abc import Sequence

_MAX_LINES = 400


def end(lines: Sequence[str], start: int) -> int:
    """The last line of the statement that begins on line `start`, both from 1; `start` where it cannot be told."""
    rows = iter(
        [line.strip() if number == 0 else line for number, line in enumerate(lines[start - 1 : start - 1 + _MAX_LINES])]
    )
    try:
        for token in tokenize.generate_tokens(lambda: f"{row}\n" if (row := next(rows, None)) is not None else ""):
            if token.type == tokenize.NEWLINE:
                return start + token.start[0] - 1
    except (tokenize.TokenError, SyntaxError):
        pass
    return start
