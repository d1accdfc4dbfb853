"""Read a constitution by rules, without a model: every line becomes a criterion, part of one, or is not read, because.

- A list item and a row of a table that requires something is a criterion; the words that announce its list belong to
  it.
- A sentence of prose is one when it requires or forbids something (`words.py`), whatever the language.
- A heading is one when it states a requirement itself; a heading that forbids («Anti-patterns») counts for its list.
- Definitions, permissions, rationale, examples, code, comments and metadata are not read. Where such a line has the
  words of a requirement all the same, the reading says so, and no run of it can pass."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from worker.verification.constitution import criteria, passages, words
from worker.verification.constitution.criteria import ConstitutionRejected, Criterion
from worker.verification.constitution.passages import Form, Passage
from worker.verification.constitution.words import Force

METHOD = "rules-2"


class Fate(StrEnum):
    """What became of a line."""

    CRITERION = "criterion"
    PART = "part"
    NOT_READ = "not read"


@dataclass(frozen=True)
class Line:
    """What became of one passage of the constitution.

    `keys` are the criteria that it became or is part of. `requires`: it has the words of a requirement and became
    nothing, so that nobody may say that everything was checked.
    """

    line: int
    end_line: int
    text: str
    fate: Fate
    keys: tuple[str, ...] = ()
    why: str | None = None
    requires: bool = False


@dataclass(frozen=True)
class Reading:
    """Criteria in the order of the text, and what became of every line. `notes` tell what was dropped, merged or
    added."""

    criteria: tuple[Criterion, ...]
    lines: tuple[Line, ...]
    method: str
    notes: tuple[str, ...] = ()

    @property
    def unread(self) -> tuple[Line, ...]:
        """Lines with a requirement that became nothing."""
        return tuple(line for line in self.lines if line.requires)


_INFORMING = (
    r"(?:references?|links?|resources|glossary|definitions?|terminology|terms|background|introduction|overview"
    r"|(?:table of )?contents|change ?log|changes|history|revisions?"
    r"|examples?|rationale|notes?|licen[cs]es?|license headers?|authors?|contributors|acknowledge?ments?|credits"
    r"|see also|appendix|sync impact report|further reading|motivation|preamble"
    r"|about|context)"
)
_INFORMATIVE = re.compile(
    rf"^\W*(?:(?:[ivxlc]+|\d+(?:\.\d+)*|[a-z])[.)]\s+)?(?:(?:the|our|project|version|revision|document|useful"
    rf"|external|key|code|some|related|additional|amendment|release)\s+)*"
    rf"{_INFORMING}(?:\s*(?:and|&|/|,)\s*(?:the\s+)?{_INFORMING})*\W*$",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^\W*(?:rationale|why(?: this matters)?|reason(?:ing|s)?|note|notes|example|examples|e\.g\.|for example"
    r"|motivation|benefits?|background|context|purpose"
    r"|goals?|definition|explanation|impact|intent|source|see(?: also)?|reference|warum|begründung|razón"
    r"|justificación|根拠|理由|原因|说明|raison|justification|обоснование)"
    r"\b\W{0,4}[:：–—-]|^\W*(?:rationale|why|examples?|notes?|benefits?|motivation|reasons?)\W*$",
    re.IGNORECASE,
)
_METADATA = re.compile(
    r"^\W*(?:version|ratified|ratification date|last amended|last updated|amended|updated|effective date|author"
    r"|authors|owner|status|date|created|license|maintainers?|revision)\W*[:：|]"
    r"|^\W*(?:版本|バージョン|버전|versión|versão|versione?|версия)\W*[:：]",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"^\W*\[[A-Z][A-Z0-9_ ]{3,}\]\W*$")
_LINK_ONLY = re.compile(r"^\W*(?:https?://\S+|\S+\.(?:md|html))\W*$")
_FORBIDDING_TITLE = re.compile(
    r"^\W*(?:[ivx\d.]+\s+)?(?:(?:strictly|explicitly|absolutely|what is|things|patterns|practices|never|code"
    r"|the)\s+)*(?:forbidden|prohibited|banned|disallowed|not allowed|not permitted|unacceptable|must not|must never"
    r"|never|do not|don['’]ts?|dont's|anti-?patterns?|out of bounds|red flags|forbidden \w+|prohibited \w+|banned "
    r"\w+|disallowed \w+|verboten\w*|prohibid[oa]s?|proibid[oa]s?|interdit\w*|禁止\S*|запрещено)\b[^.]{0,40}$",
    re.IGNORECASE,
)
_STATES = re.compile(
    r"\w.*\b(?:must|shall|should|never|cannot|may not|is|are|do(?:es)? not|don['’]t)\b.*\w", re.IGNORECASE
)
_ASKS = re.compile(r"^\W*(?:what|when|why|how|who|where|which|things|rules|areas|if)\b", re.IGNORECASE)
_RULE_COLUMN = re.compile(
    r"\b(?:must|should|required?|requirements?|mandatory|rules?|polic(?:y|ies)|standards?|forbidden|prohibited"
    r"|allowed|threshold|target|minimum|maximum|min|max|limits?"
    r"|constraint|regel|anforderung|requisito|regla|exigence|要求|规则|ルール)\b",
    re.IGNORECASE,
)
_RULE_TITLE = re.compile(
    r"^\W*(?:rules?|requirements?|polic(?:y|ies)|standards?|must|regel|requisito|regla|exigence|要求|规则|ルール)\W*$",
    re.IGNORECASE,
)
_WHERE_COLUMN = re.compile(r"^\W*(?:applies to|scope|where|area|gilt für)\W*$", re.IGNORECASE)
_EVERYWHERE = re.compile(
    r"^\W*(?:everywhere|all(?: code| files| modules)?|anywhere|the whole repository|überall)\W*$", re.IGNORECASE
)
_NUMBERING = re.compile(
    r"^\W*(?:(?:article|principle|rule|section|art\.?|§)\s*)?(?:[IVXLC]+|\d+(?:\.\d+)*|[A-Z])[.):]\s+", re.IGNORECASE
)
_PRONOUN = re.compile(r"^(?:It|They|These|Those|Such|Each of (?:them|these)|Both)\b")
_MIN_WORDS = 2


def read(text: str) -> Reading:
    """The criteria of `text`, each statement once, and what became of its lines.

    Raises ConstitutionRejected for a text without any criterion, or with more than MAX_CRITERIA.
    """
    read = _Reader(passages.read(text)).reading()
    return checked(read)


def checked(read: Reading) -> Reading:
    """The reading, when it can be verified in one run. Raises ConstitutionRejected."""
    if not read.criteria:
        raise ConstitutionRejected(
            "The constitution says nothing that can be checked. Write its rules as list items, or as sentences "
            "with MUST, MUST NOT, SHOULD or NEVER, for example: «- Code MUST NOT call eval()»."
        )
    if len(read.criteria) > criteria.MAX_CRITERIA:
        raise ConstitutionRejected(
            f"The constitution has {len(read.criteria)} criteria; at most {criteria.MAX_CRITERIA} are verified in "
            f"one run. "
            "Split it."
        )
    return read


class _Reader:
    def __init__(self, read: Sequence[Passage]) -> None:
        self._passages = read
        self._criteria: dict[str, Criterion] = {}
        self._lines: list[Line] = []
        self._before: Passage | None = None
        self._parent: str | None = None

    def reading(self) -> Reading:
        for passage in self._passages:
            line = self._line(passage)
            self._lines.append(line)
            if passage.form in (Form.PROSE, Form.ITEM):
                self._before = passage
        lines = tuple(self._placed())
        return Reading(tuple(self._criteria.values()), lines, METHOD)

    def _line(self, passage: Passage) -> Line:
        match passage.form:
            case Form.COMMENT:
                return _unread(passage, "a comment, which no reader of the page sees")
            case Form.METADATA:
                return _unread(passage, "metadata", code=True)
            case Form.CODE:
                return _unread(passage, "a block of code", code=True)
            case Form.MARKUP:
                return _unread(passage, "markup", code=True)
            case Form.HEADING:
                return self._heading(passage)
            case _:
                return self._statement(passage)

    def _heading(self, passage: Passage) -> Line:
        title = _title(passage)
        self._parent = None
        states = _STATES.search(title) and words.force(title) >= Force.ADVICE
        denies = re.match(r"(?:no|never)\s+\w+", title, re.IGNORECASE) and not _FORBIDDING_TITLE.match(title)
        if (states or denies) and not _ASKS.match(title) and len(_words(title)) > _MIN_WORDS:
            return self._criterion(passage, title)
        # Whether it is the title of rules is known when its section was read.
        return Line(passage.line, passage.end_line, passage.text, Fate.NOT_READ, why="a title")

    def _statement(self, passage: Passage) -> Line:
        own = words.force(_NUMBERING.sub("", passage.text))
        why = self._why_not(passage, own)
        if why is not None:
            return _unread(passage, why) if own < Force.DUTY else _said(passage, why)
        if passage.announces and not (own and passage.form is Form.PROSE):
            # A title of a list; its items are the rules.
            return Line(passage.line, passage.end_line, passage.text, Fate.NOT_READ, why="a title")
        if passage.announces:
            return Line(passage.line, passage.end_line, passage.text, Fate.NOT_READ, why="a title", requires=True)
        statement = self._worded(passage)
        nested = passage.form is Form.ITEM and passage.level > 1 and not passage.leads
        if nested and not own and self._parent in self._criteria:
            return self._part(passage, self._parent)
        if len(_words(statement)) < _MIN_WORDS:
            return _unread(passage, "it says too little to be checked")
        return self._criterion(passage, statement)

    def _why_not(self, passage: Passage, own: Force) -> str | None:
        """Why the passage is no criterion, or None when it is one."""
        text = passage.text
        # What its list or its title says of it counts for it.
        given = max([own, *(words.force(lead) for lead in passage.leads)], default=own)
        if self._forbidden_by_title(passage):
            given = max(given, Force.ADVICE)
        explaining = _LABEL.match(text) or any(_LABEL.match(lead) for lead in passage.leads)
        informing = next((title for title in passage.headings if _INFORMATIVE.search(title)), None)
        if words.defines_keywords(text):
            return "it says what the words of RFC 2119 mean"
        if _METADATA.match(text) and own < Force.DUTY:
            return "metadata"
        if _PLACEHOLDER.match(text):
            return "a placeholder of a template"
        if _LINK_ONLY.match(text):
            return "a link"
        if given >= Force.DUTY:
            return None
        if explaining:
            return "it explains, and no word of it requires anything"
        if words.permits(text) and not given:
            return "it permits"
        if informing is not None and not given:
            return f"the section «{informing}» informs, and no word of the line requires anything"
        if passage.form is Form.ROW and not given and not self._ruled(passage):
            return "a row of a table in which nothing is required"
        if passage.form is Form.PROSE and not given:
            return "no word of it requires anything"
        return None

    def _ruled(self, row: Passage) -> bool:
        """Whether the row's table is one of rules: a title of a column says so, or another row requires something."""
        rows = [
            p for p in self._passages if p.form is Form.ROW and p.columns == row.columns and p.headings == row.headings
        ]
        return any(_RULE_COLUMN.search(column) for column in row.columns) or any(
            words.force(other.text) >= Force.ADVICE for other in rows
        )

    def _forbidden_by_title(self, passage: Passage) -> bool:
        return (
            passage.form in (Form.ITEM, Form.ROW)
            and bool(passage.headings)
            and _FORBIDDING_TITLE.match(passage.headings[-1]) is not None
        )

    def _worded(self, passage: Passage) -> str:
        """The statement with all that belongs to it: its leads, a title that forbids, the columns of a row."""
        text = passage.text
        if passage.form is Form.ROW:
            cells = text.split(" | ")
            named = zip(passage.columns, cells, strict=False) if len(passage.columns) == len(cells) else ()
            told = [(c, v) for c, v in named if v and not (_WHERE_COLUMN.match(c) and _EVERYWHERE.match(v))]
            text = "; ".join(f"{c}: {v}" if c and not _RULE_TITLE.match(c) else v for c, v in told) or text
        # A lead that requires nothing adds nothing to what does; the words of an item are not repeated in
        # what explains it.
        leads = [lead.strip() for lead in passage.leads if words.force(lead) or not words.force(text)]
        if passage.form is Form.PROSE:
            leads = []
        if self._forbidden_by_title(passage) and not any(words.negations(lead) for lead in leads):
            leads.insert(0, f"{_NUMBERING.sub('', passage.headings[-1]).strip()}:")
        before = self._before
        if passage.form is Form.PROSE and before and before.form is Form.PROSE and _PRONOUN.match(text):
            leads = [before.text]
        joined = " ".join(lead if lead.endswith((":", "：", ".", "!", "?")) else f"{lead}:" for lead in leads)
        return f"{joined} {text}".strip()

    def _criterion(self, passage: Passage, statement: str) -> Line:
        section = passage.headings[-1] if passage.headings else None
        made = criteria.make(statement, section=section, line=passage.line, quote=passage.text, titles=passage.headings)
        known = self._criteria.get(made.key)
        if known is None:
            self._criteria[made.key] = made
        if passage.form is Form.ITEM:
            self._parent = made.key
        fate = Fate.CRITERION if known is None else Fate.PART
        why = None if known is None else f"said before in line {known.line}"
        return Line(passage.line, passage.end_line, passage.text, fate, (made.key,), why)

    def _part(self, passage: Passage, parent: str) -> Line:
        """An item below another that requires nothing of its own: it says what the other means."""
        whole = self._criteria[parent]
        joint = ":" if whole.statement == criteria.unmarked(self._worded_parent(whole)) else ";"
        made = criteria.make(
            f"{whole.statement}{joint} {passage.text}", section=whole.section, line=whole.line, quote=whole.quote
        )
        made = replace(made, category=whole.category, severity=whole.severity)
        self._criteria = {
            made.key if key == parent else key: made if key == parent else c for key, c in self._criteria.items()
        }
        self._lines = [
            replace(line, keys=tuple(made.key if k == parent else k for k in line.keys)) for line in self._lines
        ]
        self._parent = made.key
        return Line(passage.line, passage.end_line, passage.text, Fate.PART, (made.key,))

    @staticmethod
    def _worded_parent(whole: Criterion) -> str:
        return whole.quote

    def _placed(self) -> list[Line]:
        """The lines, where titles and leads belong to the criteria below them; a lead of nothing is said to be
        unread."""
        placed = []
        for number, (line, passage) in enumerate(zip(self._lines, self._passages, strict=True)):
            if line.why != "a title":
                placed.append(line)
                continue
            keys = self._below(number, passage)
            if keys:
                placed.append(replace(line, fate=Fate.PART, keys=keys, why="the title of what follows", requires=False))
            elif line.requires or _demands(passage):
                made = criteria.make(passage.text, section=None, line=passage.line, quote=passage.text)
                self._criteria.setdefault(made.key, made)
                placed.append(replace(line, fate=Fate.CRITERION, keys=(made.key,), why=None, requires=False))
            else:
                placed.append(line)
        ordered = sorted(self._criteria.values(), key=lambda criterion: criterion.line)
        self._criteria = {criterion.key: criterion for criterion in ordered}
        return placed

    def _below(self, number: int, passage: Passage) -> tuple[str, ...]:
        """Keys of the criteria that the title or lead at `number` speaks of."""
        keys: list[str] = []
        for line, later in zip(self._lines[number + 1 :], self._passages[number + 1 :], strict=True):
            if passage.form is Form.HEADING:
                if later.form is Form.HEADING and later.level <= passage.level:
                    break
            elif passage.text not in later.leads:
                if later.form is Form.MARKUP:
                    continue
                break
            keys += line.keys
        return tuple(dict.fromkeys(keys))


def _title(passage: Passage) -> str:
    """A heading's words without its number and what stands in brackets."""
    return _NUMBERING.sub("", re.sub(r"\([^)]*\)", "", passage.text)).strip()


def _demands(passage: Passage) -> bool:
    """Whether a heading over nothing that was read requires something by itself."""
    title = _title(passage)
    return passage.form is Form.HEADING and words.force(title) >= Force.DUTY and len(_words(title)) > _MIN_WORDS


def _unread(passage: Passage, why: str, *, code: bool = False) -> Line:
    requires = passage.form is not Form.COMMENT and words.force(passage.text, code=code) >= Force.DUTY
    return Line(passage.line, passage.end_line, passage.text, Fate.NOT_READ, why=why, requires=requires)


def _said(passage: Passage, why: str) -> Line:
    """Not read, by a rule that knows why the words of a requirement in it are none."""
    return Line(passage.line, passage.end_line, passage.text, Fate.NOT_READ, why=why)


def _words(text: str) -> list[str]:
    """Words, where a script without spaces counts by its characters."""
    return re.findall(r"[^\W\d_]+|\d+", re.sub(r"([⺀-鿿぀-ヿ가-힯])", r" \1 ", text))
