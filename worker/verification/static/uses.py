"""Calls of a function by its very name, by syntax alone, where the name cannot mean anything else.

`console.log` is called where it is written so, `console` is bound to nothing in the file, and no file of the language
defines it; a name that may be the project's own is no use of what a constitution names. In strings, comments, macros
and broken code nothing is seen: this finds, and never says that there is nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.analyzers import finding as findings
from worker.analyzers.finding import Finding
from worker.core.linear import escape, pattern
from worker.core.vocabulary import Category, Severity
from worker.verification.context import syntax
from worker.verification.static import certain
from worker.verification.static.certain import Code

if TYPE_CHECKING:
    from tree_sitter import Node

_MAX_CHARS = 1 << 20
_CALLS = frozenset({"call", "call_expression", "method_invocation"})
_NAMES = frozenset({"identifier", "type_identifier", "package_identifier", "shorthand_property_identifier_pattern"})
_OBJECTS = {
    "attribute": "object",
    "member_expression": "object",
    "selector_expression": "operand",
    "field_access": "object",
    "method_invocation": "object",
}
_PLAIN = pattern(r"^[A-Za-z_$][\w$]*(?:(?:\.|::)[A-Za-z_$][\w$]*)*$")
_GO_IMPORT = pattern(r'(?m)^\s*(?:import\s+)?"((?:[a-z0-9]+/)*([a-z0-9]+))"\s*(?://.*)?$')
_GO_DOT = pattern(r'(?m)^\s*(?:import\s+)?\.\s+"')
_STAR = pattern(r"import\s*[(\\\s]*\*")
_PRINTING = pattern(r"(?i)print|log|console|dbg|stdout")
_RUN = pattern(r"^#!|\bprocess\.(?:argv|exit)\b|\bos\.Args\b|\bflag\.Parse\b|\bvoid main\s*\(|\bfn main\s*\(")
_CONFIGURES = pattern(r"\.config\.\w+$|(?:^|/)(?:config|build|server|index)\.(?:js|ts|mjs|cjs|rs)$")


@dataclass(frozen=True)
class Name:
    """A function as a constitution writes it: `path` with dots, `method` with brackets alone, `macro` with a mark."""

    path: str
    brackets: bool = False
    macro: bool = False

    @property
    def parts(self) -> list[str]:
        return self.path.replace("::", ".").split(".")

    @property
    def dotted(self) -> bool:
        return len(self.parts) > 1


def find(name: Name, code: Code) -> list[Finding]:
    """Every place where it is surely called, with its quote."""
    if not _PLAIN.match(name.path):
        return []
    by_language: dict[str, list[tuple[str, Node]]] = {}
    for path, text in code.texts.items():
        language = syntax.language_of(path)
        if (
            language is None
            or len(text) > _MAX_CHARS
            or not all(part in text for part in (name.parts[0], name.parts[-1]))
        ):
            continue
        root = syntax.tree(text.replace("\r\n", "\n").replace("\r", "\n"), path)
        if root is not None:
            # JavaScript's and TypeScript's files know each other's functions.
            family = "script" if language in ("javascript", "typescript", "tsx") else language
            by_language.setdefault(family, []).append((path, root))
    places = [
        (path, node)
        for language, files in by_language.items()
        if not _defined(name, language, files, code)
        for path, root in files
        if _looked_at(path, name, code.text(path)) and _means_it(name, language, root, code.text(path))
        for node in _calls(name, language, root)
    ]
    return findings.resolve((_finding(name, path, node) for path, node in places), code.snapshot)


def _finding(name: Name, path: str, node: "Node") -> Finding:
    line = node.start_point[0] + 1
    return Finding(
        "syntax", "call", Category.FUNCTIONALITY, Severity.MEDIUM, 1.0, f"`{name.path}` is called", path, line, line
    )


def _looked_at(path: str, name: Name, text: str) -> bool:
    aside = certain.ASIDE.search(path) or _CONFIGURES.search(path)
    prints = _PRINTING.search(name.path) and (certain.PRINTER.search(path) or _RUN.search(text))
    return certain.ours(path) and not aside and not prints


def _walk(root: "Node") -> Iterator["Node"]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.type == "ERROR" or _is_dead(node) or _is_test(node):
            continue
        yield node
        waiting += reversed(node.children)


def _is_dead(node: "Node") -> bool:
    """C's `#if 0`."""
    condition = node.child_by_field_name("condition") if node.type == "preproc_if" else None
    return condition is not None and condition.text == b"0"


