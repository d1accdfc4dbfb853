"""Words of code and prose: identifiers whole and in their parts, endings cut, fillers left out."""

import re  # noqa: TID251  linear: a match takes what it has read, and looks one letter ahead
from collections import Counter
from functools import lru_cache
from itertools import chain

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_+[A-Za-z0-9]+)*")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_FILLER_WORDS = (
    "a an the and or not no of in on at to for from with by as is are be been was were it its this that these "
    "those must should shall may can will would could never always when where which who what if then else so "
    "than there any all every each some such only into out up do does did has have had but use used using via "
    "per self cls return def var let const function func public private static void null none true false new"
)
_FILLERS = frozenset(_FILLER_WORDS.split())
_MIN = 2
_CUT = 5


def stem(word: str) -> str:
    """Endings off: plurals and the commonest English verb forms. Short words stay."""
    if len(word) > _CUT and word.endswith("ies"):
        return word[:-3] + "y"
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= _CUT - 1 and not word.endswith("ss"):
            cut = word[: -len(ending)]
            return cut[:-1] if len(cut) > _CUT and cut[-1] == cut[-2] and cut[-1] not in "ls" else cut
    return word[:-1] if len(word) > _CUT - 1 and word.endswith("e") else word


@lru_cache(maxsize=1 << 17)
def _of(identifier: str) -> tuple[str, ...]:
    parts = [part.lower() for part in _PART.findall(identifier)]
    whole = ("".join(parts),) if len(parts) > 1 else ()
    return (*whole, *(stem(part) for part in parts if len(part) >= _MIN and part not in _FILLERS))


def words(text: str) -> list[str]:
    """Every occurrence, in order: an identifier of several parts counts as a whole and in its parts."""
    return list(chain.from_iterable(map(_of, _IDENTIFIER.findall(text))))


def counted(text: str) -> Counter[str]:
    """How often each of the `words` occurs."""
    found: Counter[str] = Counter()
    for identifier, times in Counter(_IDENTIFIER.findall(text)).items():
        for word in _of(identifier):
            found[word] += times
    return found


_QUOTED = re.compile(r"`([^`]+)`")
_NAME = re.compile(r"[A-Za-z_]\w+")
_LIKE_CODE = re.compile(r"\b[A-Za-z]*[a-z][A-Z]\w*|\b[A-Z]{2,}[a-z]\w+|\b\w+_\w+|\b\w+(?=\()")


def identifiers(text: str) -> set[str]:
    """What a prose text names as code, in lower case: between backticks, in camel or snake case, or called."""
    quoted = {name for piece in _QUOTED.findall(text) for name in _NAME.findall(piece)}
    return {name.lower() for name in quoted.union(_LIKE_CODE.findall(text))}
