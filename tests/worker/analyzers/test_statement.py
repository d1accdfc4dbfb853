"""Where a statement ends that a finding begins in."""

import pytest

from worker.analyzers import statement


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("x = 1\n", 1, 1),
        ("f(\n    1,\n    2,\n)\ny = 2\n", 1, 4),
        ("x = '''\na\nb\n'''\n", 1, 4),
        ("x = 1 + \\\n    2\n", 1, 2),
        ("if x:\n    f(\n        1\n    )\n", 2, 4),
        ("try:\n    x\nexcept Exception:\n    pass\n", 3, 3),
        ("@f(\n    1\n)\ndef g():\n    pass\n", 1, 3),
        ("class A(\n    B,\n):\n    x = 1\n", 1, 3),
        ("f(\n    g(1),\n    2)\n", 2, 2),
        ("f(\n    g(\n        1),\n    2)\n", 2, 3),
        ("x = f'''\n{a}\n'''\n", 1, 3),
        # Where it cannot be told, the line itself.
        ("x = (\n1\n", 1, 1),
        ("x = '\n", 1, 1),
        ("$%&\n", 1, 1),
        ("f(\n" + "1,\n" * 500 + ")\n", 1, 1),
    ],
)
def test_a_statement_ends_where_its_line_does(text: str, start: int, end: int) -> None:
    assert statement.end(text.split("\n"), start) == end
