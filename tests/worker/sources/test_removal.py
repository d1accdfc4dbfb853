"""A folder that strangers filled is removed, and nothing but it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from worker.sources.removal import remove


def test_a_folder_of_any_depth_is_removed_with_its_links_alone(tmp_path: Path) -> None:
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "kept").write_text("x")
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "link").symlink_to(beside)
    here = Path.cwd()
    try:
        os.chdir(folder)
        for _ in range(3_000):
            Path("folder").mkdir()
            os.chdir("folder")
        Path("link").symlink_to(beside)
    finally:
        os.chdir(here)
    assert remove(folder)
    assert (beside / "kept").read_text() == "x"
    assert remove(folder)


def test_a_link_is_not_followed_to_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "kept").write_text("x")
    (tmp_path / "work").symlink_to(tmp_path / "there")
    assert not remove(tmp_path / "work")
    assert (tmp_path / "there" / "kept").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="setpriv is Linux's")
def test_folders_that_are_closed_to_their_owner_are_removed(tmp_path: Path) -> None:
    """By a user who is not root, to whom they are closed."""
    folder = tmp_path / "work"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_text("x")
    (folder / "a" / "b").chmod(0)
    (folder / "a").chmod(0)
    if os.geteuid() != 0:
        assert remove(folder)
        return
    common = Path("/tmp", f"invariant-removal-{os.getpid()}")
    folder.rename(common)
    for place in (common, common / "a", common / "a" / "b"):
        os.chown(place, 1234, 1234)
    code = (Path(__file__).parents[3] / "worker/sources/removal.py").read_text()
    code += f"\nassert remove(Path({str(common / 'a')!r}).parent) or not list(Path({str(common)!r}).iterdir())\n"
    command = ["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", "/usr/bin/python3", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if common.exists():
        common.rmdir()
    assert done.returncode == 0, done.stderr
