"""What the grammar says of a file: whether it reads at all, what surrounds a line, what others can call.

For Python, by its own parser; JSON and TOML are read by theirs. Of other languages nothing is said.
"""

import ast
import json
import tomllib
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache

_MAX_CHARS = 1 << 20
_NEAR = 5
_MAX_REACH = 400

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@lru_cache(maxsize=64)
def _parsed(text: str) -> ast.Module | None:
    if len(text) > _MAX_CHARS:
        return None
    with warnings.catch_warnings():
        # What the parser thinks of a stranger's escapes is nobody's concern here.
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def reads(path: str, text: str) -> bool | None:
    """Whether the text is what its name says; None where nobody here can tell."""
    if path.endswith((".py", ".pyi")):
        return _parsed(text) is not None
    readers = {".json": json.loads, ".toml": tomllib.loads}
    for ending, read in readers.items():
        if path.endswith(ending):
            try:
                read(text)
            except (ValueError, RecursionError):
                return False
            return True
    return None


def _definitions(tree: ast.AST) -> Iterator[_Definition]:
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, _Definition):
            yield node
        stack.extend(ast.iter_child_nodes(node))


def _extent(node: _Definition) -> tuple[int, int]:
    return min([node.lineno, *(one.lineno for one in node.decorator_list)]), node.end_lineno or node.lineno


def symbol(path: str, text: str, line: int) -> str | None:
    """The innermost function or class around a line, by its name."""
    tree = _parsed(text) if path.endswith((".py", ".pyi")) else None
    around = [node for node in _definitions(tree) if _within(node, line)] if tree is not None else []
    return min(around, key=_size).name if around else None


def _within(node: _Definition, line: int) -> bool:
    first, last = _extent(node)
    return first <= line <= last


def _size(node: _Definition) -> int:
    first, last = _extent(node)
    return last - first


def reach(path: str, text: str, start: int, end: int) -> tuple[int, int]:
    """The lines, from 1 and inclusive, that a fix of these lines may change: the function around them, the statement
    outside of any, or where the grammar is not known a few lines around."""
    tree = _parsed(text) if path.endswith((".py", ".pyi")) else None
    if tree is None:
        return max(1, start - _NEAR), end + _NEAR
    functions = [
        _extent(node)
        for node in _definitions(tree)
        if not isinstance(node, ast.ClassDef) and _within(node, start) and _size(node) <= _MAX_REACH
    ]
    near = functions or [
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and not isinstance(node, _Definition) and node.lineno <= end
        and (node.end_lineno or node.lineno) >= start
    ]  # fmt: skip
    return min([start, *(first for first, _ in near)]), max([end, *(last for _, last in near)])


def only_imports(lines: Sequence[str]) -> bool:
    """Whether the lines are Python's import statements and nothing else."""
    tree = _parsed("\n".join(line.strip() for line in lines) + "\n")
    return tree is not None and all(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body)


def breaks(path: str, before: str, after: str) -> bool | None:
    """Whether somebody else's use may break: a public name went, or is another kind of thing, or a function takes or
    gives other than it did. None where nobody here can tell."""
    old, new = (_parsed(text) if path.endswith((".py", ".pyi")) else None for text in (before, after))
    if old is None or new is None:
        return None
    now = set(_public(old, "")) - set(_public(new, ""))
    return bool(now)


def _public(node: ast.AST, prefix: str) -> Iterator[tuple[str, str]]:
    """(name, what others rely on) of all that a module or a class has for others. Imported names are its own affair."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.ClassDef(name=name) if _is_public(name):
                yield f"{prefix}{name}", f"class {_listed(child.bases)} {_listed(child.decorator_list)}"
                yield from _public(child, f"{prefix}{name}.")
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if _is_public(name):
                yield f"{prefix}{name}", _signature(child)
            case ast.Assign() | ast.AnnAssign():
                for target in ast.walk(child):
                    if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store) and _is_public(target.id):
                        yield f"{prefix}{target.id}", "value"
            case ast.If() | ast.Try() | ast.With() | ast.ExceptHandler():
                yield from _public(child, prefix)


def _is_public(name: str) -> bool:
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def _signature(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """What a call depends on: the parameters with their defaults, the decorators, and whether it is a generator."""
    arguments = function.args
    groups = (arguments.posonlyargs, arguments.args, arguments.kwonlyargs)
    bare = [[argument.arg for argument in group] for group in groups]
    rest = [one.arg if one else None for one in (arguments.vararg, arguments.kwarg)]
    defaults = [_listed(arguments.defaults), [one and ast.unparse(one) for one in arguments.kw_defaults]]
    yields = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(function))
    return repr([type(function).__name__, bare, rest, defaults, _listed(function.decorator_list), yields])


def _listed(nodes: Sequence[ast.expr]) -> list[str]:
    return [ast.unparse(node) for node in nodes]


def names(text: str) -> frozenset[str] | None:
    """Every name that stands in the text, attributes aside; None for what is no Python."""
    tree = _parsed(text)
    if tree is None:
        return None
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return frozenset(found | {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)})


def bound(lines: Sequence[str]) -> frozenset[str]:
    """The names that import statements bind."""
    tree = _parsed("\n".join(line.strip() for line in lines) + "\n")
    nodes = tree.body if tree is not None else []
    return frozenset(
        (alias.asname or alias.name).split(".")[0]
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    )


def imports(path: str, text: str, files: Sequence[str]) -> list[str]:
    """Those of `files` that the file imports, by the names of Python's modules."""
    tree = _parsed(text) if path.endswith(".py") else None
    if tree is None:
        return []
    package = path.split("/")[:-1]
    wanted: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            wanted.update(alias.name.replace(".", "/") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = "/".join([*base, *(node.module or "").split(".")]).strip("/")
            wanted.add(module)
            wanted.update(f"{module}/{alias.name}".strip("/") for alias in node.names)
    return [file for file in files if file != path and _module(file) & wanted]


def _module(path: str) -> set[str]:
    """The names under which a file may be imported, wherever the path of modules begins."""
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    return {"/".join(parts[at:]) for at in range(min(3, len(parts)))}
