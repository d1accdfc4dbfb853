"""Whether two sentences say the same: their words, and apart from them what must not differ."""

import re  # noqa: TID251  linear: runs of one class, code between its ends
from dataclasses import dataclass

from worker.verification.constitution import words as requirement
from worker.verification.context.words import words

_SAME = 0.8
_COVERED = 0.6
_WORD = re.compile(r"[^\W\d_]+")
_WITHOUT_SPACES = re.compile(r"[⺀-鿿぀-ヿ]")


def plain(text: str) -> str:
    """The words alone: without case, punctuation and Markdown."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def counted(text: str) -> int:
    """How many words; of scripts without spaces each character is one."""
    return len(re.findall(r"\w+", _WITHOUT_SPACES.sub(r" \g<0> ", text)))


@dataclass(frozen=True)
class Meaning:
    """Words of a statement, and apart from them what must not differ: numbers, code, and whether it forbids."""

    bag: frozenset[str]
    exact: frozenset[str]
    forbids: bool

    @classmethod
    def of(cls, statement: str) -> "Meaning":
        exact = frozenset([*re.findall(r"\d+", statement), *map(_code, re.findall(r"`([^`]+)`", statement))])
        return cls(_bag(statement), exact, requirement.negations(statement) > 0)

    def alike(self, other: "Meaning") -> bool:
        """Whether nearly all words are the same."""
        return bool(self.bag) and len(self.bag & other.bag) >= _SAME * len(self.bag | other.bag)

    def same_as(self, other: "Meaning") -> bool:
        """Whether both say the same."""
        return self.alike(other) and self.exact == other.exact and self.forbids == other.forbids

    def covered_by(self, other: "Meaning") -> bool:
        """Whether most of its words are in the other, and all that must not differ."""
        most = bool(self.bag) and len(self.bag & other.bag) >= _COVERED * len(self.bag)
        return most and self.exact <= other.exact and self.forbids == other.forbids


def _bag(text: str) -> frozenset[str]:
    """Words of all scripts; of those without spaces their characters by pairs."""
    other = [word for word in _WORD.findall(text.casefold()) if not word.isascii()]
    pairs = [word[n : n + 2] for word in other if _WITHOUT_SPACES.search(word) for n in range(max(1, len(word) - 1))]
    return frozenset([*words(text), *(word for word in other if not _WITHOUT_SPACES.search(word)), *pairs])


def _code(name: str) -> str:
    return name.strip().removesuffix("()").removesuffix("(").rstrip("/").casefold()
