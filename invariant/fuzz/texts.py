"""Contents of files as strangers write them: broken and deep code, long lines, what looks like a secret, odd bytes."""

import base64
from collections.abc import Callable
from random import Random

_CODE = {
    "py": (
        "import os\nfrom . import x\n", "def f(a, *, b=1):\n    return eval(a)\n", "class A(B):\n    pass\n",
        "password = \"hunter2hunter2\"\n", "try:\n    pass\nexcept:\n    pass\n", "x = f'{y!r:>{w}}'\n", "# type: ignore\n",
        "subprocess.run(c, shell=True)\n", "'''", "if x:\n", "\tmixed\n        tabs\n", "# -*- coding: utf-7 -*-\n",
        "match x:\n    case [*_]: ...\n", "lambda: (yield)\n", "async def g(): await x\n", "print(1\n", "\\\n", "def (:\n",
    ),
    "js": (
        "import x from './y'\n", "const t = `a${`b${c}`}`;\n", "eval('1')\n", "let x=1;\n", "require('fs')\n", "/*", "/re[/]x/g\n",
        "function*f(){yield}\n", "a?.b ?? c\n", "<!--\n", "export default {\n", "JSON.parse(\"{\\\"token\\\": 1}\")\n", "}}}\n",
    ),
    "ts": ("type A<T> = T extends infer U ? U : never;\n", "let x: Array<Array<Array<", "enum E { A }\n", "@dec class X {}\n"),
    "go": ("package main\n", "import (\n\t\"fmt\"\n)\n", "func f() { panic(1) }\n", "var s = `raw\n", "go func() {\n", "fmt.Println(x)\n"),
    "java": ("package a.b;\n", "import static a.b.*;\n", "class A { void f() { System.out.println(); } }\n", "/** {@code */\n", "A<B<C<"),
    "rs": ("use crate::a::b;\n", "mod x;\n", "fn f<'a>(x: &'a str) {}\n", "r#\"raw\n", "unsafe { }\n", "/* /* */\n", "macro_rules! m { ($(\n"),
    "c": ("#include \"x.h\"\n", "#define A(x) #x\n", "int main(void){gets(b);}\n", "#if 0\n", "\"\\\n", "// x \\\n", "??/\n", "char *p = '\\'';\n"),
    "yaml": ("a: &a [*a, *a]\n", "password: |\n  hunter2hunter2\n", "kind: Secret\ndata:\n  x: aHVudGVyMg==\n", "---\n", "- - - -\n", "? : :\n"),
    "md": ("# Title\n", "Code MUST NOT call `eval()`.\n", "```\n", "| a | b |\n", "[x](y \"", "<details>\n", "- [ ] \n", "@everyone <script>\n"),
    "json": ("{\"password\": \"x\",", "[[", "\"a\",", "1e999,", "\\ud800", "}"),
}  # fmt: skip
_ALIASES = {
    "pyi": "py", "tsx": "ts", "h": "c", "yml": "yaml", "rst": "md", "txt": "md", "ipynb": "json", "map": "json", "min.js": "js",
    "env": "yaml", "ini": "yaml", "toml": "yaml", "PY": "py", "html": "md", "svg": "md", "xml": "md",
}  # fmt: skip
_ATOMS = (
    " ", "\n", "\t", "\r", "\r\n", "\f", "\0", "\"", "'", "`", "\\", "[", "]", "(", ")", "{", "}", "<", ">", ",", ";", ":", "=",
    "#", "//", "/*", "*/", "--", "-eyJ", "eyJhbGciOi", "password=", "password=[", "[\"a\",", "token: ", "secret", "://u:p@",
    "https://", "-----BEGIN PRIVATE KEY-----", "-----END", "AKIA", "ghp_", "sk-", "Bearer ", "a.", "::", "->", "_", "0", "aA0_",
    "x" * 50, "\u2028", "\u00a0", "\u3000", "\u200b", "é", "日", "𝕏", "&amp;", "%00", "\\x41", "\\u0041", "${", "{{", "$(", "import ",
    "from ", "\"name\": \"PASSWORD\", ", "<password>", "' + '", "# noqa", "eval(", "f(", "- ", "? ", "| ", "&a ", "*a ",
    "⟪masked 1⟫", "u\\", "r#\"", "'''",
)  # fmt: skip
_BRACKETS = (
    "()",
    "[]",
    "{}",
    "<>",
    "(1+)",
    "[[",
    "if x:\n ",
    "a.",
    "not ",
    "-",
    "f(",
    "lambda:",
    "x[",
    "<div>",
    "- ",
    "> ",
    "*",
)
_CODECS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "latin-1", "shift_jis", "utf-7", "cp1252")
_SIZES = (100, 1_000, 10_000, 10_000, 40_000, 200_100)