def _is_test(node: "Node") -> bool:
    """Rust's inline tests: what stands below an attribute that speaks of tests."""
    if node.type not in ("mod_item", "function_item", "impl_item"):
        return False
    before = node.prev_named_sibling
    while before is not None and before.type in ("attribute_item", "line_comment", "block_comment"):
        if before.type == "attribute_item" and b"test" in (before.text or b""):
            return True
        before = before.prev_named_sibling
    return False


def _calls(name: Name, language: str, root: "Node") -> Iterator["Node"]:
    for node in _walk(root):
        if name.macro:
            macro = node.child_by_field_name("macro") if node.type == "macro_invocation" else None
            if macro is not None and _text(macro) == name.path:
                yield node
        elif node.type in _CALLS and _called(node, language) == _wanted(name, language):
            yield node


def _wanted(name: Name, language: str) -> str:
    # In Rust a name with brackets alone is a method: `x.unwrap()`.
    return f".{name.path}" if language == "rust" and name.brackets and not name.dotted else name.path


def _called(node: "Node", language: str) -> str | None:
    """The path that a call calls, a method of anything in Rust with a dot before it."""
    if language == "java":
        on, method = node.child_by_field_name("object"), node.child_by_field_name("name")
        return None if on is None or method is None else f"{_text(on)}.{_text(method)}"
    function = node.child_by_field_name("function")
    if function is None:
        return None
    if language == "rust" and function.type == "field_expression":
        field = function.child_by_field_name("field")
        return None if field is None else f".{_text(field)}"
    return _text(function)


def _text(node: "Node") -> str:
    return "".join((node.text or b"").decode(errors="replace").split())


def _defined(name: Name, language: str, files: list[tuple[str, "Node"]], code: Code) -> bool:
    """Whether a file of the language may define the function, or what it belongs to."""
    root, last = name.parts[0], name.parts[-1]
    if name.dotted:
        own = pattern(rf"(?:^|/){escape(root)}(?:\.\w+|/.*)$")
        if any(own.search(path) for path in code.texts):
            return True
        return any(symbol.name == root for path, _ in files for symbol in syntax.symbols(code.text(path), path))
    if language == "java" or (language == "rust" and not (name.brackets or name.macro)):
        # A call without an object is one of the class's own, or of a function of this crate.
        return True
    words = pattern(
        rf"\b(?:fn|func|def|function|macro_rules!|define|class|struct|type)\s+(?:\([^)]*\)\s*)?{escape(last)}\b"
    )
    return any(words.search(code.text(path)) for path, _ in files) or (
        language != "rust" and any(_bound(last, root_) for _, root_ in files)
    )


def _bound(name: str, root: "Node") -> bool:
    """Whether the name stands for anything but the function of a call."""
    for node, parent, _ in _everything(root):
        named = node.type in _NAMES and node.child_count == 0 and (node.text or b"").decode(errors="replace") == name
        if named and (parent is None or parent.type not in _CALLS or parent.child_by_field_name("function") != node):
            return True
    return False


def _means_it(name: Name, language: str, root: "Node", text: str) -> bool:
    """Whether the first part of the name is in this file what everybody takes it for."""
    if language == "python" and _STAR.search(text):
        return False
    if language == "go" and _GO_DOT.search(text):
        return False
    if not name.dotted:
        return True
    first = name.parts[0]
    if language == "go" and sum(match[2] == first for match in _GO_IMPORT.finditer(text)) != 1:
        return False
    if language == "python" and not pattern(rf"(?m)^\s*import\s+{escape(first)}\s*(?:#.*)?$").search(text):
        return False
    if language in ("rust", "c"):
        return False
    for node, parent, holder in _everything(root):
        if node.type in _NAMES and node.child_count == 0 and (node.text or b"").decode(errors="replace") == first:
            dotted = parent is not None and parent.type == "dotted_name"
            if dotted and holder is not None and holder.type == "import_statement":
                continue
            field = _OBJECTS.get(parent.type) if parent is not None else None
            if parent is None or field is None or parent.child_by_field_name(field) != node:
                return False
    return True


def _everything(root: "Node") -> Iterator[tuple["Node", "Node | None", "Node | None"]]:
    """Every node with what it stands in, and what that stands in: a node finds its parent by a walk from the root."""
    waiting: list[tuple[Node, Node | None, Node | None]] = [(root, None, None)]
    while waiting:
        node, parent, holder = waiting.pop()
        yield node, parent, holder
        waiting += [(child, node, parent) for child in node.children]
