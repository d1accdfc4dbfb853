"""A constitution's Markdown in passages: every line of it belongs to one, and each knows what stands above it.

CommonMark with tables (markdown-it). Raw HTML is read as the text that a reader would see.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from markdown_it.token import Token


class Form(StrEnum):
    """What a passage is in the document."""

    HEADING = "heading"
    PROSE = "prose"
    ITEM = "item"
    ROW = "row"
    CODE = "code"
    COMMENT = "comment"
    METADATA = "metadata"
    MARKUP = "markup"


@dataclass(frozen=True)
class Passage:
    """`text` on one line. Lines count from 1, both inclusive.

    `headings` are the titles above it, the outermost first. `leads` are the sentences that announce the list or the
    table it stands in, the outermost first. `columns` are the titles of a row's cells. `announces`: a list or a table
    follows that this passage speaks of. `number` names the list or table, `level` is a heading's."""

    form: Form
    text: str
    line: int
    end_line: int
    headings: tuple[str, ...] = ()
    leads: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    announces: bool = False
    level: int = 0


_MARKDOWN = MarkdownIt("commonmark").enable("table")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_YAML_LINE = re.compile(r"^\s*(?:[\w.-]+\s*:.*|- .*|#.*|)$")
_END = re.compile(r"(?<=[.!?])[\"'”)*_]*\s+(?=[A-ZÀ-ÞА-Я`*_\"'(«“\d])|(?<=[。！？])")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|incl|z\.B|d\.h|p\.ej)\.|\b[A-Z]\.)[\"'”)*_]*\s+$")
_MAX_DEPTH = 60


def read(text: str) -> list[Passage]:
    """The passages of `text` in its order. Every line that is not blank is within one."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ").split("\n")
    passages = []
    front = _front_matter(lines)
    if front:
        passages.append(Passage(Form.METADATA, " ".join(" ".join(lines[1 : front - 1]).split()), 1, front))
        lines = [*[""] * front, *lines[front:]]
    passages += _Reader(_MARKDOWN.parse("\n".join(lines))).passages()
    return sorted([*passages, *_rest(lines, passages)], key=lambda passage: (passage.line, passage.end_line))


def _front_matter(lines: list[str]) -> int:
    """How many lines of YAML front matter begin the text; 0 without any."""
    found = _FRONT_MATTER.match("\n".join(lines))
    if found is None or not all(_YAML_LINE.match(line) for line in found[1].split("\n")):
        return 0
    return found[0].rstrip("\n").count("\n") + 1


def _rest(lines: list[str], passages: list[Passage]) -> Iterator[Passage]:
    """Lines that the parser keeps nothing of: definitions of links, rules between sections, rows of dashes."""
    taken = set[int]()
    for passage in passages:
        taken.update(range(passage.line, passage.end_line + 1))
    for number, line in enumerate(lines, start=1):
        if line.strip() and number not in taken:
            yield Passage(Form.MARKUP, " ".join(line.split()), number, number)


def sentences(text: str) -> list[tuple[str, int]]:
    """(sentence on one line, number of line breaks before it) of a text whose lines may be broken."""
    found = []
    start = 0
    ends = [match for match in _END.finditer(text) if not _ABBREVIATION.search(text[: match.end()])]
    for begin, after in [*((match.start(), match.end()) for match in ends), (len(text), len(text))]:
        piece = text[start:begin]
        flat = " ".join(piece.split())
        if flat:
            before = text[: start + len(piece) - len(piece.lstrip())]
            found.append((flat, before.count("\n")))
        start = after
    return found


@dataclass
class _Heading:
    title: str
    level: int


@dataclass
class _List:
    """A list or a table while it is read."""

    leads: tuple[str, ...]


@dataclass
class _Item:
    """A list item while it is read: `text` is its first paragraph, `later` what explains it."""

    leads: tuple[str, ...]
    line: int
    end_line: int
    text: str | None = None
    seen: bool = False
    passages: list[Passage] = field(default_factory=list)


class _Reader:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._headings: list[_Heading] = []
        self._lists: list[_List] = []
        self._items: list[_Item] = []
        self._columns: list[str] = []
        self._out: list[Passage] = []

    def passages(self) -> list[Passage]:
        for number, token in enumerate(self._tokens):
            self._take(number, token)
        return self._out

    def _take(self, number: int, token: Token) -> None:
        match token.type:
            case "heading_open":
                self._heading(number, token)
            case "bullet_list_open" | "ordered_list_open":
                self._lists.append(_List(self._leads_of(number)))
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "list_item_open":
                first, end = _span(token)
                self._items.append(_Item(self._lists[-1].leads, first, end))
            case "list_item_close":
                self._items.pop()
            case "inline" if self._tokens[number - 1].type == "paragraph_open":
                self._paragraph(number, token)
            case "table_open":
                self._lists.append(_List(self._leads_of(number)))
                self._columns = []
            case "table_close":
                self._lists.pop()
            case "tr_open":
                self._row(number, token)
            case "fence" | "code_block":
                first, end = _span(token)
                self._add(Form.CODE, token.content, first, end)
            case "html_block":
                self._html(token)

    def _add(self, form: Form, text: str, line: int, end_line: int, **more: object) -> None:
        leads = self._items[-1].leads if self._items else ()
        if self._items and self._items[-1].text and form is not Form.ITEM:
            leads = (*leads, self._items[-1].text)
        values: dict[str, object] = {"leads": leads, "headings": self._titles(), **more}
        self._out.append(Passage(form, " ".join(text.split()), line, end_line, **values))  # type: ignore[arg-type]  # by name

    def _titles(self) -> tuple[str, ...]:
        return tuple(heading.title for heading in self._headings)

    def _heading(self, number: int, token: Token) -> None:
        title, level = _text(self._tokens[number + 1]), int(token.tag[1])
        while self._headings and self._headings[-1].level >= level:
            self._headings.pop()
        first, end = _span(token)
        self._add(Form.HEADING, title, first, end, level=level)
        self._headings.append(_Heading(" ".join(title.split()), level))

    def _paragraph(self, number: int, token: Token) -> None:
        first, end = _span(token)
        text = _text(token)
        announces = self._announces(number, text)
        item = self._items[-1] if self._items else None
        if item is not None and not item.seen:
            # The item's own words; what follows in it explains them, or is a list of its own.
            item.seen, item.text = True, " ".join(text.split())
            self._out.append(
                Passage(
                    Form.ITEM,
                    item.text,
                    first,
                    end,
                    self._titles(),
                    item.leads,
                    announces=announces,
                    level=len(self._items),
                )
            )
            return
        told = sentences(text)
        for index, (sentence, breaks) in enumerate(told):
            last = end if index + 1 == len(told) else max(first + breaks, first + told[index + 1][1])
            self._add(Form.PROSE, sentence, first + breaks, last, announces=announces and index + 1 == len(told))

    def _announces(self, number: int, text: str) -> bool:
        """Whether the paragraph that ends here speaks of the list or table after it."""
        after = number + 2
        if after >= len(self._tokens) or self._tokens[after].type not in _LISTS:
            return False
        bare = text.strip().rstrip("*_ ")
        # In a tight list item nothing stands between the words and the list below them: they are its title.
        return bare.endswith((":", "：")) or _is_title(text)

    def _leads_of(self, number: int) -> tuple[str, ...]:
        """The words that announce the list or table that begins at token `number`."""
        outer = self._items[-1].leads if self._items else ()
        before = next((passage for passage in reversed(self._out)), None)
        announced = before is not None and before.announces and self._tokens[number - 1].type == "paragraph_close"
        return (*outer, before.text) if announced and before is not None else outer

    def _row(self, number: int, token: Token) -> None:
        first, end = _span(token)
        cells = []
        at = number + 1
        while self._tokens[at].type != "tr_close":
            if self._tokens[at].type == "inline":
                cells.append(" ".join(_text(self._tokens[at]).split()))
            at += 1
        if self._tokens[number + 1].type == "th_open":
            self._columns = cells
            # The row of dashes below belongs to it.
            self._add(Form.MARKUP, " | ".join(cells), first, end + 1, leads=self._lists[-1].leads)
            return
        self._add(Form.ROW, " | ".join(cells), first, end, leads=self._lists[-1].leads, columns=tuple(self._columns))

    def _html(self, token: Token) -> None:
        first, end = _span(token)
        for form, text, line, last in _html_texts(token.content):
            for sentence, breaks in sentences(text) if form is Form.PROSE else ((text, 0),):
                begin = first + line + breaks
                self._add(form, sentence, begin, max(begin, min(end, first + last)))


_LISTS = frozenset({"bullet_list_open", "ordered_list_open", "table_open"})


def _is_title(text: str) -> bool:
    """Bold words alone on their line, or an emoji and a word: what people use for a heading of a list."""
    return re.fullmatch(r"\s*(?:\*\*|__)[^*_]+(?:\*\*|__)\s*", text) is not None


def _span(token: Token) -> tuple[int, int]:
    """First and last line of a block."""
    assert token.map is not None
    return token.map[0] + 1, max(token.map[0] + 1, token.map[1])


def _text(token: Token) -> str:
    """An inline token's text: code keeps its backticks, which name rules and functions; breaks are kept."""
    parts = []
    for child in token.children or []:
        if child.type == "code_inline":
            parts.append(f"`{child.content}`")
        elif child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "text":
            parts.append(child.content)
        elif child.type in ("strong_open", "strong_close"):
            parts.append("**")
        elif child.type == "image":
            parts.append(child.content)
        elif child.type == "html_inline":
            parts.append(" ")
    return "".join(parts)


