"""That a thing is nowhere: no file that could hold it holds the words without which it cannot be written.

Words are compared without regard to case, in the form that Python gives identifiers (NFKC, PEP 3131).
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from worker.sources.snapshot import Snapshot
from worker.verification import texts
from worker.verification.static.topics import Topic
from worker.verification.texts import Text


@dataclass(frozen=True)
class Place:
    """A line where a word of the thing stands; it may be the thing or a mention of it."""

    path: str
    line: int


@dataclass(frozen=True)
class Occurrences:
    """Per path, the words of the topics that stand in it. `paths` are all that were read; `python` and `other_code`
    those that may hold Python, or code in another language; `unreadable` those that nobody can read."""

    words: Mapping[str, frozenset[str]]
    paths: frozenset[str]
    python: frozenset[str]
    other_code: frozenset[str]
    unreadable: frozenset[str]

    def domain(self, topic: Topic) -> frozenset[str]:
        """The files that could hold the thing. A document for people mentions, and holds nothing."""
        return self.python if topic.python else frozenset(path for path in self.paths if not texts.is_prose(path))

    def holding(self, topic: Topic, paths: Iterable[str]) -> list[str]:
        """Those of `paths` that hold all words of one of the topic's alternatives."""
        return [path for path in paths if any(set(words) <= self.words.get(path, frozenset()) for words in topic.words)]


def search(snapshot: Snapshot, topics: Sequence[Topic]) -> Occurrences:
    """Look for the words of the topics in every file. Blocking; time linear in the text."""
    wanted = sorted({word for topic in topics for words in topic.words for word in words})
    found: dict[str, frozenset[str]] = {}
    paths, python, other, unreadable = set(), set(), set(), set()
    for text in texts.read(snapshot):
        paths.add(text.path)
        if texts.may_be_python(text.path, text.content):
            python.add(text.path)
        if texts.is_other_code(text.path, text.content):
            other.add(text.path)
        if text.content is None:
            unreadable.add(text.path)
            continue
        content = _comparable(text)
        found[text.path] = frozenset(word for word in wanted if _holds(content, word, text.path))
    return Occurrences(found, frozenset(paths), frozenset(python), frozenset(other), frozenset(unreadable))


def _comparable(text: Text) -> str:
    content = texts.unescaped(text)
    return (content if content.isascii() else unicodedata.normalize("NFKC", content)).lower()


def _holds(content: str, word: str, path: str) -> bool:
    if word == "@print":
        # Other languages print by functions of many names.
        return _holds(content, "print", path) if path.endswith((".py", ".pyi")) else any(w in content for w in _PRINTS)
    if word in _SPECIAL:
        return _SPECIAL[word](content)
    if word.startswith("*"):
        return word.strip("*") in content
    start = content.find(word)
    while start >= 0:
        end = start + len(word)
        if not _in_name(content[start - 1 : start]) and not _in_name(content[end : end + 1]):
            return True
        start = content.find(word, end)
    return False


def _in_name(character: str) -> bool:
    return character == "_" or character.isalnum()


def _bare_except(content: str) -> bool:
    """Lines that begin with `except` and go on with nothing but a colon, or with the next line."""
    return "except" in content and any(
        rest.startswith((":", "\\"))
        for line in content.replace("\r", "\n").replace(";", "\n").split("\n")
        if (bare := line.strip()).startswith("except") and (rest := bare[6:].lstrip()) is not None
    )


def _star_import(content: str) -> bool:
    """Lines that import and hold a star, or any with a path and a star (Rust's `use a::*`)."""
    if "*" not in content:
        return False
    joined = content.replace("\\\n", " ").replace("\\\r\n", " ")
    return any("*" in line and ("import" in line or "::" in line or "use " in line) for line in joined.splitlines())


_PRINTS = ("print", "puts", "echo", "console", "cout", "writeline", "log(")
_SPECIAL: Mapping[str, Callable[[str], bool]] = {"@except:": _bare_except, "@import *": _star_import}


def lines_with(content: str, words: Iterable[str], path: str) -> list[int]:
    """Numbers of the lines that hold any of the words."""
    wanted = list(words)
    return [
        number
        for number, line in enumerate(content.split("\n"), start=1)
        if any(_holds(line.lower(), word, path) for word in wanted)
    ]
