"""Paths as strangers write them. All can be made on a POSIX file system; those that cannot are for archives."""

from random import Random

_FOLDERS = (
    "src", "lib", "tests", "docs", "build", "dist", "vendor", "node_modules", "third_party", "migrations", "examples",
    ".github/workflows", ".git-not", ".hidden", "Fixtures", "a b", "ünï", "日本", "-rf", "--help", "$HOME", "`id`",
    "%2e%2e", "...", "con", "nul.d", "{a,b}", "*", "[x]", "~", "\\", "a\\..\\b", "a:b", "#", "?q=1", "'", '"', "\u202egpj",
)  # fmt: skip
_STEMS = (
    "main", "app", "__init__", "__main__", "test_x", "conftest", "mod", "index", "config", "secrets", "password",
    "id_rsa", ".env", ".netrc", ".gitattributes", ".gitmodules", ".bandit", "ruff", "pyproject", "setup", "package",
    "README", "LICENSE", "CONSTITUTION", "Makefile", "Dockerfile", "aux", "CON", "-", "--config", "a\nb", "a\rb",
    "tab\there", "esc\x1b[31m", "\x7f", "nel\x85", "ls\u2028", "zw\u200b", "rtl\u202e", "e\u0301", "é", "𝕏", "@all", "<b>",
    "|", "::warning::x", "a;b", "a&b", " lead", "trail ", ".", "x" * 200, "ж" * 100,
)  # fmt: skip
_ENDINGS = (
    "py", "py", "py", "pyi", "js", "ts", "tsx", "go", "java", "rs", "c", "h", "yaml", "yml", "json", "toml", "ini", "env",
    "md", "rst", "txt", "html", "svg", "sh", "sql", "ipynb", "lock", "po", "csv", "xml", "tf", "pem", "key", "min.js",
    "map", "png", "zip", "tar.gz", "j2", "PY", "py.j2", "", "",
)  # fmt: skip
ESCAPES = (
    "../x",
    "/etc/x",
    "a/../../x",
    "./x",
    "a//b",
    "",
    ".",
    "..",
    "C:\\x",
    "a\0b",
    "\\\\host\\x",
    ".git/config",
    "a/.GIT/hooks/x",
)
"""What no file system makes as it is named: for archives."""
_NAME_BYTES = 240
_PATH_BYTES = 1000


def path(random: Random) -> str:
    """A relative POSIX path without `.` and `..`."""
    depth = random.choice((0, 0, 1, 1, 2, 3, 6, random.choice((1, 12, 40, 120))))
    parts = [_part(random.choice(_FOLDERS)) for _ in range(depth)]
    ending = random.choice(_ENDINGS)
    stem = random.choice(_STEMS) + random.choice(("", "", str(random.randrange(1000))))
    parts.append(_part(f"{stem}.{ending}" if ending else stem))
    while len("/".join(parts).encode()) > _PATH_BYTES:
        parts.pop(0)
    return "/".join(parts)


def _part(name: str) -> str:
    """One that a file system takes."""
    cut = name.encode()[:_NAME_BYTES].decode(errors="ignore")
    return "/".join(f"dot{part}" if part in ("", ".", "..") else part for part in cut.split("/"))
