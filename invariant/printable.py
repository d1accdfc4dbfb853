"""Text of strangers for a terminal: it is shown, and moves no cursor, sets no title and makes no link."""

import re
from typing import Any

from rich.console import Console
from rich.text import Text

# C0 but tab and line feed, DEL and C1; marks that turn the direction of writing; halves of surrogate pairs.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SHOWN = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """The text with a visible mark for each character that would do something instead of standing there."""
    return _CONTROLS.sub(_SHOWN, text.replace("\r\n", "\n"))


def cleaned(value: Any) -> Any:
    """The same for every text in a JSON value, keys included."""
    match value:
        case str():
            return printable(value)
        case dict():
            return {cleaned(key): cleaned(item) for key, item in value.items()}
        case list() | tuple():
            return [cleaned(item) for item in value]
        case _:
            return value


def say(console: Console, message: str) -> None:
    """A message as it is: neither markup nor figures in it are anything but text, and no word of it is cut."""
    console.print(Text(printable(message)), soft_wrap=True)
