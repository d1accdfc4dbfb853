"""Which file of the repository imports which other: read line by line, resolved by the paths that are there."""

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from worker.core.linear import pattern
from worker.verification.context.syntax import language_of

_PYTHON = pattern(r"(?m)^\s*(?:from\s+(\.*[\w.]*)\s+import\s+([\w, ()]+)|import\s+([\w., ]+))")
_SCRIPT = pattern(r"""(?m)(?:from\s+|require\(\s*|import\(\s*|^\s*import\s+)["']([^"'\n]+)["']""")
_GO = pattern(r"""(?m)^\s*(?:import\s+)?(?:[\w.]+\s+)?"([\w./-]+)"\s*$""")
_JAVA = pattern(r"(?m)^\s*import\s+(?:static\s+)?([\w.]+)")
_RUST = pattern(r"(?m)^\s*(?:pub(?:\([^)]*\))?\s+)?(?:mod\s+(\w+)\s*;|use\s+([\w:]+))")
_C = pattern(r"""(?m)^\s*#\s*include\s+["<]([^">\n]+)[">]""")
_SCRIPT_ENDINGS = ("", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", "/index.ts", "/index.tsx", "/index.js")


class Paths:
    """The paths of a snapshot, found by their last parts."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.all = frozenset(paths)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._in_folder: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self.all):
            folder, name = posixpath.split(path)
            self._by_name[name].append(path)
            self._in_folder[posixpath.basename(folder)].append(path)

    def ending_in(self, suffix: str) -> str | None:
        """The one path that is or ends in `suffix`, the shortest of several."""
        found = [
            path
            for path in self._by_name.get(posixpath.basename(suffix), ())
            if path == suffix or path.endswith(f"/{suffix}")
        ]
        return min(found, key=len, default=None)

    def in_folder(self, folder: str) -> list[str]:
        """Files right in the folder whose path ends in `folder`."""
        return [
            path
            for path in self._in_folder.get(posixpath.basename(folder), ())
            if (parent := posixpath.dirname(path)) == folder
            or folder.endswith(f"/{parent}")
            or parent.endswith(f"/{folder}")
        ]


def imports(text: str, path: str, paths: Paths) -> frozenset[str]:
    """Paths that the file imports and that are in the repository."""
    language = language_of(path)
    finder = {
        "python": _python, "javascript": _script, "typescript": _script, "tsx": _script, "go": _go, "java": _java,
        "rust": _rust, "c": _c,
    }.get(language or "")  # fmt: skip
    return frozenset(found for found in finder(text, path, paths) if found != path) if finder else frozenset()


def _python(text: str, path: str, paths: Paths) -> Iterator[str]:
    for source, names, plain in _PYTHON.findall(text):
        modules = [part.split(" as ")[0].strip() for part in plain.split(",")] if plain else []
        if source:
            dots = len(source) - len(source.lstrip("."))
            base = source.lstrip(".").replace(".", "/")
            if dots:
                folder = path
                for _ in range(dots):
                    folder = posixpath.dirname(folder)
                base = posixpath.join(folder, base).rstrip("/")
            listed = [name.split(" as ")[0].strip(" ()") for name in names.split(",")]
            modules = [base, *(f"{base}/{name}" for name in listed if name)]
        for module in modules:
            slashed = module.replace(".", "/")
            found = paths.ending_in(f"{slashed}.py") or paths.ending_in(f"{slashed}/__init__.py")
            if found and slashed:
                yield found


def _script(text: str, path: str, paths: Paths) -> Iterator[str]:
    for target in _SCRIPT.findall(text):
        if target.startswith("."):
            base = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
            without = base.removesuffix(".js")
            for candidate in (*(base + end for end in _SCRIPT_ENDINGS), *(without + end for end in _SCRIPT_ENDINGS)):
                if candidate in paths.all:
                    yield candidate
                    break


def _go(text: str, path: str, paths: Paths) -> Iterator[str]:
    for target in _GO.findall(text):
        if "/" in target:
            yield from (found for found in paths.in_folder(target) if not found.endswith("_test.go"))


def _java(text: str, path: str, paths: Paths) -> Iterator[str]:
    for target in _JAVA.findall(text):
        found = paths.ending_in(target.replace(".", "/") + ".java")
        if found:
            yield found


def _rust(text: str, path: str, paths: Paths) -> Iterator[str]:
    folder = posixpath.dirname(path)
    stem = posixpath.splitext(posixpath.basename(path))[0]
    inner = folder if stem in ("mod", "lib", "main") else posixpath.join(folder, stem)
    for module, use in _RUST.findall(text):
        if module:
            for candidate in (posixpath.join(inner, f"{module}.rs"), posixpath.join(inner, module, "mod.rs")):
                if candidate in paths.all:
                    yield candidate
            continue
        parts = [part for part in use.split("::") if part not in ("crate", "self", "super", "")]
        for length in range(len(parts), 0, -1):
            found = paths.ending_in("/".join(parts[:length]) + ".rs")
            if found:
                yield found
                break


def _c(text: str, path: str, paths: Paths) -> Iterator[str]:
    for target in _C.findall(text):
        near = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        found = near if near in paths.all else paths.ending_in(target)
        if found:
            yield found


def dependents(graph: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """The graph turned round: who imports a file."""
    found: dict[str, set[str]] = defaultdict(set)
    for path, targets in graph.items():
        for target in targets:
            found[target].add(path)
    return {path: frozenset(sources) for path, sources in found.items()}
