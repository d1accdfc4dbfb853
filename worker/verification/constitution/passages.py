"""A constitution's Markdown in passages: every line of it belongs to one, and each knows what stands above it.

CommonMark with tables (markdown-it). Raw HTML is read as the text that a reader would see.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from markdown_it import MarkdownIt
from markdown_it.token import Token

from worker.verification.constitution import announcing, markup, sentences, source
from worker.verification.constitution.markup import Part

MAX_TEXT = 2000
"""Of a passage that can be a rule, of a title, and of all leads of one together: what is longer is several passages,
so that no reader of a passage sees a text whose length a stranger chose."""


class Form(StrEnum):
    """What a passage is in the document."""

    HEADING = "heading"
    PROSE = "prose"
    ITEM = "item"
    ROW = "row"
    COLUMNS = "columns"
    CODE = "code"
    COMMENT = "comment"
    METADATA = "metadata"
    MARKUP = "markup"


@dataclass(frozen=True)
class Passage:
    """A heading, a sentence, a list item, a row, or what else stands in some lines of the text."""

    form: Form
    text: str
    """On one line."""
    line: int
    """From 1, as `end_line`, both inclusive."""
    end_line: int
    headings: tuple[str, ...] = ()
    """The titles above it, the outermost first."""
    leads: tuple[str, ...] = ()
    """The sentences that announce the list or the table it stands in, the outermost first."""
    columns: tuple[str, ...] = ()
    """The titles of a row's cells."""
    announces: bool = False
    """A list or a table follows that this passage speaks of."""
    shows: bool = False
    """A block of code follows that this passage speaks of."""
    level: int = 0
    """Of a heading; how deep an item is nested."""
    table: int = 0
    """The line at which a row's table begins."""


# More would end Python's stack; what is nested deeper is read as it is written.
_MAX_NESTING = 100
# Above this many brackets without an address the search for links takes time in their square.
_MAX_BRACKETS = 2000
_MARKDOWN = MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING}).enable("table")
_WITHOUT_LINKS = MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING}).enable("table").disable(["link", "image"])


def read(text: str) -> list[Passage]:
    """The passages of `text` in its order. Every line that is not blank is within one."""
    lines = source.normalized(text).split("\n")
    passages = []
    front = source.front_matter(lines)
    if front:
        passages.append(Passage(Form.METADATA, " ".join(" ".join(lines[1 : front - 1]).split()), 1, front))
        lines = [*[""] * front, *lines[front:]]
    content = "\n".join(lines)
    parser = _MARKDOWN if content.count("[") - content.count("](") < _MAX_BRACKETS else _WITHOUT_LINKS
    passages += _Reader(parser.parse(content)).passages()
    return sorted([*passages, *_rest(lines, passages)], key=lambda passage: (passage.line, passage.end_line))


def _rest(lines: list[str], passages: list[Passage]) -> Iterator[Passage]:
    """Lines that the parser keeps nothing of: definitions of links, rules between sections, what is nested too deep."""
    taken = bytearray(len(lines) + 2)
    for passage in passages:
        for number in range(passage.line, min(passage.end_line, len(lines)) + 1):
            taken[number] = 1
    for number, line in enumerate(lines, start=1):
        if not line.strip() or taken[number]:
            continue
        words_ = source.written(line)
        if words_ is None:
            yield Passage(Form.MARKUP, " ".join(line.split()), number, number)
        else:
            yield Passage(Form.ITEM, words_, number, number, level=_MAX_NESTING)


@dataclass
class _Container:
    """A list item, a quotation or the page while it is read: what it announced last, and for items their own words."""

    leads: tuple[str, ...] = ()
    announced: str | None = None
    taken_by: str | None = None
    """The kind of block, list or table, that the announcement was taken by."""
    is_item: bool = False
    text: str | None = None

    def announce(self, words_: str | None) -> None:
        self.announced, self.taken_by = words_, None


