"""Definitions in a file, by tree-sitter: their names and the lines they span.

The recovery from errors of its grammars can take memory with the square of a text, at its very end and between two of
the calls that could stop it: four thousand bytes of `(1+)(1+)` take 300 MB. Where that is too much the parser ends its
process. What is longer than a little is therefore parsed by a child first; a text of which that ends has no tree.
"""

import hashlib
import importlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from worker.isolation.expendable import Expendable

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

_MAX_DEPTH = 8
# Real code takes a step for some twenty bytes, and reads little twice but long comments.
_STEPS, _BYTES_PER_STEP, _STEPS_OF_ERROR = 200, 10, 2
_SECONDS = 2.0
_PIECE = 1024
_PIECES, _READ_AGAIN = 10_000, 30
# Bytes of a text that costs no parser more than this process may lose.
_HARMLESS = 2000
_CHILD_MEMORY, _CHILD_SECONDS = 256 << 20, 5.0
# After so many ends nothing but what is harmless has a tree in this process: each took seconds.
_MOST_ENDS = 20


@dataclass(frozen=True)
class Symbol:
    """Lines count from 1, both inclusive. `depth` 0 is the top of the file."""

    name: str
    start: int
    end: int
    depth: int


@dataclass(frozen=True)
class _Language:
    """`holders` define and may hold further definitions; `leaves` define and are not looked into."""

    module: str
    holders: frozenset[str]
    leaves: frozenset[str]
    function: str = "language"


def _language(module: str, holders: str, leaves: str, function: str = "language") -> _Language:
    return _Language(module, frozenset(holders.split()), frozenset(leaves.split()), function)


_SCRIPT_HOLDERS = "class_declaration abstract_class_declaration interface_declaration internal_module module"
_SCRIPT_LEAVES = (
    "function_declaration generator_function_declaration method_definition type_alias_declaration enum_declaration "
    "variable_declarator public_field_definition"
)
_LANGUAGES = {
    "python": _language("tree_sitter_python", "class_definition", "function_definition"),
    "javascript": _language("tree_sitter_javascript", _SCRIPT_HOLDERS, _SCRIPT_LEAVES),
    "typescript": _language("tree_sitter_typescript", _SCRIPT_HOLDERS, _SCRIPT_LEAVES, "language_typescript"),
    "tsx": _language("tree_sitter_typescript", _SCRIPT_HOLDERS, _SCRIPT_LEAVES, "language_tsx"),
    "go": _language("tree_sitter_go", "", "function_declaration method_declaration type_spec const_spec var_spec"),
    "java": _language(
        "tree_sitter_java",
        "class_declaration interface_declaration enum_declaration record_declaration",
        "method_declaration constructor_declaration",
    ),
    "rust": _language(
        "tree_sitter_rust",
        "impl_item trait_item mod_item",
        "function_item struct_item enum_item type_item const_item static_item macro_definition",
    ),
    "c": _language(
        "tree_sitter_c", "", "function_definition struct_specifier enum_specifier type_definition preproc_def"
    ),
}
_ENDINGS = {
    "py": "python", "pyi": "python", "js": "javascript", "jsx": "javascript", "mjs": "javascript",
    "cjs": "javascript", "ts": "typescript", "mts": "typescript", "cts": "typescript", "tsx": "tsx", "go": "go",
    "java": "java", "rs": "rust", "c": "c", "h": "c",
}  # fmt: skip


def language_of(path: str) -> str | None:
    """The language whose syntax is known here, by the file's ending."""
    return _ENDINGS.get(path.rsplit(".", 1)[-1].lower()) if "." in path else None


@cache
def _parser(language: str) -> "Parser":
    from tree_sitter import Language, Parser

    known = _LANGUAGES[language]
    return Parser(Language(getattr(importlib.import_module(known.module), known.function)()))


