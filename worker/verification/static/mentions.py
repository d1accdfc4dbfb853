"""A file's code without its comments and docstrings, where a word is a mention.

Only where that is exact: the syntax is known, the file has no error, and nothing in it could make a comment code. In
all other files everything stays."""

import io
import tokenize
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from worker.core.linear import pattern
from worker.verification.context import syntax

if TYPE_CHECKING:
    from tree_sitter import Node

_COMMENTS = frozenset({"comment", "line_comment", "block_comment"})
# Comments that tools obey, or that hold code which is run or compiled.
_OBEYED = pattern(
    r"^#!|coding[:=]|\btype:|\bnoqa\b|\bpylint\b|\bpragma\b|@|eslint|webpack|\bvite\b|sourceMappingURL|go:|\+build"
    r"|^//\s*export\b|^///|^//!|^/\*[*!]|>>>"
)
_PREFIXED = pattern(r"\w*[fFbBtT]\w*[\"']")
_CONTINUED = pattern(r"//[^\n]*\\[ \t]*\r?\n")
_MAX_CHARS = 1 << 20


def without(text: str, path: str, words: Collection[str] = (), *, draft: bool = False) -> str:
    """The text with spaces for what only mentions; lines stay where they are.

    Of `words`, in lower case, one has to stand in what is taken out; none given: everything is. A `draft` is quicker
    and may take out too much.
    """
    language = syntax.language_of(path)
    if language is None or len(text) > _MAX_CHARS or _DOUBTFUL[language](text):
        return text
    # Python and others end a line at a lone CR too.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    root = syntax.tree(text, path)
    if root is None or root.has_error:
        return text
    data = bytearray(text.encode())
    mentions = [node for node in _mentions(root, python=language == "python") if _speaks(node, words)]
    agreed = _tokenized(text) if language == "python" and mentions and not draft else None
    for node in mentions:
        if node.type in _COMMENTS and agreed is not None and node.start_point[0] not in agreed:
            continue
        for at in range(node.start_byte, node.end_byte):
            if data[at] != ord("\n"):
                data[at] = ord(" ")
    return data.decode()


def _mentions(root: "Node", *, python: bool) -> Iterator["Node"]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        children = node.children
        if python and node.type in ("module", "block"):
            first = next((child for child in children if child.is_named and child.type != "comment"), None)
            if first is not None and _is_docstring(first):
                yield first
        for child in children:
            if child.type in _COMMENTS:
                if not _OBEYED.search(_text(child)):
                    yield child
            elif child.child_count:
                waiting.append(child)


def _speaks(node: "Node", words: Collection[str]) -> bool:
    text = _text(node).lower()
    # Other letters than ASCII's may be another form of them.
    return not words or not text.isascii() or any(word in text for word in words)


def _is_docstring(node: "Node") -> bool:
    """Whether a first statement is a string and no doctest."""
    if node.type != "expression_statement" or node.child_count != 1 or node.children[0].type != "string":
        return False
    text = _text(node)
    return ">>>" not in text and not _PREFIXED.match(text)


def _text(node: "Node") -> str:
    return (node.text or b"").decode(errors="replace")


def _tokenized(text: str) -> frozenset[int]:
    """Lines, from 0, on which the tokenizer of the standard library sees a comment too."""
    lines = set[int]()
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                lines.add(token.start[0] - 1)
    except (tokenize.TokenError, SyntaxError):
        return frozenset()
    return frozenset(lines)


def _has(*pieces: str) -> Callable[[str], bool]:
    return lambda text: any(piece in text for piece in pieces)


_SCRIPT = _has("<!--", "-->", "\u2028", "\u2029")
_DOUBTFUL: dict[str, Callable[[str], bool]] = {
    "python": _has("__doc__", "\x0c", "\x0b"),
    "javascript": _SCRIPT,
    "typescript": _SCRIPT,
    "tsx": _SCRIPT,
    # What stands before it is C.
    "go": _has('import "C"', '"C"'),
    # Its escapes are letters before anything else is read.
    "java": _has("\\u"),
    "rust": _has("\x0b"),
    "c": lambda text: "??/" in text or _CONTINUED.search(text) is not None,
}
