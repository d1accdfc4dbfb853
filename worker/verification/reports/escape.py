"""Show foreign text in Markdown as it is: no markup, no HTML, no broken tables or fences, and nothing that a forge
makes of plain text once the report is pasted there: no link, no mention, no reference.
"""

import re  # noqa: TID251  linear: runs of one class
from collections.abc import Iterator

from worker.core.telemetry.controls import without_controls

_SPECIAL = re.compile(r"([\\*_\[\]<>#|~`&$])")
# Forges look for these in what was rendered, where a backslash is gone: an empty space between the signs stays.
_LIVE = re.compile(
    r":(?=//)|\bwww(?=\.)|\b(?:mailto|xmpp)(?=:)|@(?=[\w-])|#(?=\w)|[!%&$~](?=\d)|\bGH-(?=\d)", re.IGNORECASE
)
# Seven digits of a commit are a link, six are not.
_COMMIT = re.compile(r"\b[0-9a-f]{7,40}\b", re.IGNORECASE)
_PIECE = re.compile(".{6}(?=.)")
# No text has it: controls are written out before.
_CUT = "\0"
_GAP = "&#8203;"


def _neutral(text: str) -> str:
    """`text`, without controls, in which nothing is markup and nothing becomes a link."""
    apart = _COMMIT.sub(lambda found: found[0] if found[0].isdigit() else _PIECE.sub(rf"\g<0>{_CUT}", found[0]), text)
    apart = _LIVE.sub(rf"\g<0>{_CUT}", apart)
    return _SPECIAL.sub(r"\\\1", apart).replace(_CUT, _GAP)


def inline(text: str) -> str:
    """Text on one line. Backticked parts stay code; everything else is escaped."""
    parts = re.split(r"(`[^`\n]+`)", _flat(text))
    return "".join(code(part[1:-1]) if part.startswith("`") and len(part) > 2 else _neutral(part) for part in parts)


def _flat(text: str) -> str:
    return without_controls(" ".join(text.split()))


def code(text: str) -> str:
    """A code span on one line, safe in a table cell."""
    flat = _flat(text).replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", flat)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{ticks}{pad}{flat}{pad}{ticks}" if flat else ""


def fence(text: str, language: str = "") -> Iterator[str]:
    """A fenced block, its fence longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    yield f"{ticks}{language}"
    yield without_controls(text, keep="\n\t")
    yield ticks
