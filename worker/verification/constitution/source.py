"""A constitution's text before its Markdown is read: its characters, its lines, its front matter."""

import re

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_YAML_LINE = re.compile(r"^\s*(?:[\w.-]+\s*:(?:\s.*)?|- .*|#.*|)$")


def normalized(text: str) -> str:
    """The text with one kind of line break, and without characters that nobody sees. Its lines stay as many."""
    return _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " "))


def front_matter(lines: list[str]) -> int:
    """How many lines of YAML front matter begin the text; 0 without any."""
    if len(lines) < 2 or not re.match(r"[\w.-]+\s*:", lines[1]):
        return 0
    match = _FRONT_MATTER.match("\n".join(lines))
    if match is None or not all(_YAML_LINE.match(line) for line in match[1].split("\n")):
        return 0
    return match[0].rstrip("\n").count("\n") + 1
