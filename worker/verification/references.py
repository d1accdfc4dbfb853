"""Numeric references of HTML (`&#101;`) as Python's own readers take them: they fail at a number of 4,300 digits."""

from worker.core.linear import pattern

_ZEROS = pattern(r"&#0+([0-9])")
_BEYOND = pattern(r"&#[0-9]{8,};?")
_UNKNOWN = "\ufffd"


def short(text: str) -> str:
    """The text with the same references, none with more digits than a character has; what is above all is unknown."""
    return _BEYOND.sub(_UNKNOWN, _ZEROS.sub(r"&#\1", text)) if "&#" in text else text
