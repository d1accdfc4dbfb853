"""That a thing is nowhere: no file that could hold it holds the words without which it cannot be written.

Words are compared without regard to case, in the form that Python gives identifiers (NFKC, PEP 3131).
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from worker.core.linear import Pattern, escape, pattern
from worker.sources.snapshot import Snapshot
from worker.verification import texts
from worker.verification.static import mentions
from worker.verification.static.topic import Topic
from worker.verification.texts import Text


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
        """The files that could hold the thing. A document for people mentions, and holds nothing but markers."""
        if topic.python:
            return self.python
        if topic.paths and not topic.marks:
            return frozenset(path for path in self.paths if not texts.is_prose(path) or _named(path, topic))
        return self.paths if topic.marks else frozenset(path for path in self.paths if not texts.is_prose(path))

    def holding(self, topic: Topic, paths: Iterable[str]) -> list[str]:
        """Those of `paths` that hold all words of one of the topic's alternatives."""
        return self._with(topic.words, paths, topic.paths)

    def blinding(self, topic: Topic, paths: Iterable[str]) -> list[str]:
        """Those of `paths` in which the topic's silent rules miss cases."""
        return self._with(topic.blind, paths, named=False)

    def _with(self, alternatives: Sequence[tuple[str, ...]], paths: Iterable[str], named: bool) -> list[str]:
        return [path for path in paths if any(self._holds(path, words, named) for words in alternatives)]

    def _holds(self, path: str, words: tuple[str, ...], named: bool) -> bool:
        here = self.words.get(path, frozenset())
        if set(words) <= here:
            return True
        # A module that is handed on under another name may be used where its own name does not stand.
        if len(words) > 1 and {words[0], f"@alias {words[0]}"} <= here:
            return True
        return named and _spells(path, words)


def _named(path: str, topic: Topic) -> bool:
    return any(_spells(path, words) for words in topic.words)


def _spells(path: str, words: Sequence[str]) -> bool:
    """Whether the path itself holds the words."""
    return all(_holds(path.lower(), word, "") for word in words)


def search(snapshot: Snapshot, topics: Sequence[Topic]) -> Occurrences:
    """Look for the words of the topics in every file. Blocking; time linear in the text."""
    alternatives = [(topic, words) for topic in topics for words in (*topic.words, *topic.blind)]
    # What a sentence may forbid in comments and documents too.
    marks = sorted({word for topic, words in alternatives if topic.marks for word in words})
    rest = sorted(
        {word for topic, words in alternatives if not topic.marks for word in words}
        | {f"@alias {words[0]}" for _, words in alternatives if len(words) > 1}
    )
    held: dict[str, frozenset[str]] = {}
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
        held[text.path] = _words(text, marks, rest)
    return Occurrences(held, frozenset(paths), frozenset(python), frozenset(other), frozenset(unreadable))


def _words(text: Text, marks: Sequence[str], rest: Sequence[str]) -> frozenset[str]:
    """The words that stand in the text; of `rest` those that stand in its code."""
    content = _comparable(texts.unescaped(text))
    held = frozenset(word for word in (*marks, *rest) if _holds(content, word, text.path))
    if not held.intersection(rest):
        return held
    sought = held.intersection(rest)
    for draft in (True, False):
        code = mentions.without(text.content or "", text.path, plain(sought), draft=draft)
        content = _comparable(texts.unescaped(Text(text.path, code)))
        left = {word for word in sought if _holds(content, word, text.path)}
        if left == sought:
            return held
    return held.intersection(marks) | left


def plain(words: Iterable[str]) -> set[str]:
    """What has to stand in a text for any of the words to stand there; empty where that cannot be said."""
    stripped = {word.removeprefix("@alias ").strip("*@: ").removesuffix(" *") for word in words}
    return set() if {"print", "import a.b", "import as _"} & stripped else {word.split()[0] for word in stripped}


def _comparable(content: str) -> str:
    return (content if content.isascii() else unicodedata.normalize("NFKC", content)).lower()


def _holds(content: str, word: str, path: str) -> bool:
    if word == "@print":
        # Other languages print by functions of many names.
        if path.lower().endswith((".py", ".pyi")):
            return _holds(content, "print", path) or _holds(content, "pprint", path)
        return any(name in content for name in _PRINTS)
    if word.startswith("@alias "):
        return word[7:] in content and _alias(word[7:]).search(content) is not None
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


def _alias(module: str) -> Pattern:
    """The module as a value, under another name, with all its names, or by its name as a string."""
    name = escape(module)
    return pattern(
        rf"\b{name}\s+as\b|\bfrom\s+{name}\b[\w.]*\s+import\s*[(\\\s]*\*|[=(,:\[]\s*{name}\s*(?:[,)\n\r#;\]]|$)"
        rf"|[\"']{name}[\"']"
    )


def _lines(content: str) -> list[str]:
    """Lines as Python ends them, and as they stand in a string that is code; continued lines are one."""
    joined = content.replace("\r\n", "\n").replace("\r", "\n").replace("\\\n", " ").replace("\\n", "\n")
    return joined.split("\n")


def _bare_except(content: str) -> bool:
    """Lines that begin with `except` and go on with nothing but a colon."""
    return "except" in content and any(
        line.strip().startswith("except") and line.strip()[6:].lstrip().startswith(":")
        for part in _lines(content)
        for line in part.replace("'", ";").replace('"', ";").split(";")
    )


def _star_import(content: str) -> bool:
    """Lines that import and hold a star (or an underscore, Scala's), or any with a path and a star (Rust's)."""
    return any(
        ("*" in line and ("import" in line or "::" in line or "use " in line)) or ("import" in line and "._" in line)
        for line in _lines(content)
    )


def _submodules(content: str) -> bool:
    """A plain import of a submodule: whoever uses its package hides that nobody uses the submodule."""
    return _SUBMODULE.search(content) is not None


def _dummy(content: str) -> bool:
    """An import under a name of underscores, which rules take for one that is not to be used."""
    return _AS_DUMMY.search(content) is not None


_SUBMODULE = pattern(r"(?:^|[;\n\r])[ \t]*import\s[^\n\r#]*\w\s*\.\s*\w")
_AS_DUMMY = pattern(r"\bas\s+_\w*\b|\bimport\s[^\n\r#]*\b_\w*\b")
# Pieces of the names by which languages print.
_PRINTS = (
    "print", "puts", "echo", "console", "cout", "writeline", "log(", "dbg!", "io:format", "write-host", "stdout",
    "say ", "display", "putstr", "disp(",
)  # fmt: skip
_SPECIAL: Mapping[str, Callable[[str], bool]] = {
    "@except:": _bare_except,
    "@import *": _star_import,
    "@import a.b": _submodules,
    "@import as _": _dummy,
}


def lines_with(content: str, words: Iterable[str], path: str) -> list[int]:
    """Numbers of the lines that hold any of the words."""
    wanted = list(words)
    return [
        number
        for number, line in enumerate(content.split("\n"), start=1)
        if any(_holds(line.lower(), word, path) for word in wanted)
    ]
