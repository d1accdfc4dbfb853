"""Values of `.env` files: such a file is there to hold secrets, so no name has to say that a value is one."""

from collections.abc import Iterator

from worker.core.telemetry.masking.linear import any_of, pattern
from worker.core.telemetry.masking.marks import Span
from worker.core.telemetry.masking.values import is_placeholder, is_token

_FILE = pattern(r"(?i)(?:^|.*/)", any_of(r"\.env(?:[._-][\w.-]*)?", r"[\w.-]*\.env"))
_EXAMPLE = pattern(r"(?i).*(?:example|sample|template|dist|defaults?|schema)[\w.-]*")
_LINE = pattern(r"[ \t]{0,8}(?:export[ \t]{1,8})?[A-Za-z_][\w.-]{0,200}[ \t]{0,8}=[ \t]{0,8}")
_PUBLIC = pattern(
    r"(?i)(?:.*_)?(?:sha|commit|build|version|public|publishable|site|region|zone|bucket|host|hostname|ur[il]|id"
    r"|name|image|tag|branch"
    r"|email|path|dir|file|locale|lang|timezone|tz)(?:_(?:id|key|name))?"
)
"""Names of what anybody may know."""
_PLAIN = pattern(
    r"(?i)[a-z][a-z0-9+.-]{0,20}://[^\s@]*|[/~.][\w./-]*|[\w.+-]+@[\w.-]+|[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:/[\w./-]*)?"
)
"""Addresses, paths and names of hosts."""


def is_environment(path: str) -> bool:
    """Whether the path is a `.env` file that holds real values."""
    name = path.rsplit("/", 1)[-1]
    return bool(_FILE.fullmatch(path)) and not _EXAMPLE.fullmatch(name)


def values(text: str) -> Iterator[Span]:
    """Where values stand that are more than words, numbers and addresses."""
    place = 0
    for line in text.split("\n"):
        beginning = _LINE.match(line)
        if beginning is not None and not _PUBLIC.fullmatch(beginning.text().split("=")[0].split()[-1]):
            start = len(beginning.text())
            value = line[start:].rstrip()
            if value[:1] in "\"'" and len(value) > 1 and value.endswith(value[0]):
                start, value = start + 1, value[1:-1]
            value = value.split(" #", 1)[0].rstrip()
            if is_token(value) and not _PLAIN.fullmatch(value) and not is_placeholder(value):
                yield place + start, place + start + len(value)
        place += len(line) + 1
