"""What judges are shown: symbols, imports, masks, retrieval, budgets."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.analyzers.test_analyze import snapshot
from worker.core.telemetry.masking import mask_file
from worker.core.vocabulary import Category, Severity
from worker.isolation import memory
from worker.verification.constitution.criteria import Criterion
from worker.verification.context import select, syntax
from worker.verification.context.chunks import cut
from worker.verification.context.imports import Paths, imports
from worker.verification.context.index import Index
from worker.verification.context.shown import Context
from worker.verification.context.syntax import symbols
from worker.verification.context.words import identifiers, words
from worker.verification.search import Hit

CODE = {
    "a.py": ("class Shelf:\n    def lend(self):\n        pass\n\n\nasync def main():\n    pass\n", ["Shelf", "lend", "main"]),
    "a.js": ("class Shelf { lend() {} }\nfunction main() {}\nconst run = () => 1;\n", ["Shelf", "lend", "main", "run"]),
    "a.ts": ("interface Shelf { n: number }\nexport enum Kind { A }\nexport function main(): void {}\n", ["Shelf", "Kind", "main"]),
    "a.tsx": ("export const View = () => <p/>;\n", ["View"]),
    "a.go": ("package a\n\ntype Shelf struct{}\n\nfunc (s *Shelf) Lend() {}\n\nfunc Main() {}\n", ["Shelf", "Lend", "Main"]),
    "A.java": ("class Shelf { Shelf() {} int lend() { return 1; } }\n", ["Shelf", "Shelf", "lend"]),
    "a.rs": ("struct Shelf;\nimpl Shelf { fn lend(&self) {} }\nfn main() {}\n", ["Shelf", "Shelf", "lend", "main"]),
    "a.c": ("struct shelf { int n; };\nint *lend(struct shelf *s) { return 0; }\n", ["shelf", "lend"]),
    "a.txt": ("class Shelf:\n", []),
}  # fmt: skip


@pytest.mark.parametrize("path", list(CODE))
def test_definitions_of_every_language(path: str) -> None:
    text, expected = CODE[path]
    found = symbols(text, path)
    assert [symbol.name for symbol in found] == expected
    assert all(1 <= symbol.start <= symbol.end <= text.count("\n") + 1 for symbol in found)


@given(st.sampled_from(list(CODE)), st.text(max_size=200))
def test_broken_code_is_no_error(path: str, text: str) -> None:
    text = text.replace("\r", "\n").replace("\0", " ")
    file = cut(path, tuple(text.split("\n")), text)
    covered = [line for chunk in file.chunks for line in range(chunk.start, chunk.end + 1)]
    assert covered == list(range(1, len(file.lines) + 1))


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("app/a.py", "from app.b import x\nimport lib.c\n", {"app/b.py", "src/lib/c.py"}),
        ("app/a.py", "from . import b\nfrom ..src.lib import c\n", {"app/b.py", "src/lib/c.py"}),
        ("web/a.ts", "import {x} from './b'\nconst y = require('../web/c')\n", {"web/b.ts", "web/c/index.js"}),
        ("cmd/a.go", 'import (\n\t"fmt"\n\tx "example.org/m/pkg/store"\n)\n', {"pkg/store/store.go"}),
        ("A.java", "import org.x.Shelf;\n", {"main/org/x/Shelf.java"}),
        ("src/main.rs", "mod shelf;\nuse crate::pkg::deep;\n", {"src/shelf.rs", "src/pkg/deep.rs"}),
        ("c/a.c", '#include "shelf.h"\n#include <stdio.h>\n', {"c/shelf.h"}),
        ("notes.md", "import everything\n", set()),
    ],
)
def test_imports_resolve_to_files_that_are_there(path: str, text: str, expected: set[str]) -> None:
    there = (
        "app/a.py app/b.py src/lib/c.py web/a.ts web/b.ts web/c/index.js cmd/a.go pkg/store/store.go "
        "pkg/store/store_test.go main/org/x/Shelf.java src/main.rs src/shelf.rs src/pkg/deep.rs c/a.c c/shelf.h"
    )
    paths = Paths(there.split())
    assert imports(text, path, paths) == expected


def test_words_are_whole_and_in_parts() -> None:
    assert words("parseHTTPResponse user_names") == [
        "parsehttpresponse",
        "pars",
        "http",
        "respons",
        "usernames",
        "user",
        "name",
    ]


@given(st.text(max_size=400), st.sampled_from(["a.py", ".env", "c.yml", "d.json"]))
def test_masking_keeps_the_lines(text: str, path: str) -> None:
    assert mask_file(text, path).count("\n") == text.count("\n")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".env", "ANYTHING=hunter22\n"),
        ("a.yml", "db_password: hunter22\n"),
        ("a.toml", "api-key = hunter22\n"),
        ("a.py", "password = 'hunter22'\n"),
        ("a.py", "x = 1\nconnect(token='hunter22')\n"),
        ("a.go", 'const secretKey = "hunter22"\n'),
        ("a.py", "-----BEGIN PRIVATE KEY-----\nhunter22\n-----END PRIVATE KEY-----\n"),
        ("a.sh", "curl -H 'Authorization: Bearer hunter22hunter22'\n"),
        ("a.py", "X = 'hunter22Zx9Qp4Lm7Vt2Rk8Wc3Bn6'\n"),
    ],
)
def test_what_looks_like_a_secret_is_masked(path: str, text: str) -> None:
    assert "hunter22" not in mask_file(text, path)


def criterion(statement: str) -> Criterion:
    return Criterion("k", Category.STYLE, Severity.LOW, statement, None, 1)


def repository(tmp_path: Path, count: int = 60) -> Index:
    files: dict[str, str | bytes] = {
        f"part/m{n}.py": "".join(f"def part_{n}_{i}(value):\n    return store(value, {i})\n\n\n" for i in range(12))
        for n in range(count)
    }
    files["auth/login.py"] = "def check_password(given, stored):\n    return given == stored\n"
    files["data.bin"] = b"\xff\0\xfa\x80"
    files["deploy.key"] = "-----BEGIN"
    files["web/node_modules/x.js"] = "var x\n"
    return Index.of(snapshot(tmp_path, files))


def chosen(index: Index, criteria: list[Criterion], budget: int, **more: Any) -> Context:
    whole = select.overview(index, budget=budget, only=more.get("only")).whole
    known = select.Known(more.pop("hits", ()))
    return select.select(index, criteria, [], budget=budget, whole=whole, known=known, **more)


def test_what_a_criterion_speaks_of_comes_first_and_the_budget_holds(tmp_path: Path) -> None:
    index = repository(tmp_path)
    assert {left.path: left.why for left in index.left_out} == {
        "data.bin": "binary",
        "deploy.key": "may hold secrets",
        "web/node_modules/x.js": "vendored",
    }
    statement = criterion("Passwords MUST be compared in constant time")
    for budget in (500, 2000, 8000):
        context = chosen(index, [statement], budget)
        assert "auth/login.py" in context.files
        assert len(context.text) <= 3 * budget + 2000
        assert not context.complete
    assert index.rank(statement.statement)[0][0] == "auth/login.py"
    whole = chosen(index, [statement], 10**6)
    assert len(whole.files) == whole.of_files == 61


def test_what_is_shown_is_counted_line_by_line(tmp_path: Path) -> None:
    index = repository(tmp_path, 12)
    context = chosen(index, [criterion("A value is stored")], 1500)
    for path, spans in context.shown.items():
        numbered = "\n".join(
            f"{n}| {index.files[path].lines[n - 1]}" for start, end in spans for n in range(start, end + 1)
        )
        assert f"=== {path}\n{numbered}" in context.text
        assert context.lines(path) == sum(end - start + 1 for start, end in spans)
    assert context.lines("nowhere.py") == 0


def test_places_that_a_search_found_are_shown_before_all_else(tmp_path: Path) -> None:
    index = repository(tmp_path)
    hits = [Hit(f"part/m{n}.py", 25) for n in range(0, 60, 7)] + [Hit("auth/login.py", 0)]
    context = chosen(index, [criterion("Passwords MUST be safe")], 1500, hits=[hits])
    assert context.hits == frozenset(hits)
    assert all(f"{hit.path}:25\n" in f"{context.text}\n" for hit in hits if hit.line)
    few = chosen(
        index, [criterion("Passwords MUST be safe")], 500, hits=[[Hit("part/m1.py", n) for n in range(1, 48)] + hits]
    )
    # A search that found few is not starved by one that found many.
    login = [Hit("auth/login.py", 2)]
    many = [Hit(f"part/m{n}.py", 25) for n in range(60)]
    assert set(login) < chosen(index, [criterion("Passwords MUST be safe")], 500, hits=[many, login]).hits
    # What does not fit is not among what was shown, and no file takes all the room.
    assert 0 < len(few.hits) < 57
    assert len({hit.path for hit in few.hits}) > 3


def test_a_long_line_is_shown_whole_or_not_at_all(tmp_path: Path) -> None:
    hidden = "let x = 1;" + " " * 500 + "steal(x)"
    index = Index.of(snapshot(tmp_path, {"a.js": f"{hidden}\n", "b.js": "y\n" * 3000}))
    assert hidden in select.overview(index, budget=10**6).text
    context = chosen(index, [criterion("x is y")], 600)
    assert context.lines("a.js") == 0 or hidden in context.text


def test_all_judges_of_a_snapshot_are_shown_the_same_first(tmp_path: Path) -> None:
    index = repository(tmp_path, 3)
    whole = select.overview(index, budget=10**6)
    assert whole.whole
    assert "1| def check_password(given, stored):" in whole.text
    assert chosen(index, [criterion("Passwords MUST be safe")], 10**6).text == ""
    part = select.overview(index, budget=500)
    assert (part.whole, part.text) == (False, "Folders of the repository: auth, part")


def test_a_name_does_not_hide_what_breaks_the_rule_nor_the_other_way_round(tmp_path: Path) -> None:
    # Names and comments speak of routers everywhere; one file, called otherwise, calls what is forbidden.
    files: dict[str, str | bytes] = {
        f"router/router_{n}.py": f'"""A router of routes."""\n\n\ndef router_{n}(route):\n    return route\n'
        + "\n" * 55
        for n in range(40)
    }
    files["misc/z.py"] = "def helper(x):\n    return unsafe_route(x)\n"
    files["plan/of_the_ways.py"] = "# router router router router router\n"
    index = Index.of(snapshot(tmp_path, files))
    statement = "A router MUST NOT call `unsafe_route(`"
    context = chosen(index, [criterion(statement)], 500)
    assert "misc/z.py" in context.files
    assert any(path.startswith("router/") for path in context.files)
    # What defines the thing that is named stands before all that only speak of it.
    assert index.rank("Make `router_17` faster")[0][0] == "router/router_17.py"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Fix a crash in `Context.copy`", {"context", "copy"}),
        ("getUserName and URLParser and snake_case", {"getusername", "urlparser", "snake_case"}),
        ("call make() twice", {"make"}),
        ("The router is slow.", set()),
    ],
)
def test_code_that_prose_names(text: str, named: set[str]) -> None:
    assert identifiers(text) == named


def test_the_same_choice_is_the_same_text(tmp_path: Path) -> None:
    index = repository(tmp_path, 8)
    statements = [criterion(text) for text in ("Passwords MUST be safe", "A value is stored in every part")]
    texts = {chosen(index, random.sample(statements, 2), 10**6).text for _ in range(6)}
    assert len(texts) == 1


def test_a_change_concerns_those_who_import_it(tmp_path: Path) -> None:
    index = Index.of(snapshot(tmp_path, {"a.py": "import b\n", "b.py": "X = 1\n", "c.py": "Y = 1\n"}))
    only = index.affected_by({"b.py", "gone.py"})
    assert only == {"a.py", "b.py"}
    context = chosen(index, [criterion("X is set")], 10**6, only=only)
    assert (context.files, context.complete) == (("a.py", "b.py"), True)


def test_a_file_is_text_when_it_decodes(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "nul.js": b"// a\0b\neval(x)\n",
        "bom.py": b"\xef\xbb\xbfX = 1\n",
        "wide.cs": "class A {}\n".encode("utf-16"),
        "latin.c": "/* caf\xe9 */\n".encode("latin-1"),
        "dist/x.min.js": "var x\n",
        "yarn.lock": "x\n",
        "logo.png": b"\x89PNG\0",
    }
    index = Index.of(snapshot(tmp_path, files))
    assert sorted(index.files) == ["bom.py", "latin.c", "nul.js", "wide.cs"]
    assert index.files["nul.js"].lines[1] == "eval(x)"
    assert index.files["wide.cs"].lines[0] == "class A {}"
    assert {left.path for left in index.left_out} == {"dist/x.min.js", "yarn.lock", "logo.png"}


@pytest.mark.parametrize("before", range(3))
def test_no_letter_is_cut_where_a_text_is_given_up(before: int) -> None:
    """The parser is given the text in pieces, and nothing more where it goes back too often; it crashed in between."""
    syntax.symbols("x" * before + "/*\u2028${" * 2000, "a.tsx")


@pytest.mark.parametrize(("unit", "path"), [("(1+)", "a.py"), ("=&a ", "A.java")])
def test_a_text_that_would_take_the_parsers_memory_has_no_tree_and_the_next_has(unit: str, path: str) -> None:
    """Recovery from its errors takes memory with the square of the text: 4 GB for these."""
    before = memory.peak()
    text = unit * (16_000 // len(unit))
    assert syntax.symbols(text, path) == []
    assert syntax.tree(text, path) is None
    # The children that ended of it count as well.
    assert memory.peak() - before < 500 << 20
    whole = "def main():\n    pass\n" * 200
    assert len(syntax.symbols(whole, "b.py")) == 200
    assert syntax.tree(whole, "b.py") is not None
