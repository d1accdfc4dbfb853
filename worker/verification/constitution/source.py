"""A constitution's text beside its Markdown: its characters, its front matter, lines that the parser passes over."""

import re  # noqa: TID251  linear: from the beginning of a line, runs that a sign divides

from worker.verification.constitution import words

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_YAML_LINE = re.compile(r"^\s*(?:[\w.-]+\s*:(?:\s.*)?|- .*|#.*|)$")
_LINK_DEFINITION = re.compile(r"^\s{0,3}\[[^\]\n]+\]:\s*\S+(?:\s+[\"'(].*)?\s*$")
_UNPARSED = re.compile(r"^[\s>]*(?:(?:[-*+]|\d{1,9}[.)])\s+)*")


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


def written(line: str) -> str | None:
    """The words of a line that the parser keeps nothing of, None where it is markup alone."""
    text = " ".join(line.split())
    bare = _UNPARSED.sub("", text)
    if _LINK_DEFINITION.match(line) or not any(character.isalnum() for character in bare) or text[0] in "<[":
        return None
    return bare


def is_list(content: str) -> bool:
    """Whether what Markdown takes for code holds a list of rules that somebody indented too far."""
    lines = [line.strip() for line in content.split("\n")]
    return any(len(bare) < len(line) and words.requires(bare) for line in lines if (bare := _UNPARSED.sub("", line)))
