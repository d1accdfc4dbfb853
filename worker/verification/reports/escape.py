"""Show foreign text in Markdown as it is: no markup, no HTML, no broken tables or fences."""

import re  # noqa: TID251  linear: runs of one class
from collections.abc import Iterator

_SPECIAL = re.compile(r"([\\*_\[\]<>#|~`])")


def inline(text: str) -> str:
    """Text on one line. Backticked parts stay code; everything else is escaped."""
    parts = re.split(r"(`[^`\n]+`)", " ".join(text.split()))
    return "".join(
        code(part[1:-1]) if part.startswith("`") and len(part) > 2 else _SPECIAL.sub(r"\\\1", part) for part in parts
    )


def code(text: str) -> str:
    """A code span on one line, safe in a table cell."""
    flat = " ".join(text.split()).replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", flat)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{ticks}{pad}{flat}{pad}{ticks}" if flat else ""


def fence(text: str, language: str = "") -> Iterator[str]:
    """A fenced block, its fence longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    yield f"{ticks}{language}"
    yield text
    yield ticks
