"""How the time of a reader grows with what it reads: texts of the worst forms that are known, in growing sizes."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

Reader = Callable[[str], object]

_REPEATED = {
    "spaces": " ", "newlines": "\n", "tabs": "\t", "CRs": "\r", "CRLFs": "\r\n", "form feeds": "\f", "NULs": "\0",
    "blank lines of spaces": "    \n", "no-break spaces": "\u00a0", "wide spaces": "\u3000", "line separators": "\u2028",
    "quotes": '"', "apostrophes": "'", "backticks": "`", "triple quotes": '"""', "backslashes": "\\", "escaped quotes": '\\"',
    "commas": ",", "semicolons": ";", "colons": ":", "dots": ".", "dashes": "-", "underscores": "_", "equals": "=", "stars": "*",
    "hashes": "#", "slashes": "/", "pipes": "|", "at signs": "@", "dollars": "$", "braces": "{", "brackets": "[", "parentheses": "(",
    "angles": "<", "closings": ")", "tags": "<div>", "comments": "<!--", "block comments": "/*", "line comments": "//\n", "hash lines": "#\n",
    "letters": "a", "capitals": "A", "digits": "1", "letters and digits": "a1", "camel": "aB", "snake": "a_", "words": "a ",
    "letters of others": "é", "ideographs": "日", "surrogate pairs": "𝕏", "combining": "e\u0301", "lines": "a\n", "assignments": "a=",
    "keys": "a: ", "YAML keys": "a:\n", "YAML dashes": "- ", "nested YAML": "- a:\n  ", "pairs": '["a",', "strings": '"a",', "calls": "a(",
    "members": "a.", "paths": "a::", "paths of folders": "a/", "web tokens": "-eyJ", "web token heads": "eyJabcdefgh.", "passwords": "password=",
    "password lists": "password=[", "password calls": "password=(", "quoted passwords": 'password="', "named values": '"name": "PASSWORD", ',
    "password elements": "<password>", "tokens": "token ", "token keys": "token: ", "headers": "authorization: bearer ", "cookies": "sessionid=",
    "options": "--password ", "secrets of YAML": "secret: |\n", "URL heads": "https://", "URL users": "a://a:", "URL chains": "a://", "queries": "?key=",
    "PEM heads": "-----BEGIN PRIVATE KEY-----", "PEM head lines": "-----BEGIN PRIVATE KEY-----\n", "key prefixes": "sk-", "random": "aB3xY9zQ",
    "base64": "Zm9vYmFyYmF6cXV4", "marks": "⟪masked 1⟫", "mark heads": "⟪masked", "masked": "masked ", "imports": "import a\n", "from": "from ",
    "from imports": "from a import ", "requires": "require(", "import heads": "import ", "import lists": "import a, ", "includes": "#include <",
    "modules": "mod a", "uses": "use ", "publics": "pub(", "go imports": 'a "a', "bold": "**", "bold words": "**a", "links": "[a](", "images": "![",
    "emphasis": "*a ", "underscored": "_a ", "references": "[a]: ", "quotes of Markdown": "> ", "tables": "| a ", "items": "- a\n", "entities": "&amp;",
    "must": "must ", "never": "never, ", "must not": "Code MUST NOT call `eval()`. ", "no may": "no a ", "in paths": "in `a/b`, ", "except": "except in tests, ",
    "not": "not ", "sentence ends": "a. ", "numbers": "1.", "romans": "I", "escapes": "\\u0041", "percents": "%00", "prints": "print ",
    "aliases": "import os as ", "def heads": "def a(", "nested functions": "def a():\n ", "lambdas": "lambda:", "templates": "${", "raw strings": 'r#"',
    "continued lines": "\\\n", "if heads": "if a:", "decorators": "@a\n", "generics": "A<", "casts": "(a)", "ternaries": "a?", "unary": "!", "arrows": "a=>",
    "JSON arrays": "[1,", "JSON objects": '{"a":', "fences": "```\n", "JSON fences": "```json\n", "words of evidence": "1| a\n",
}  # fmt: skip