class _Reader:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._headings: list[tuple[str, int]] = []
        self._within = [_Container()]
        self._lists: list[tuple[str, ...]] = []
        self._columns: list[str] = []
        self._table = 0
        self._out: list[Passage] = []
        self._without_lists = not any(token.type in _LISTS or token.type == "heading_open" for token in tokens)

    def passages(self) -> list[Passage]:
        for number, token in enumerate(self._tokens):
            self._take(number, token)
        return self._out

    def _take(self, number: int, token: Token) -> None:
        match token.type:
            case "heading_open":
                self._heading(number, token)
            case "bullet_list_open" | "ordered_list_open" | "table_open":
                self._lists.append(self._leads(token.tag))
                self._table = _span(token)[0]
            case "bullet_list_close" | "ordered_list_close" | "table_close":
                self._lists.pop()
            case "list_item_open":
                self._within.append(_Container(self._lists[-1], is_item=True))
            case "list_item_close":
                self._within.pop()
            case "inline" if self._tokens[number - 1].type == "paragraph_open":
                self._paragraph(number, token)
            case "tr_open":
                self._row(number, token)
            case "fence" | "code_block":
                # The lines of a list that was indented too far are read as they stand.
                if token.type == "fence" or not source.is_list(token.content):
                    self._add(Form.CODE, token.content, *_span(token))
            case "html_block":
                self._html(token)

    def _leads(self, tag: str = "li") -> tuple[str, ...]:
        """What announces a list or a table that begins here. It holds for all such until other words follow."""
        here = self._within[-1]
        kind = "table" if tag == "table" else "list"
        if here.announced is None or here.taken_by not in (None, kind):
            return here.leads
        here.taken_by = kind
        return (*here.leads, here.announced)

    def _titles(self) -> tuple[str, ...]:
        return tuple(title for title, _ in self._headings)

    def _add(self, form: Form, text: str, line: int, end_line: int, **more: object) -> None:
        here = self._within[-1]
        leads = (*here.leads, here.text) if here.is_item and here.text else here.leads
        values: dict[str, object] = {"leads": leads, "headings": self._titles(), **more}
        values["leads"] = _nearest(values["leads"])  # type: ignore[arg-type]  # by name
        flat = " ".join(text.split())
        for piece in sentences.cut(flat, MAX_TEXT) if form in _RULES else (flat,):
            self._out.append(Passage(form, piece, line, end_line, **values))  # type: ignore[arg-type]  # by name

    def _heading(self, number: int, token: Token) -> None:
        first, end = _span(token)
        self._entitle(_text(self._tokens[number + 1]), int(token.tag[1]), first, end)

    def _entitle(self, title: str, level: int, first: int, end: int) -> None:
        while self._headings and self._headings[-1][1] >= level:
            self._headings.pop()
        self._add(Form.HEADING, title, first, end, level=level)
        self._headings.append((" ".join(title.split())[:MAX_TEXT], level))
        self._within[-1].announce(None)

    def _paragraph(self, number: int, token: Token) -> None:
        first, end = _span(token)
        text = _text(token)
        here = self._within[-1]
        following = self._following(number + 1)
        depth = sum(container.is_item for container in self._within)
        if here.is_item and here.text is None:
            # The item's own words; what follows in it explains them, or is a list of its own.
            here.text = " ".join(text.split())[:MAX_TEXT]
            announces = following in _LISTS and announcing.announces(text)
            shows = following in _CODE and announcing.is_lead(text)
            self._add(Form.ITEM, text, first, end, leads=here.leads, announces=announces, shows=shows, level=depth)
            here.announce(here.text if announces else None)
            return
        if announcing.is_title(text) and not here.is_item and following not in _LISTS:
            self._entitle(text, _BOLD_LEVEL, first, end)
            return
        if self._listed(text):
            self._add(Form.ITEM, text, first, end, leads=self._leads(), level=1)
            return
        pieces = sentences.of_paragraph(text)
        title = announcing.announcing(pieces, text) if following in _LISTS else None
        opens = self._without_lists and following not in _CODE and announcing.is_lead(text)
        here.announce(None)
        for index, (piece, until) in enumerate(zip(pieces, sentences.last_lines(pieces, first, end), strict=True)):
            last = index + 1 == len(pieces)
            shows = last and following in _CODE and announcing.is_lead(piece.text)
            led = not last and not piece.entry and pieces[index + 1].entry and announcing.is_lead(piece.text)
            self._add(
                Form.ITEM if piece.entry else Form.PROSE,
                piece.text,
                first + piece.line,
                until,
                leads=self._leads() if piece.entry else here.leads,
                announces=led or index == title or (last and opens),
                shows=shows,
                level=depth + 1 if piece.entry else 0,
            )
            if led:
                here.announce(piece.text)
        if title is not None:
            here.announce(pieces[title].text)
        elif opens:
            here.announce(pieces[-1].text)

    def _listed(self, text: str) -> bool:
        """Whether a paragraph of a text without any list or heading is an entry of the list that the last announced."""
        entry = not ("\n" in text or announcing.is_lead(text) or announcing.is_sentence(text))
        return self._without_lists and self._within[-1].announced is not None and entry

    def _following(self, number: int) -> str:
        """The kind of the block after token `number`; comments and the beginning of a quotation are passed over."""
        at = number + 1
        while at < len(self._tokens):
            token = self._tokens[at]
            passed = token.type in _QUOTATION or (token.type == "html_block" and markup.only_comments(token.content))
            if not passed:
                return token.type
            at += 1
        return ""

    def _row(self, number: int, token: Token) -> None:
        first, end = _span(token)
        cells = []
        at = number + 1
        while self._tokens[at].type != "tr_close":
            if self._tokens[at].type == "inline":
                cells.append(" ".join(_text(self._tokens[at]).split()))
            at += 1
        leads = self._lists[-1]
        if self._tokens[number + 1].type == "th_open":
            self._columns = cells
            # The row of dashes below belongs to it.
            self._add(Form.COLUMNS, " | ".join(cells), first, end + 1, leads=leads, table=self._table)
            return
        columns = tuple(self._columns)
        self._add(Form.ROW, " | ".join(cells), first, end, leads=leads, columns=columns, table=self._table)

    def _html(self, token: Token) -> None:
        first, end = _span(token)
        for part, text, line, last in markup.texts(token.content):
            begin = first + line
            if part is Part.TEXT:
                pieces = sentences.of_paragraph(text)
                for piece, until in zip(
                    pieces, sentences.last_lines(pieces, begin, min(end, first + last)), strict=True
                ):
                    self._add(Form.PROSE, piece.text, begin + piece.line, until)
                    self._within[-1].announce(piece.text if announcing.is_lead(piece.text) else None)
                continue
            form = Form.COMMENT if part is Part.COMMENT else Form.ITEM
            leads = self._leads() if form is Form.ITEM else ()
            self._add(form, text, begin, max(begin, min(end, first + last)), leads=leads, level=1)


_RULES = frozenset({Form.HEADING, Form.PROSE, Form.ITEM, Form.ROW})
_LISTS = frozenset({"bullet_list_open", "ordered_list_open", "table_open"})
_QUOTATION = frozenset({"blockquote_open", "blockquote_close"})
_CODE = frozenset({"fence", "code_block"})
_BOLD_LEVEL = 7


def _nearest(leads: tuple[str, ...]) -> tuple[str, ...]:
    """The last of the leads, as many as are not too long together."""
    left = MAX_TEXT
    kept: list[str] = []
    for lead in reversed(leads):
        left -= len(lead)
        if left < 0:
            break
        kept.append(lead)
    return tuple(reversed(kept))


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
        elif child.type in ("text", "image"):
            parts.append(child.content)
        elif child.type in ("strong_open", "strong_close"):
            parts.append("**")
        elif child.type == "html_inline":
            parts.append(" ")
    return "".join(parts)