class _Bounded:
    """A text for a parser, which is given up where its work outgrows the text: broken code can take time with the
    square of it, in the recovery from errors and in looking ahead. Work is counted, so that the same text always has
    the same tree; time ends only what no counting sees."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._steps = _STEPS + len(text) // _BYTES_PER_STEP
        self._ends = time.thread_time() + _SECONDS
        self._pieces = _PIECES + len(text) * _READ_AGAIN // _PIECE

    def read(self, offset: int, _: object) -> bytes:
        """A piece of the text. The parser asks for it again whenever it goes back; nothing more ends it early."""
        self._pieces -= 1
        if self._pieces <= 0:
            return b""
        end = offset + _PIECE
        # The rest of a letter that is cut in two is asked for at once; a parser that is given nothing then crashes.
        while end < len(self._text) and self._text[end] & 0xC0 == 0x80:
            end += 1
        return self._text[offset:end]

    def done(self) -> None:
        """The tree is there: from now on its nodes ask for their text, as often as they like."""
        self._pieces = sys.maxsize

    def is_too_much(self, _: int, has_error: bool) -> bool:
        """Asked once in a hundred operations of the parser; True ends it. Those after an error take longer."""
        self._steps -= _STEPS_OF_ERROR if has_error else 1
        return self.exceeded or time.thread_time() > self._ends

    @property
    def exceeded(self) -> bool:
        return self._steps <= 0 or self._pieces <= 0


class _Tried:
    """What a child has said of the texts that it parsed; None for those of which it ended."""

    def __init__(self) -> None:
        self._child = Expendable(_symbols_of, memory=_CHILD_MEMORY, seconds=_CHILD_SECONDS)
        self._symbols: dict[bytes, list[Symbol] | None] = {}
        self._ends = 0

    def symbols(self, text: bytes, language: str) -> list[Symbol] | None:
        question = language.encode() + b"\n" + text
        key = hashlib.sha256(question).digest()
        if key not in self._symbols:
            try:
                self._symbols[key] = self._ask(question)
            except OSError:
                # No process is to be had now; that says nothing of the text.
                return None
        return self._symbols[key]

    def _ask(self, question: bytes) -> list[Symbol] | None:
        if self._ends >= _MOST_ENDS:
            return None
        answer = self._child.ask(question)
        if answer is None:
            self._ends += 1
            return None
        return [Symbol(*row) for row in json.loads(answer)]


@cache
def _tried() -> _Tried:
    return _Tried()


def tree(text: str, path: str) -> "Node | None":
    """The root of the file's syntax tree, or None for a language that is not known, or that takes too much."""
    language = language_of(path)
    if language is None:
        return None
    content = text.encode(errors="replace")
    if len(content) > _HARMLESS and _tried().symbols(content, language) is None:
        return None
    return _parsed(content, language)


def _parsed(content: bytes, language: str) -> "Node | None":
    parser = _parser(language)
    bounded = _Bounded(content)
    try:
        root = parser.parse(bounded.read, progress_callback=bounded.is_too_much).root_node
    except ValueError:
        # Else the next parse would go on with this one.
        parser.reset()
        return None
    if bounded.exceeded:
        return None
    bounded.done()
    return root


def symbols(text: str, path: str) -> list[Symbol]:
    """Definitions in the order of the file; none for a language that is not known. Broken code gives what it has."""
    language = language_of(path)
    if language is None:
        return []
    content = text.encode(errors="replace")
    if len(content) > _HARMLESS:
        return _tried().symbols(content, language) or []
    return _symbols(content, language)


def _symbols(content: bytes, language: str) -> list[Symbol]:
    root = _parsed(content, language)
    return [] if root is None else list(_walk(root, _LANGUAGES[language], tree_depth=0, depth=0))


def _symbols_of(question: bytes) -> bytes:
    """In the child: the language and the text in, their symbols out."""
    language, _, content = question.partition(b"\n")
    found = _symbols(content, language.decode())
    return json.dumps([(symbol.name, symbol.start, symbol.end, symbol.depth) for symbol in found]).encode()


def _walk(node: "Node", known: _Language, *, tree_depth: int, depth: int) -> Iterator[Symbol]:
    if tree_depth > _MAX_DEPTH:
        return
    for child in node.named_children:
        holder = child.type in known.holders
        if holder or child.type in known.leaves:
            name = _name(child)
            if name:
                yield Symbol(name, child.start_point[0] + 1, child.end_point[0] + 1, depth)
            if holder:
                yield from _walk(child, known, tree_depth=tree_depth + 1, depth=depth + 1)
        elif "function" not in child.type or tree_depth == 0:
            yield from _walk(child, known, tree_depth=tree_depth + 1, depth=depth)


def _name(node: "Node") -> str | None:
    """The `name` field, the innermost declarator of C, or the type of a Rust `impl`."""
    for field in ("name", "declarator", "type"):
        found = node.child_by_field_name(field)
        while found is not None and (inner := found.child_by_field_name("declarator")) is not None:
            found = inner
        if found is not None and found.text is not None and "\n" not in (name := found.text.decode(errors="replace")):
            return name
    return None
