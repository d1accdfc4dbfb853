"""Which words announce what stands right below them: a list, a table, a block of code."""

import re  # noqa: TID251  bounded: passages.MAX_TEXT, or _MAX_LABEL
from collections.abc import Sequence

from worker.verification.constitution import words
from worker.verification.constitution.sentences import Piece

_SENTENCE_END = re.compile(r"[.!?:;。：；]\W{0,3}$")
_FOLLOWING = re.compile(
    r"\b(?:the following|following|these|below|those)\b|以下|下列|如下|다음"
    r"|\b(?:folgende\w*|diese|siguientes?|estas?|estos"
    r"|seguintes?|suivante?s?|ces|следующ\w+)\b",
    re.IGNORECASE,
)
_STOP = re.compile(r"[.!?。！？][\"'”)*_`]*$")
_LABEL_WORDS = 8
_MAX_LABEL = 500
_BOLD = re.compile(r"\s*\W{0,4}\s*(?:\*\*|__)[^*_]+(?:\*\*|__)\s*")


def is_sentence(text: str) -> bool:
    """Whether `text` ends like a sentence."""
    return _STOP.search(text.strip()[-_MAX_LABEL:]) is not None


def is_lead(text: str) -> bool:
    """Whether `text` ends with a colon."""
    return text.strip().rstrip("*_ ").endswith((":", "："))


def announces(text: str) -> bool:
    """Whether an item's words right above a list are its title: «`src/api/`», a place, a group, a topic."""
    if is_lead(text) or is_title(text):
        return True
    few = len(text) <= _MAX_LABEL and len(text.split()) <= _LABEL_WORDS and not _SENTENCE_END.search(text.strip())
    return few and words.force(text) is words.Force.NONE


def announcing(pieces: Sequence[Piece], text: str) -> int | None:
    """Which piece of a paragraph right above a list or a table speaks of that, if any."""
    if not pieces:
        return None
    if is_lead(text) or is_title(text):
        return len(pieces) - 1
    speaking = (n for n in reversed(range(len(pieces))) if _FOLLOWING.search(pieces[n].text))
    return next((n for n in speaking if words.force(pieces[n].text) is not words.Force.NONE), None)


def is_title(text: str) -> bool:
    """Bold words alone on their line: what people use for a heading."""
    return len(text) <= _MAX_LABEL and _BOLD.fullmatch(text) is not None