def _run(atom: str, size: int) -> str:
    return atom * max(1, size // len(atom))


def _headed(head: str, atom: str, tail: str, size: int) -> str:
    return f"{head}{_run(atom, size)}{tail}"


def _sequence(size: int) -> str:
    return " ".join(f"a{number}" for number in range(size // 7))


def _definitions(size: int) -> str:
    return "".join(f"import a{number}\n" for number in range(size // 15))


def families() -> dict[str, Callable[[int], str]]:
    """Texts of about so many characters, by what they are made of."""
    found: dict[str, Callable[[int], str]] = {name: partial(_run, atom) for name, atom in _REPEATED.items()}
    for head, atom, tail in (
        ("a", " ", "b"), ("a", "\n", "b"), ("import", " ", "!"), ("import", "\n", "!"), ("from", " ", "!"), ("masked", " ", "!"), ("use", "\n", "!"),
        ("password", " ", "="), ("password=", " ", "x"), ("password=[", '"a",', "]"), ("password = ", "a", ""), ("password:", "\n", "a"),
        ("token", "\\", '"'), ('"', "\\", '"'), ('"', "a", ""), ("'''", "a\n", ""), ("/*", "*", ""), ("#", "a ", ""), ("// ", "a", ""),
        ("-----BEGIN PRIVATE KEY-----\n", "a\n", ""), ("-----BEGIN PRIVATE KEY-----", "\\n", "-----END"), ("a://a:", "a", "@"), ("kind: Secret\ndata:\n", "  a: b\n", ""),
        ("**", "a", ""), ("- ", "a, ", ""), ("# ", "a ", ""), ("No ", "a ", "may"), ("Code must not use ", "`a`, ", ""), ("let x=1;", " ", "eval(x)"),
        ("{", '"a":1,', "}"), ("x = (", "\n", ")"), ("x = [", "1,\n", "]"), ("", "(", ")" * 9), ("```json\n", "{", ""), ("# type: ", "a", ""),
    ):  # fmt: skip
        found[f"{head!r} {atom!r} {tail!r}"] = partial(_headed, head, atom, tail)
    return {**found, "different words": _sequence, "different lines": _definitions}


@dataclass(frozen=True)
class Growth:
    """Times in seconds of a text and of one four times as long."""

    reader: str
    family: str
    size: int
    short: float
    long: float

    @property
    def ratio(self) -> float:
        return self.long / max(self.short, 1e-9)

    def __str__(self) -> str:
        return (
            f"{self.reader}, {self.family}: {self.short * 1000:.1f} ms for {self.size} characters, "
            f"{self.long * 1000:.1f} ms for four times as many"
        )


def seconds(reader: Reader, text: str, times: int) -> float:
    """The least of so many times, in the process's own time: what others do on the machine does not count."""
    best = math.inf
    for _ in range(times):
        begun = time.process_time()
        reader(text)
        best = min(best, time.process_time() - begun)
    return best


def too_fast(
    name: str, reader: Reader, *, largest: int, most: float = 8.0, floor: float = 0.08, only: str | None = None
) -> Iterator[Growth]:
    """The families for which the reader's time grows faster than the text: `most` times for four times the text.

    Below `floor` seconds no time is compared. A family that is seen to is read no further.
    """
    for family, made in families().items():
        if only is not None and only not in family:
            continue
        size = largest
        while size > 1000 and size // 4 >= 500:
            size //= 4
        while size * 4 <= largest:
            long = seconds(reader, made(4 * size), 1)
            if long > floor:
                short = seconds(reader, made(size), 3)
                if long > most * short and (long := min(long, seconds(reader, made(4 * size), 2))) > most * short:
                    yield Growth(name, family, size, short, long)
                    break
                if long > 4:
                    # Linear, and slow: larger ones tell no more.
                    break
            size *= 4
