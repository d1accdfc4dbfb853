"""Which files of a folder on this machine are a project's own: for local snapshots, and for the command line's
archives."""

import os
from dataclasses import dataclass
from pathlib import Path

# What tools make and nobody wrote: environments, caches, dependencies, version control.
GENERATED = frozenset(
    {
        ".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".nox", ".eggs",
        ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".invariant", ".idea", ".gradle",
        ".import_linter_cache", ".venv-bootstrap",
    }
)  # fmt: skip
_GENERATED_SUFFIXES = (".pyc", ".pyo", ".DS_Store")
# A folder on a developer's machine holds what no commit does.
_PRIVATE = frozenset({".env", ".envrc", ".netrc", ".pypirc", ".npmrc"})


@dataclass(frozen=True)
class Selection:
    """`files` are regular files, sorted; `notes` tell what was left out."""

    files: tuple[Path, ...]
    notes: tuple[str, ...]


def select(root: Path) -> Selection:
    """Walk `root` without following links. Blocking."""
    files: list[Path] = []
    skipped: set[str] = set()
    links = private = 0
    for folder, folders, names in os.walk(root, followlinks=False):
        here = Path(folder)
        skipped.update(name for name in folders if name in GENERATED)
        links += sum((here / name).is_symlink() for name in folders)
        folders[:] = sorted(n for n in folders if n not in GENERATED and not (here / n).is_symlink())
        for name in sorted(names):
            path = here / name
            if path.is_symlink():
                links += 1
            elif name in _PRIVATE:
                private += 1
            elif name == ".git":
                # Of a linked work tree or a submodule: it says where the repository is on this machine.
                skipped.add(name)
            elif path.is_file() and not name.endswith(_GENERATED_SUFFIXES):
                files.append(path)
    counted = (
        (len(skipped), f"left out generated folders: {', '.join(sorted(skipped))}"),
        (links, f"left out {links} symbolic link(s)"),
        (private, f"left out {private} file(s) with local settings ({', '.join(sorted(_PRIVATE))})"),
    )
    return Selection(tuple(files), tuple(note for count, note in counted if count))
