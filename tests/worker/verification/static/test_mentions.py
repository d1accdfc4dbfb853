"""A word in a comment or a docstring is a mention; what could make it code keeps it."""

import pytest

from worker.verification.static import mentions

_DROPPED = [
    ("a.py", "x = 1  # never eval\n"),
    ("a.py", '"""Never eval."""\nx = 1\n'),
    ("a.py", 'def f():\n    """Never eval."""\n    return 1\n'),
    ("a.py", "class A:\n    # eval\n    'eval'\n    x = 1\n"),
    ("a.py", 'x = f"{d["#"]}"  # eval\n'),
    ("a.py", "# eval\r\nx = 1\r\n"),
    ("a.js", "x(); // never eval\n"),
    ("a.js", "/* eval\n * eval */\nx();\n"),
    ("a.ts", "let x: number = 1; // eval\n"),
    ("a.tsx", "const a = <b>{/* eval */}</b>;\n"),
    ("a.go", "package a\n\n// eval\nfunc f() {}\n"),
    ("a.java", "class A { /* eval */ }\n"),
    ("a.rs", "fn f() {} // eval\n"),
    ("a.c", "int x; /* eval */\n"),
]
_KEPT = [
    ("a.py", "x = 1  # filler\rev = eval\r"),
    ("a.py", "x = 'eval'\n"),
    ("a.py", 'x = """\n# eval\n"""\n'),
    ("a.py", "x = f'''\n# {eval(1)}\n'''\n"),
    ("a.py", 'x = f"""{\n1 # "\n} # {eval(1)}\n"""\n'),
    ("a.py", 'def f():\n    """Doctest.\n\n    >>> eval(1)\n    """\n'),
    ("a.py", '"""eval(1)"""\nexec(__doc__)\n'),
    ("a.py", 'def f():\n    f"""{eval(1)}"""\n'),
    ("a.py", "x = 1\n'eval'\n"),
    ("a.py", "x = []  # type: list[eval]\n"),
    ("a.py", "#!/usr/bin/eval\n"),
    ("a.py", "def broken(:  # eval\n"),
    ("a.js", "x = '// eval'\n"),
    ("a.js", "x = `// ${eval(1)}`\n"),
    ("a.js", "x = /[/*]/; eval(1); /[*/]/\n"),
    ("a.js", "// x\u2028eval(1)\n"),
    ("a.js", "x <!--eval(1)\n"),
    ("a.js", "/** @type {eval} */ let x;\n"),
    ("a.go", 'package a\n\n/*\nint f() { return eval(); }\n*/\nimport "C"\n'),
    ("a.go", "package a\n\n//go:linkname f eval\nfunc f()\n"),
    ("A.java", "class A { // \\u000a int x = eval();\n}\n"),
    ("a.rs", "/// ```\n/// eval();\n/// ```\nfn f() {}\n"),
    ("a.c", "// x ??/\neval();\nint x;\n"),
    ("a.c", '#define X "// eval"\n'),
    ("a.rb", "# eval\n"),
]


@pytest.mark.parametrize(("path", "text"), _DROPPED)
def test_what_only_mentions_is_dropped_and_lines_stay(path: str, text: str) -> None:
    code = mentions.without(text, path)
    assert "eval" not in code
    assert code.count("\n") == text.replace("\r\n", "\n").replace("\r", "\n").count("\n")


@pytest.mark.parametrize(("path", "text"), _KEPT)
def test_what_may_be_code_is_kept(path: str, text: str) -> None:
    assert "eval" in mentions.without(text, path)


def test_long_runs_of_comments_take_no_time() -> None:
    assert "eval" not in mentions.without("# x\n" * 50_000 + "# eval\n", "a.py")
