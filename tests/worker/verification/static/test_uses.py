"""Calls by their very name, in the languages whose syntax is known."""

import pytest

from tests.worker.verification.static.small import Files, analysed, decided
from worker.core.vocabulary import Outcome

_C = "#include <string.h>\n\nvoid f(char *a, char *b) { strcpy(a, b); }\n"
_GO = 'package a\n\nimport "time"\n\nfunc F() { time.Sleep(1) }\n'
_JS = "export function f() { console.log(1); }\n"
_JAVA = 'class A { void f() { System.out.println("a"); } }\n'
_RUST = "pub fn f(x: Option<u8>) -> u8 { x.unwrap() }\n"
_PY = "import time\n\n\ndef f():\n    time.sleep(1)\n"

# (the rule, the files, whether they fail it)
CASES: list[tuple[str, Files, bool]] = [
    # C
    ("`strcpy()` is forbidden.", {"src/a.c": _C}, True),
    ("Code MUST NOT call `strcpy`.", {"src/a.c": _C}, True),
    (
        "Code MUST NOT call `strcpy`.",
        {"src/a.c": _C, "src/b.c": "char *strcpy(char *a, char *b) { return a; }\n"},
        False,
    ),
    ("Code MUST NOT call `strcpy`.", {"src/a.c": _C, "src/b.h": "#define strcpy(a, b) my_copy(a, b)\n"}, False),
    ("Code MUST NOT call `strcpy`.", {"src/a.c": _C, "src/b.h": "char *strcpy(char *, const char *);\n"}, False),
    ("Code MUST NOT call `strcpy`.", {"src/a.c": '/* strcpy(a, b); */\nchar *x = "strcpy(a, b)";\n'}, False),
    ("Code MUST NOT call `strcpy`.", {"src/a.c": f"#if 0\n{_C}#endif\n"}, False),
    ("Code MUST NOT call `strcpy`.", {"src/a.c": "void f(struct s *x) { x->strcpy(1); }\n"}, False),
    ("Code MUST NOT call `strcpy`.", {"src/a.c": "void f(void (*strcpy)(int)) { strcpy(1); }\n"}, False),
    ("Code MUST NOT call `strcpy`.", {"src/a.c": "#define COPY(a, b) strcpy(a, b)\n"}, False),
    ("Code MUST NOT call `strcpy`.", {"src/a.c": "void f() { my_strcpy(a, b); strcpy_s(a, b); }\n"}, False),
    ("Code MUST NOT call `strcpy`.", {"tests/a.c": _C}, False),
    ("Code MUST NOT call `strcpy`.", {"vendor/x/a.c": _C}, False),
    # Go
    ("`time.Sleep` is forbidden.", {"pkg/a.go": _GO}, True),
    (
        "`time.Sleep` MUST NOT be used.",
        {"pkg/a.go": _GO.replace('import "time"', 'import (\n\t"os"\n\t"time"\n)')},
        True,
    ),
    ("`time.Sleep` is forbidden.", {"pkg/a.go": _GO.replace('"time"', '"example.com/x/time"')}, False),
    ("`time.Sleep` is forbidden.", {"pkg/a.go": _GO.replace('"time"', 't "time"')}, False),
    ("`time.Sleep` is forbidden.", {"pkg/a.go": _GO.replace("F()", "F(time clock)")}, False),
    ("`time.Sleep` is forbidden.", {"pkg/a.go": _GO.replace("time.Sleep(1)", "time := c; time.Sleep(1)")}, False),
    ("`time.Sleep` is forbidden.", {"pkg/a_test.go": _GO}, False),
    ("`time.Sleep` is forbidden.", {"pkg/a.go": _GO.replace("time.Sleep(1)", "_ = time.Now; // time.Sleep(1)")}, False),
    ("`time.Sleep` is forbidden.", {"pkg/a.go": _GO.replace("time.Sleep(1)", 'x("time.Sleep(1)", time.Now())')}, False),
    ("`panic()` is forbidden.", {"pkg/a.go": "package a\n\nfunc F() { panic(1) }\n"}, True),
    ("`panic()` is forbidden.", {"pkg/a.go": "package a\n\nfunc F() { panic(1) }\n\nfunc panic(x int) {}\n"}, False),
    (
        "`panic()` is forbidden.",
        {"pkg/a.go": "package a\n\nfunc F() { panic(1) }\n", "pkg/b.go": "package a\n\nfunc panic(x int) {}\n"},
        False,
    ),
    ("`panic()` is forbidden.", {"pkg/a.go": 'package a\n\nimport . "x/y"\n\nfunc F() { panic(1) }\n'}, False),
    # JavaScript and TypeScript
    ("No `console.log`.", {"src/a.js": _JS}, True),
    ("No `console.log`.", {"src/a.ts": _JS}, True),
    ("No `console.log`.", {"src/a.tsx": "export const A = () => { console.log(1); return <b/>; };\n"}, True),
    ("No `console.log`.", {"src/a.js": "const x = `${console.log(1)}`;\n"}, True),
    ("No `console.log`.", {"src/a.js": "// console.log(1)\nconst x = 'console.log(1)';\n"}, False),
    ("No `console.log`.", {"src/a.js": "const console = require('x');\nconsole.log(1);\n"}, False),
    ("No `console.log`.", {"src/a.js": "import console from 'x';\nconsole.log(1);\n"}, False),
    ("No `console.log`.", {"src/a.js": "import { console } from 'x';\nconsole.log(1);\n"}, False),
    ("No `console.log`.", {"src/a.js": "function f(console) { console.log(1); }\n"}, False),
    ("No `console.log`.", {"src/a.js": "const f = console => console.log(1);\n"}, False),
    ("No `console.log`.", {"src/a.js": "const { console } = w; console.log(1);\n"}, False),
    ("No `console.log`.", {"src/a.js": "my.console.log(1);\nconsole.logger(1);\nconsole.error(1);\n"}, False),
    ("No `console.log`.", {"src/a.js": "class A { console() { this.log(1); } }\n"}, False),
    ("No `console.log`.", {"src/logger.js": _JS}, False),
    ("No `console.log`.", {"scripts/a.js": _JS}, False),
    ("No `console.log`.", {"src/a.test.ts": _JS}, False),
    ("No `console.log`.", {"vite.config.ts": _JS}, False),
    ("`alert()` MUST NOT be called.", {"src/a.js": "alert(1);\n"}, True),
    ("`alert()` MUST NOT be called.", {"src/a.js": "import { alert } from './b';\nalert(1);\n"}, False),
    ("`alert()` MUST NOT be called.", {"src/a.js": "alert(1);\n", "src/b.ts": "function alert(x: number) {}\n"}, False),
    ("`alert()` MUST NOT be called.", {"src/a.js": "ui.alert(1);\n"}, False),
    # Java
    ("`System.out.println` MUST NOT be called.", {"src/main/java/A.java": _JAVA}, True),
    ("`System.out.println` MUST NOT be called.", {"src/test/java/ATest.java": _JAVA}, False),
    (
        "`System.out.println` MUST NOT be called.",
        {"src/main/java/A.java": "class A { } // System.out.println(1);\n"},
        False,
    ),
    (
        "`System.out.println` MUST NOT be called.",
        {"src/main/java/A.java": _JAVA, "src/main/java/System.java": "class System { }\n"},
        False,
    ),
    (
        "`System.out.println` MUST NOT be called.",
        {"src/main/java/A.java": "import mine.System;\n" + _JAVA},
        False,
    ),
    ("`println()` MUST NOT be called.", {"src/main/java/A.java": "class A { void f() { println(1); } }\n"}, False),
    # Rust
    ("`unwrap()` MUST NOT be used.", {"src/lib.rs": _RUST}, True),
    ("`unwrap()` MUST NOT be used.", {"src/lib.rs": f"#[cfg(test)]\nmod tests {{\n{_RUST}}}\n"}, False),
    ("`unwrap()` MUST NOT be used.", {"src/lib.rs": f"#[test]\n{_RUST}"}, False),
    ("`unwrap()` MUST NOT be used.", {"src/lib.rs": _RUST + "impl A { fn unwrap(self) -> u8 { 1 } }\n"}, False),
    ("`unwrap()` MUST NOT be used.", {"src/lib.rs": '/// x.unwrap()\nfn f() { g("x.unwrap()"); }\n'}, False),
    ("`unwrap()` MUST NOT be used.", {"src/lib.rs": "fn f(x: Option<u8>) -> u8 { x.unwrap_or(1) }\n"}, False),
    ("`unwrap()` MUST NOT be used.", {"tests/a.rs": _RUST}, False),
    ("`unwrap()` MUST NOT be used.", {"benches/a.rs": _RUST}, False),
    ("`dbg!` is forbidden.", {"src/lib.rs": "fn f() { dbg!(1); }\n"}, True),
    ("`dbg!` is forbidden.", {"src/lib.rs": "macro_rules! dbg { () => {} }\nfn f() { dbg!(); }\n"}, False),
    # Python
    ("`time.sleep` is forbidden.", {"src/a.py": _PY}, True),
    ("`time.sleep` is forbidden.", {"src/a.py": "from mine import time\n\ntime.sleep(1)\n"}, False),
    ("`time.sleep` is forbidden.", {"src/a.py": "import mine as time\n\ntime.sleep(1)\n"}, False),
    ("`time.sleep` is forbidden.", {"src/a.py": "import time\n\n\ndef f(time):\n    time.sleep(1)\n"}, False),
    ("`time.sleep` is forbidden.", {"src/a.py": "import time\n\ntime = Clock()\ntime.sleep(1)\n"}, False),
    ("`time.sleep` is forbidden.", {"src/a.py": _PY, "src/time.py": "def sleep(x):\n    return x\n"}, False),
    ("`time.sleep` is forbidden.", {"src/a.py": "import time\n\nX = 'time.sleep(1)'  # time.sleep(1)\n"}, False),
    ("`breakpoint()` is forbidden.", {"src/a.py": "breakpoint()\n"}, True),
    ("`breakpoint()` is forbidden.", {"src/a.py": "from mine import *\n\nbreakpoint()\n"}, False),
    ("`breakpoint()` is forbidden.", {"src/a.py": "from mine import breakpoint\n\nbreakpoint()\n"}, False),
    ("`breakpoint()` is forbidden.", {"src/a.py": "def breakpoint():\n    return 1\n\n\nbreakpoint()\n"}, False),
]


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    smalls = analysed(tmp_path_factory.mktemp("uses"), [files for _, files, _ in CASES])
    wrong = []
    for (rule, files, fails), small in zip(CASES, smalls, strict=True):
        (result,) = decided(rule, small)
        if (result.outcome is Outcome.FAIL) is not fails:
            wrong.append(f"{result.outcome} {rule} {files}: {result.reason}")
    return wrong


def test_a_call_fails_where_the_name_cannot_mean_anything_else(wrong: list[str]) -> None:
    assert not wrong, "\n".join(wrong)