def content(random: Random, ending: str) -> bytes:
    """A file's bytes; half of the files are plain code of their kind, broken here and there."""
    text = _code(random, ending) if random.random() < 0.5 else random.choice(_FORMS)(random, ending)
    return _bytes(random, text)


def _code(random: Random, ending: str) -> str:
    pieces = _CODE.get(_ALIASES.get(ending, ending)) or random.choice(tuple(_CODE.values()))
    return "".join(random.choices(pieces, k=random.randrange(80)))


def _run(random: Random, _: str) -> str:
    """One or two atoms, over and over."""
    atom = "".join(random.choices(_ATOMS, k=random.choice((1, 1, 2, 3))))
    return atom * (random.choice(_SIZES) // len(atom))


def _headed(random: Random, ending: str) -> str:
    """A beginning, a long run, and an end that belongs to neither."""
    return "".join((random.choice(_ATOMS), _run(random, ending), random.choice(_ATOMS)))


def _soup(random: Random, _: str) -> str:
    return "".join(random.choices(_ATOMS, k=random.choice((10, 100, 1_000, 4_000))))


def _nested(random: Random, _: str) -> str:
    pair = random.choice(_BRACKETS)
    depth = random.choice((10, 100, 1_000, 10_000, 50_000))
    half = max(1, len(pair) // 2) if pair in ("()", "[]", "{}", "<>") else len(pair)
    return pair[:half] * depth + random.choice(("", "1", "x")) + random.choice(("", pair[half:] * depth))


def _one_line(random: Random, ending: str) -> str:
    """Ten thousand tokens in a line, or code beyond a reader's screen."""
    code = _code(random, ending).replace("\n", ";")
    if random.random() < 0.5:
        return f"let x=1;{' ' * random.choice((400, 20_000))}{code}"
    tokens = random.choices(("a", "1", "+", "eval(x)", '"s"', ",", "token", ".", "=", "é"), k=10_000)
    return random.choice((" ", ",", "")).join(tokens)


def _secrets(random: Random, _: str) -> str:
    lines = []
    for _line in range(random.choice((1, 20, 400))):
        name = random.choice(("password", "API_KEY", "client_secret", "DATABASE_URL", "x", "authorization"))
        value = base64.b64encode(random.randbytes(random.choice((6, 24, 60)))).decode()
        lines.append(
            random.choice(
                ('{} = "{}"', "{}: {}", "--{} {}", "<{0}>{1}</{0}>", "postgres://u:{1}@h/{0}", "{}={}")
            ).format(name, value)
        )
    return random.choice(("\n", "\r", " ")).join(lines)


def _many_findings(random: Random, _: str) -> str:
    return random.choice(("import os\n", "eval(x)\n", "except:\n", "x = lambda: 0\n")) * 10_001


_FORMS: tuple[Callable[[Random, str], str], ...] = (
    _run, _headed, _soup, _nested, _one_line, _secrets, _run, _headed, _soup, _nested, _one_line, _secrets, _many_findings,
)  # fmt: skip


def _bytes(random: Random, text: str) -> bytes:
    """The text in some encoding, at times with what breaks it."""
    chance = random.random()
    if chance < 0.06:
        return text.encode(random.choice(_CODECS), errors="replace")
    data = text.encode(errors="surrogatepass")
    if chance < 0.1:
        place = random.randrange(len(data) + 1)
        return (
            data[:place]
            + random.choice((b"\0", b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5", b"\x80"))
            + data[place:]
        )
    if chance < 0.12:
        return random.randbytes(random.choice((1, 100, 5_000)))
    if chance < 0.15:
        return data.replace(b"\n", random.choice((b"\r", b"\r\n", b"\n\r", b"\xe2\x80\xa8", b"\x0c")))
    return b"" if chance < 0.16 else data
