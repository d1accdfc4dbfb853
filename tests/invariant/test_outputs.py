"""Which documents are written where, and that a reader never sees half of one."""

import os
import stat
from pathlib import Path

import pytest

from invariant.outputs import Output, WrongOutput, plan, write


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("report.md", "markdown"),
        ("REPORT.MD", "markdown"),
        ("v.sarif", "sarif"),
        ("v.sarif.json", "sarif"),
        ("v.json", "json"),
        ("v.txt", "table"),
    ],
)
def test_the_ending_says_the_form(name: str, form: str, tmp_path: Path) -> None:
    (output,) = plan([str(tmp_path / name)], None)
    assert output == Output(form, tmp_path / name)


def test_format_says_it_for_standard_output_and_for_a_single_file(tmp_path: Path) -> None:
    file, other = str(tmp_path / "out"), str(tmp_path / "v.json")
    assert plan([], None) == (Output("table"),)
    assert plan([], "sarif") == (Output("sarif"),)
    assert plan([file], "sarif") == (Output("sarif", Path(file)),)
    assert plan([file], None) == (Output("table", Path(file)),)
    assert plan([other], "sarif") == (Output("sarif", Path(other)),)
    assert plan(["-", other], "markdown") == (Output("markdown"), Output("json", Path(other)))
    assert plan([other, other], None) == (Output("json", Path(other)),)


@pytest.mark.parametrize(
    ("names", "form", "why"),
    [
        (["a.md", "b"], None, "ending of"),
        (["-", "b.xml"], "sarif", "ending of"),
        (["a.md", "b.sarif"], "sarif", "leave --format out"),
        (["no/such/folder/a.md"], None, "no folder"),
        ([""], None, "is a folder"),
    ],
)
def test_what_cannot_be_told_or_written_is_refused_at_once(
    names: list[str], form: str | None, why: str, tmp_path: Path
) -> None:
    with pytest.raises(WrongOutput, match=why):
        plan([name if name == "-" else str(tmp_path / name) for name in names], form)


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    write(path, b"first")
    path.chmod(0o640)
    with path.open() as reader:
        write(path, b"second")
        assert reader.read() == "first"
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link_and_a_pipe_a_pipe(tmp_path: Path) -> None:
    link, target = tmp_path / "link.md", tmp_path / "target.md"
    link.symlink_to(target)
    write(link, b"x")
    assert (link.is_symlink(), target.read_bytes()) == (True, b"x")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write(pipe, b"y")
    assert os.read(reader, 9) == b"y"
    os.close(reader)


def test_a_file_that_cannot_be_written_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(WrongOutput, match="cannot be written"):
        write(tmp_path / "gone" / "a.md", b"x")
    assert list(tmp_path.iterdir()) == []
