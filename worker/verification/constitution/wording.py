"""A passage as a statement that stands by itself: with what announces it, the title that forbids it, its columns."""

import re  # noqa: TID251  bounded: passages.MAX_TEXT
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from worker.verification.constitution import criteria, shapes, words
from worker.verification.constitution.passages import Form, Passage

MAX_WITH_PARTS = 600
MAX_WITH_CODE = 400
_PRONOUN = re.compile(r"^(?:It|They|These|Those|Such|Each of (?:them|these)|Both)\b")
_LIMITS = re.compile(
    r"[^:]{0,60}[`/]|\W*(?:in|within|inside|under|for|on|when|if|unless|except|outside|during|before|after|bei|für|im|wenn"
    r"|en|para|cuando|dans|pour|si|в|для|при|если)\b",
    re.IGNORECASE,
)
_CLOSED = (":", "：", ".", "!", "?", "。", "！", "？")
_MARGIN = 200


class _Keyed(Protocol):
    @property
    def keys(self) -> tuple[str, ...]: ...


def forbidden_by(passage: Passage) -> str | None:
    """The title above the passage that says that what stands below it is forbidden, unless words between take it
    back."""
    if passage.form not in (Form.ITEM, Form.ROW) and not (passage.form is Form.PROSE and words.is_order(passage.text)):
        return None
    if any(shapes.affirms(lead) or words.force(lead) for lead in passage.leads):
        return None
    if _says_so_itself(passage.text):
        return None
    for title in reversed(passage.headings):
        if shapes.forbids(title):
            return shapes.without_number(title).strip()
        if shapes.affirms(title):
            return None
    return None


def _says_so_itself(text: str) -> bool:
    """Whether an item below a title that forbids needs no title to be read as it is meant."""
    ticked = re.match(r"\W*[✅✓✔☑]", text) is not None
    modal = re.match(r"[^:.;]{0,60}\b(?:must not|must never|shall not|may not|cannot)\b", text, re.IGNORECASE)
    return (
        ticked
        or modal is not None
        or re.match(r"\W*(?:never|do not|don['’]t|avoid)\b", text, re.IGNORECASE) is not None
    )


@dataclass(frozen=True)
class Worded:
    """A statement: `before` are the words that announce `text`, `own` those of `text` that say what is required."""

    before: str
    text: str
    own: str

    @property
    def whole(self) -> str:
        return f"{self.before} {self.text}".strip()


def statement(passage: Passage, before: Passage | None) -> Worded:
    """The passage with all that belongs to it; `before` is the one before it, for what its pronoun means."""
    text = _row(passage) if passage.form is Form.ROW else passage.text
    if passage.form is Form.HEADING:
        text = shapes.without_number(text)
    # A lead that requires nothing adds to what does only the place or the case it speaks of, or the subject of an
    # order: «Modules: have docstrings».
    whole = words.force(text) and (words.forbids_at_once(text) or words.requires(text) or not words.is_order(text))
    leads = [lead.strip() for lead in passage.leads if words.force(lead) or not whole or _LIMITS.match(lead)]
    if passage.form is Form.PROSE:
        leads = []
    title = forbidden_by(passage)
    if title is not None:
        leads.insert(0, f"{title}:")
    if passage.form is Form.PROSE and before and before.form is Form.PROSE and _PRONOUN.match(text):
        leads = [before.text]
    joined = " ".join(lead if lead.rstrip("*_ ").endswith(_CLOSED) else f"{lead}:" for lead in leads)
    return Worded(joined, text, _rule_cells(passage) if passage.form is Form.ROW else text)


def _row(passage: Passage) -> str:
    cells = passage.text.split(" | ")
    if len(passage.columns) != len(cells):
        return passage.text
    named = [(c, v) for c, v in zip(passage.columns, cells, strict=True) if v and not shapes.says_nothing(c, v)]
    return "; ".join(f"{c}: {v}" if c and not shapes.is_name_of_rules(c) else v for c, v in named) or passage.text


def forbids_in_a_cell(passage: Passage) -> bool:
    """Whether a cell of a row says by itself that something may not be; «No» and «✗» alone are values."""
    if passage.form is not Form.ROW:
        return False
    cells = passage.text.split(" | ")
    return any(len(re.findall(r"[^\W_]{2,}", cell)) > 1 and words.forbids_at_once(cell) for cell in cells)


def tables_of_rules(all_passages: Sequence[Passage]) -> frozenset[int]:
    """The tables in which a column's title, or a row, says that something is required."""
    return frozenset(
        passage.table
        for passage in all_passages
        if passage.form is Form.ROW
        and (
            any(map(shapes.has_rules, passage.columns))
            or words.force(passage.text) >= words.Force.ADVICE
            or forbids_in_a_cell(passage)
        )
    )


def _rule_cells(passage: Passage) -> str:
    """Of a row the cells that say what is required, without those that tell how it is enforced."""
    cells = passage.text.split(" | ")
    if len(passage.columns) != len(cells):
        return passage.text
    kept = [
        f"{column}: {cell}" if words.negations(column) else cell
        for column, cell in zip(passage.columns, cells, strict=True)
        if not shapes.stands_beside(column) and not shapes.says_nothing(column, cell)
    ]
    return "; ".join(kept) or passage.text


def pieces(worded: Worded, quote: str) -> list[tuple[Worded, str]]:
    """(statement, the constitution's words in it): one pair, or several where a statement is too long for one."""
    whole = worded.whole
    if len(whole) <= criteria.MAX_STATEMENT:
        return [(worded, quote)]
    size = criteria.MAX_STATEMENT - _MARGIN
    parts = []
    rest = whole
    while rest:
        cut = len(rest) if len(rest) <= size else _cut(rest, size)
        parts.append(rest[:cut].strip())
        rest = rest[cut:]
    return [(Worded("", part, part), part) for part in parts if part]


def _cut(text: str, size: int) -> int:
    """Where a text may be cut at `size` at the latest: after a sentence, or between words."""
    for end in (". ", "。", "; ", ", ", " "):
        at = text.rfind(end, size // 2, size)
        if at > 0:
            return at + len(end)
    return size


def keys_below(passages: Sequence[Passage], lines: Sequence[_Keyed]) -> list[tuple[str, ...]]:
    """For each passage the keys of the criteria that stand below it as a title, or that it announces as a lead."""
    open_titles: list[int] = []
    open_leads: dict[str, int] = {}
    below: list[dict[str, None]] = [{} for _ in passages]
    for number, (passage, line) in enumerate(zip(passages, lines, strict=True)):
        if passage.form is Form.HEADING:
            while open_titles and passages[open_titles[-1]].level >= passage.level:
                open_titles.pop()
            open_leads = {}
        mine = dict.fromkeys(line.keys)
        if mine:
            for title in open_titles:
                below[title].update(mine)
            for lead in passage.leads:
                if lead in open_leads:
                    below[open_leads[lead]].update(mine)
            if passage.form is Form.ROW and f"\0{passage.table}" in open_leads:
                below[open_leads[f"\0{passage.table}"]].update(mine)
        if passage.form is Form.HEADING:
            open_titles.append(number)
        elif passage.announces:
            open_leads[passage.text] = number
        elif passage.form is Form.COLUMNS:
            open_leads[f"\0{passage.table}"] = number
    return [tuple(keys) for keys in below]
