"""What proves each topic: repositories that break a rule in the ways people write it, and others that only look so.

A case is the text of one Python file of the project's own code, or files by their paths. Whoever adds a topic adds its
proof; `test_proofs.py` says where one is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Case = str | Mapping[str, str | bytes]


@dataclass(frozen=True)
class Proof:
    """The proof of one topic, by one sentence that states it."""

    topic: str
    rule: str
    fails: tuple[Case, ...] = ()
    """Each breaks the rule beyond doubt, and fails it."""
    breaks: tuple[Case, ...] = ()
    """Each breaks the rule, be it in an odd way or where nobody looks: never a PASS."""
    similar: tuple[Case, ...] = ()
    """Each looks like it and does not surely break the rule: never a FAIL."""
    keeps: tuple[Case, ...] = field(default=("X = 1\n",))
    """Each keeps the rule, and passes it; empty where silence proves nothing."""


def hidden(text: str, path: str = "src/app/a.py") -> tuple[Case, ...]:
    """A piece of Python in the forms and places in which files hide from tools."""
    return (
        {path: "\ufeff" + text},
        {path: text.replace("\n", "\r\n")},
        {path: text.replace("\n", "\r")},
        {path: b"# coding: latin-1\n# caf\xe9\n" + text.encode()},
        {path: b"# caf\xe9\n" + text.encode()},
        {path: b"\xff\xfe" + text.encode("utf-16-le")},
        {path: text.encode("utf-16-le")},
        {path: text.encode("utf-16-be")},
        {path: text.encode("utf-32")},
        {path: f"X = '\0'\n{text}"},
        {path: "# coding: utf-7\n" + text.encode("utf-7").decode()},
        {path: "# -*- coding: rot13 -*-\n" + text},
        {path: f"def broken(:\n    pass\n{text}"},
        {path: "x = 1\n" + "# filler\n" * 8_000 + text},
        {path: f"# version: 3\n{text}", ".gitattributes": "*.py filter=lfs"},
        {path: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"},
        {path + "i": text},
        {path + "w": text},
        {path + "x": text},
        {path.replace(".py", ".PY"): text},
        {path + ".j2": text},
        {path + ".in": text},
        {path + ".tmpl": text},
        {path + ".example": text},
        {"bin/tool": "#!/usr/bin/env python3\n" + text},
        {"bin/tool": text},
        {"SConstruct": text},
        {"Makefile": f"all:\n\tpython3 -c '{text}'\n"},
        {"ci/run.sh": f"#!/bin/sh\npython3 - <<END\n{text}END\n"},
        {".github/workflows/ci.yml": f"steps:\n  - shell: python\n    run: |\n      {text}"},
        {"Dockerfile": f"FROM python:3\nRUN python - <<END\n{text}END\n"},
        {"vendor/lib/x.py": text},
        {"node_modules/gyp/x.py": text},
        {"nested/.hg/x.py": text},
        {".hidden/x.py": text},
        {"a b/ü.py": text},
        {"page.html": f"<py-script>\n{text}</py-script>\n"},
        {"book.ipynb": _notebook(text)},
    )


def _notebook(text: str) -> str:
    lines = ", ".join('"' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"' for line in text.splitlines())
    return '{"cells": [{"cell_type": "code", "metadata": {}, "outputs": [], "source": [' + lines + "]}]}"
