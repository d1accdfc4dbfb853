"""Paths from strangers stay below their folder."""

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.untrusted.paths import UnsafePath, safe_path

HOSTILE = [
    "", "/", ".", "./", "..", "../x", "a/../../b", "/etc/passwd", "C:/x", "c:x", "a\\b", "a\x00b", "a\nb", "\x1b[2J",
    "x" * 2000, "a/" + "y" * 300, ".git/config", "sub/.GIT/hooks/x", ".git ./x", "\udcff",
]  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE)
def test_hostile_paths_are_refused(path: str) -> None:
    with pytest.raises(UnsafePath):
        safe_path(path)


@pytest.mark.parametrize("path", ["a.py", "./a.py", "a//b.py", "ünïcode/ß.txt", "a b/c", "..a", "a..", ".gitignore"])
def test_ordinary_paths_are_taken(path: str) -> None:
    assert safe_path(path) == PurePosixPath(path)


@given(st.text(max_size=60))
def test_whatever_is_taken_stays_below(path: str) -> None:
    root = Path("/root/of/snapshot")
    try:
        found = safe_path(path)
    except UnsafePath:
        return
    place = Path(str(root / found))
    assert place.is_relative_to(root)
    assert ".." not in place.parts
    assert not found.is_absolute()
