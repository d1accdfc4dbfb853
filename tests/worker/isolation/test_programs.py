"""What a program takes to be run, and no more of the folders around it."""

import os
from pathlib import Path

import pytest

from worker.isolation import programs


def program(place: Path, content: str = "\x7fELF") -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content)
    place.chmod(0o755)
    return place


def test_a_linked_tool_brings_its_own_prefix_and_its_interpreters(tmp_path: Path) -> None:
    home = tmp_path / "home"
    tool = program(home / "tools/lint/bin/lint", f"#!{tmp_path}/python/bin/python3\n")
    interpreter = program(tmp_path / "python/bin/python3")
    link = home / ".local/bin/lint"
    link.parent.mkdir(parents=True)
    link.symlink_to(tool)
    needed = programs.needed_by(["lint"], str(link.parent))
    assert set(needed) == {link, tool.parent.parent, interpreter, interpreter.parent.parent}
    assert home not in needed
    assert link.parent not in needed


def test_env_is_looked_through_and_a_circle_ends(tmp_path: Path) -> None:
    script = program(tmp_path / "a/bin/check", "#!/usr/bin/env -S FOO=1 node --flag\n")
    node = program(tmp_path / "b/bin/node", "#!/usr/bin/env check\n")
    path = os.pathsep.join([str(script.parent), str(node.parent)])
    assert set(programs.needed_by(["check"], path)) == {script, script.parents[1], node, node.parents[1]}


def test_a_program_right_in_the_home_does_not_open_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    tool = program(tmp_path / "home/bin/check")
    assert set(programs.needed_by(["check"], str(tool.parent))) == {tool, tool.parent}


def test_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    assert programs.needed_by(["nowhere", ""], str(tmp_path)) == ()