class _Text(HTMLParser):
    """Runs of text as a reader sees them, with the line where each begins."""

    _BREAKS = frozenset(
        [
            "p",
            "li",
            "ul",
            "ol",
            "div",
            "br",
            "tr",
            "td",
            "th",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "table",
            "section",
            "article",
            "dd",
            "dt",
            "summary",
            "details",
            "hr",
        ]
    )
    _HIDDEN = frozenset({"script", "style", "template"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.runs: list[tuple[Form, str, int, int]] = []
        self._parts: list[str] = []
        self._from = 0
        self._hidden = 0

    def _close(self) -> None:
        text = "".join(self._parts)
        if text.strip():
            before = len(text) - len(text.lstrip())
            line = self._from + text[:before].count("\n")
            self.runs.append((Form.PROSE, text.strip(), line, line + text.strip().count("\n")))
        self._parts = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._HIDDEN:
            self._hidden += 1
        if tag in self._BREAKS:
            self._close()

    def handle_endtag(self, tag: str) -> None:
        if tag in self._HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        if tag in self._BREAKS:
            self._close()

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if not self._parts:
            self._from = self.getpos()[0] - 1
        self._parts.append(data)

    def handle_comment(self, data: str) -> None:
        self._close()
        line = self.getpos()[0] - 1
        self.runs.append((Form.COMMENT, data, line, line + data.count("\n")))

    def close(self) -> None:
        super().close()
        self._close()


def _html_texts(content: str) -> list[tuple[Form, str, int, int]]:
    """(form, text, first line, last line), lines counted from 0."""
    parser = _Text()
    parser.feed(content)
    parser.close()
    return parser.runs
