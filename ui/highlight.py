"""Code with its comments, strings, numbers and keywords marked.

What is shown is a few lines out of a stranger's file, which begin and end anywhere, also within a comment: each line is
taken for itself. One pattern for each family of languages says enough, and RE2 matches it in linear time, whoever wrote
the lines.
"""

from functools import cache
from pathlib import PurePosixPath
from typing import Any

import re2
from markupsafe import Markup, escape

from ui.rendering import clipped, visible

# Of a line; it is cut there.
_MOST_CHARACTERS = 4_000
_MOST_LINES = 200
_STRINGS = r'"(?:[^"\\\n]|\\.)*"?|\'(?:[^\'\\\n]|\\.)*\'?'
_NUMBER = r"\b(?:0[xXbBoO][0-9a-fA-F_]+|[0-9][0-9_]*(?:\.[0-9_]+)?(?:[eE][+-]?[0-9]+)?)\b"
_C_COMMENTS = r"//[^\n]*|/\*(?:[^*]|\*+[^*/])*(?:\*+/)?"
_HASH = r"#[^\n]*"

_PYTHON = """and as assert async await break case class continue def del elif else except False finally for from global
 if import in is lambda match None nonlocal not or pass raise return True try while with yield"""
_C_LIKE = """abstract async await auto bool boolean break byte case catch chan char class const continue debugger
 default defer delete do double else enum export extends extern false final finally float fn for func function go goto
 if impl implements import in inline instanceof int interface let long loop map match mod mut new nil null package
 private protected pub public range ref return select self short signed sizeof static struct super switch this throw
 throws trait true try type typedef typeof undefined union unsafe unsigned use var virtual void volatile where while"""
_SHELL = "if then else elif fi for while until do done case esac function in return exit export local set"
_SQL = """select from where insert into update delete create table alter drop index join left right inner outer on and
 or not null as order by group having limit values set primary key references default unique check"""

_C = "c"
_FAMILIES: dict[str, tuple[str, str, str]] = {
    "python": (_HASH, _STRINGS, _PYTHON),
    _C: (_C_COMMENTS, _STRINGS + r"|`(?:[^`\\]|\\.)*`?", _C_LIKE),
    "shell": (_HASH, _STRINGS, _SHELL),
    "config": (_HASH, _STRINGS, "true false null yes no on off"),
    "sql": (r"--[^\n]*|/\*(?:[^*]|\*+[^*/])*(?:\*+/)?", _STRINGS, _SQL),
    "markup": (r"<!--(?:[^-]|-[^-])*(?:-->)?", _STRINGS, ""),
}
_SUFFIXES = {
    **dict.fromkeys((".py", ".pyi"), "python"),
    **dict.fromkeys(
        [
            ".c",
            ".h",
            ".cc",
            ".cpp",
            ".hpp",
            ".cs",
            ".java",
            ".js",
            ".jsx",
            ".mjs",
            ".cjs",
            ".ts",
            ".tsx",
            ".go",
            ".rs",
            ".kt",
            ".swift",
            ".scala",
            ".php",
            ".dart",
            ".css",
        ],
        _C,
    ),
    **dict.fromkeys((".sh", ".bash", ".zsh"), "shell"),
    **dict.fromkeys((".yaml", ".yml", ".toml", ".ini", ".cfg", ".rb", ".tf", ".json"), "config"),
    ".sql": "sql",
    **dict.fromkeys((".html", ".xml", ".svg", ".vue"), "markup"),
}
_KINDS = ("comment", "string", "number", "keyword")


@cache
def _pattern(family: str) -> Any:
    comment, string, keywords = _FAMILIES[family]
    names = "|".join(keywords.split()) or "$^"
    prefix = "(?i)" if family == "sql" else ""
    return re2.compile(rf"{prefix}({comment})|({string})|({_NUMBER})|(\b(?:{names})\b)")


def highlighted(code: str, path: str) -> Markup:
    """The code as HTML: text, and `span` elements with the classes `comment`, `string`, `number` and `keyword`."""
    code = visible(clipped(code, _MOST_CHARACTERS))
    family = _SUFFIXES.get(PurePosixPath(path).suffix.lower())
    if family is None:
        return escape(code)
    parts: list[str] = []
    end = 0
    for match in _pattern(family).finditer(code):
        parts += (str(escape(code[end : match.start()])), f'<span class="{_KINDS[match.lastindex - 1]}">')
        parts += (str(escape(match[0])), "</span>")
        end = match.end()
    parts.append(str(escape(code[end:])))
    return Markup("".join(parts))


def lines(code: str, start: int, path: str) -> list[tuple[int, Markup]]:
    """The code's first 200 lines with their numbers, each highlighted for itself."""
    return [(start + place, highlighted(line, path)) for place, line in enumerate(code.split("\n")[:_MOST_LINES])]
