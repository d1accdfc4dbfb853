"""Edits of whole lines, against every way a text can be written."""

import pytest

from worker.core.telemetry.masking import mask_file
from worker.remediation import edits
from worker.remediation.edits import Edit, EditRefused


def made(text: str, *pairs: tuple[str, str], path: str = "a.py") -> str:
    shown = mask_file("\n".join(edits.lines_of(text)), path).split("\n")
    return edits.made(text, shown, [Edit(path, old, new) for old, new in pairs])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_and_a_missing_one_stay(end: str, last: bool) -> None:
    text = end.join(["a = 1", "b = 2", "c = 3"]) + (end if last else "")
    assert made(text, ("b = 2", "b = 3\nd = 4")) == text.replace("b = 2", f"b = 3{end}d = 4")
    assert made(text, ("c = 3", "c = 4")) == text.replace("c = 3", "c = 4")
    assert made(text, ("a = 1", "")) == text.removeprefix(f"a = 1{end}")


def test_the_last_line_goes_with_what_ended_the_one_before() -> None:
    assert made("a = 1\nb = 2", ("b = 2", "")) == "a = 1"
    assert made("a = 1\nb = 2\n", ("b = 2", "")) == "a = 1\n"


def test_mixed_line_ends_stay_where_nothing_changes() -> None:
    assert made("a\r\nb\nc\rd\n", ("c", "C")) == "a\r\nb\nC\rd\n"


def test_several_edits_are_made_at_once() -> None:
    assert made("a\nb\nc\nd\n", ("d", "D"), ("a", "A\nA2")) == "A\nA2\nb\nc\nD\n"


@pytest.mark.parametrize(
    ("text", "pairs", "why"),
    [
        ("a\nb\n", [("c", "d")], "stands nowhere"),
        ("a\na\n", [("a", "d")], "stands there 2 times"),
        ("ab\n", [("a", "d")], "stands nowhere"),
        ("a\nb\nc\n", [("a\nb", "x"), ("b\nc", "y")], "change the same lines"),
        ("a\n", [("", "x")], "names no line"),
        ("a\n\n", [("\n", "x")], "names no line"),
        ("a\n", [("a", "a")], "changes nothing"),
        ("a\n", [("a", "b\u202e")], "nobody sees (U+202E)"),
        ("a\n", [("a", "b\u200b")], "nobody sees (U+200B)"),
        ("a\n", [("a", "b\0")], "nobody sees (U+0000)"),
        ("a\n", [("a", "b\x1b[2J")], "nobody sees (U+001B)"),
        ("a\n", [("a", "\ufeffb")], "nobody sees (U+FEFF)"),
        ("a\n", [("a", "b\u2028c")], "nobody sees (U+2028)"),
        ("a\n", [("a", "b\ud800")], "nobody sees (U+D800)"),
        ("a\n", [("a", "b\n" * 500)], "larger than"),
        ("a\n", [("a", "b" * 3000)], "larger than"),
    ],
)
def test_what_cannot_be_made_says_why(text: str, pairs: list[tuple[str, str]], why: str) -> None:
    with pytest.raises(EditRefused) as refused:
        made(text, *pairs)
    assert why in str(refused.value)


SECRET = 'password = "hunter2hunter2"\nuse(password)\n'


def test_a_hidden_secret_stays_when_its_line_is_written_back() -> None:
    shown = mask_file(SECRET, "a.py").split("\n")
    assert "hunter2" not in "".join(shown)
    changed = made(SECRET, ("\n".join(shown[:2]), f"{shown[0]}\nuse_it(password)"))
    assert changed == 'password = "hunter2hunter2"\nuse_it(password)\n'


def test_a_hidden_secret_goes_with_its_line() -> None:
    shown = mask_file(SECRET, "a.py").split("\n")
    assert made(SECRET, (shown[0], 'password = os.environ["PASSWORD"]')) == (
        'password = os.environ["PASSWORD"]\nuse(password)\n'
    )


def test_a_mask_is_never_written_into_code() -> None:
    shown = mask_file(SECRET, "a.py").split("\n")
    with pytest.raises(EditRefused, match="secret was hidden"):
        made(SECRET, (shown[0], f"secret_{shown[0]}"))
    with pytest.raises(EditRefused, match="secret was hidden"):
        made(SECRET, ("use(password)", shown[0]))


def test_a_control_character_that_was_there_may_stay() -> None:
    assert made("a\x0c\nb\n", ("a\x0c", "c\x0c")) == "c\x0c\nb\n"
