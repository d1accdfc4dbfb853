"""Characters that would do something to a terminal, or to the order of a line, instead of standing there."""

import re  # noqa: TID251  linear: one class

# C0, DEL and C1; marks that turn the direction of writing; ends of lines that are not line feeds; surrogates.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def without_controls(text: str, *, keep: str = "") -> str:
    r"""The text with such characters written out, as `\x1b`; those in `keep` stay."""
    return _CONTROLS.sub(lambda found: found[0] if found[0] in keep else _written(found[0]), text)


def _written(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
