"""Raw HTML in a constitution, as the text that a reader of the page would see."""

from enum import StrEnum
from html.parser import HTMLParser

from worker.verification import references


class Part(StrEnum):
    """What a piece of HTML is to its reader."""

    TEXT = "text"
    ITEM = "item"
    COMMENT = "comment"


_BREAKING = (
    "p li ul ol div br tr td th h1 h2 h3 h4 h5 h6 table thead tbody section article dl dd dt summary details hr pre "
    "blockquote"
)
_BREAKS = frozenset(_BREAKING.split())
_HIDDEN = frozenset({"script", "style", "template"})


class _Text(HTMLParser):
    """Runs of text, with the line where each begins."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.runs: list[tuple[Part, str, int, int]] = []
        self._parts: list[str] = []
        self._from = 0
        self._hidden = 0
        self._item = False

    def _close(self) -> None:
        text = "".join(self._parts)
        if text.strip():
            before = len(text) - len(text.lstrip())
            line = self._from + text[:before].count("\n")
            part = Part.ITEM if self._item else Part.TEXT
            self.runs.append((part, text.strip(), line, line + text.strip().count("\n")))
        self._parts = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        if tag in _BREAKS:
            self._close()
            self._item = tag in ("li", "dd", "td") or (self._item and tag in ("p", "div", "br"))

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        if tag in _BREAKS:
            self._close()
            self._item = self._item and tag in ("p", "div")

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if not self._parts:
            self._from = self.getpos()[0] - 1
        self._parts.append(data)

    def handle_comment(self, data: str) -> None:
        self._close()
        line = self.getpos()[0] - 1
        self.runs.append((Part.COMMENT, data, line, line + data.count("\n")))

    def close(self) -> None:
        super().close()
        self._close()


def texts(content: str) -> list[tuple[Part, str, int, int]]:
    """(what it is, text, first line, last line) of each run, lines counted from 0."""
    # A comment that nobody closed hides all that follows it.
    content = references.short(content)
    closed = content.rfind("-->")
    unclosed = content.find("<!--", closed + 1)
    parser = _Text()
    parser.feed(content if unclosed < 0 else content[:unclosed])
    parser.close()
    if unclosed < 0:
        return parser.runs
    line = content[:unclosed].count("\n")
    hidden = content[unclosed:].rstrip("\n")
    return [*parser.runs, (Part.COMMENT, hidden, line, line + hidden.count("\n"))]


def only_comments(content: str) -> bool:
    """Whether a reader of the page sees nothing of `content`."""
    return all(part is Part.COMMENT for part, *_ in texts(content))
