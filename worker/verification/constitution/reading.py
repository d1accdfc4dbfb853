"""Read a constitution by rules, without a model: every line becomes a criterion, part of one, or is not read, because.

- A list item and a row of a table that requires something is a criterion; the words that announce its list belong to
  it.
- A sentence of prose is one when it requires or forbids something (`words.py`), whatever the language.
- A heading is one when it states a requirement itself; a heading that forbids («Anti-patterns») counts for its list.
- Definitions, permissions, rationale, examples, code, comments and metadata are not read. Where such a line has the
  words of a requirement all the same, the reading says so, and no run of it can pass."""

import re  # noqa: TID251  bounded: passages.MAX_TEXT
from collections.abc import Sequence
from dataclasses import replace

from worker.verification.constitution import announcing, criteria, passages, shapes, wording, words
from worker.verification.constitution.criteria import ConstitutionRejected, Criterion
from worker.verification.constitution.fates import Fate, Line, Reading
from worker.verification.constitution.passages import Form, Passage
from worker.verification.constitution.wording import Worded
from worker.verification.constitution.words import Force

__all__ = ["COMMENT", "METHOD", "OF_WHAT_FOLLOWS", "Fate", "Line", "Reading", "checked", "read", "unchecked"]

METHOD = "rules-3"
_TITLE = "a title"
OF_WHAT_FOLLOWS = "the title of what follows"
COMMENT = "a comment, which no reader of the page sees"
_MODAL = re.compile(r"\b(?:must|shall|should|never|cannot|may not|is|are|do(?:es)? not|don['’]t)\b", re.IGNORECASE)
_ASKS = re.compile(r"^\W*(?:what|when|why|how|who|where|which|things|rules|areas|if)\b", re.IGNORECASE)
_MIN_WORDS = 2


def read(text: str) -> Reading:
    """The criteria of `text`, each statement once, and what became of its lines.

    Raises ConstitutionRejected for a text without any criterion, or with more than MAX_CRITERIA.
    """
    return checked(unchecked(text))


def unchecked(text: str) -> Reading:
    """As `read`, however many criteria there are, none included."""
    return _Reader(passages.read(text)).reading()


def checked(reading: Reading) -> Reading:
    """The reading, when it can be verified in one run. Raises ConstitutionRejected."""
    if not reading.criteria:
        raise ConstitutionRejected(
            "The constitution says nothing that can be checked. Write its rules as list items, or as sentences "
            "with MUST, MUST NOT, SHOULD or NEVER, for example: «- Code MUST NOT call eval()»."
        )
    if len(reading.criteria) > criteria.MAX_CRITERIA:
        raise ConstitutionRejected(
            f"The constitution has {len(reading.criteria)} criteria; at most {criteria.MAX_CRITERIA} are verified in "
            f"one run. Split it."
        )
    return reading


class _Reader:
    def __init__(self, passages_: Sequence[Passage]) -> None:
        self._passages = passages_
        self._ruled = wording.tables_of_rules(passages_)
        self._criteria: dict[str, Criterion] = {}
        self._lines: list[Line] = []
        self._before: Passage | None = None
        self._parents: dict[int, str] = {}
        """Key of the criterion that the last item became, by how deep the item is nested."""
        self._renamed: dict[str, str] = {}
        self._shown: Line | None = None
        """The line that a block of code right after it belongs to."""

    def reading(self) -> Reading:
        for passage in self._passages:
            line = self._line(passage)
            self._lines.append(line)
            if passage.form is not Form.COMMENT:
                self._shown = line if passage.shows else None
            if passage.form in (Form.PROSE, Form.ITEM):
                self._before = passage
        lines = [replace(line, keys=self._current(line.keys)) for line in self._placed()]
        ordered = sorted(self._criteria.values(), key=lambda criterion: criterion.line)
        return Reading(tuple(ordered), tuple(lines), METHOD)

    def _line(self, passage: Passage) -> Line:
        match passage.form:
            case Form.COMMENT:
                return _unread(passage, COMMENT, requires=False)
            case Form.METADATA:
                return _unread(passage, "metadata")
            case Form.CODE:
                return self._code(passage)
            case Form.MARKUP:
                return _unread(passage, "markup", requires=words.in_capitals(passage.text))
            case Form.COLUMNS:
                return _unread(passage, _TITLE)
            case Form.HEADING:
                return self._heading(passage)
            case _:
                return self._statement(passage)

    def _heading(self, passage: Passage) -> Line:
        title = shapes.without_brackets(passage.text)
        self._parents = {}
        announces = shapes.forbids(title) and not announcing.is_sentence(title)
        states = words.force(title) >= Force.ADVICE and _states(title)
        orders = words.requires(title) and (words.forbids_at_once(title) or announcing.is_sentence(title))
        if (states or (orders and not announces)) and not _ASKS.match(title) and len(_words(title)) > _MIN_WORDS:
            return self._criterion(passage, Worded("", title, title))
        # Whether it is the title of rules is known when its section was read.
        return _unread(passage, _TITLE, requires=False)

    def _code(self, passage: Passage) -> Line:
        """A block of code belongs to the words that announce it, unless it says itself what nobody should write."""
        shown = self._shown
        requires = words.force(passage.text, code=True) >= Force.DUTY
        if shown is None or not shown.keys:
            return _unread(passage, "a block of code", requires=requires or (shown is not None and shown.requires))
        key = self._current(shown.keys)[0]
        whole = self._criteria[key]
        statement = f"{whole.statement} `{passage.text}`"
        if requires or len(statement) > wording.MAX_WITH_CODE:
            return _unread(passage, "a block of code", requires=requires or words.requires(whole.statement))
        return self._grown(passage, whole, statement)

    def _statement(self, passage: Passage) -> Line:
        own = words.force(shapes.without_number(passage.text))
        if wording.forbids_in_a_cell(passage):
            own = max(own, Force.PLAIN)
        self._forget(passage)
        why, requires = self._why_not(passage, own)
        if why is not None:
            return _unread(passage, why, requires=requires)
        if passage.announces:
            # Its items are the rules; where nothing becomes of them, what it requires is a criterion by itself.
            return _unread(passage, _TITLE, requires=words.requires(passage.text))
        parent = self._parents.get(passage.level - 1) if passage.form is Form.ITEM else None
        if parent is not None and not own and not passage.leads:
            whole = self._criteria[self._current((parent,))[0]]
            own_sentence = announcing.is_sentence(whole.quote) and announcing.is_sentence(passage.text)
            joint = ":" if whole.statement == criteria.unmarked(whole.quote) else ";"
            statement = f"{whole.statement}{joint} {passage.text}"
            if not own_sentence and len(statement) <= wording.MAX_WITH_PARTS:
                return self._grown(passage, whole, statement)
        worded = wording.statement(passage, self._before)
        if len(_words(worded.whole)) < _MIN_WORDS:
            return _unread(passage, "it says too little to be checked", requires=own >= Force.ADVICE)
        return self._criterion(passage, worded)

    def _forget(self, passage: Passage) -> None:
        """Items that are nested as deep as this one, or deeper, have nothing more below them."""
        depth = passage.level if passage.form is Form.ITEM else 1
        self._parents = {level: key for level, key in self._parents.items() if level < depth}

    def _why_not(self, passage: Passage, own: Force) -> tuple[str | None, bool]:
        """Why the passage is no criterion, or None when it is one; and whether it requires something all the same."""
        text, leads = passage.text, passage.leads
        # What its list or its title says of it counts for it.
        given = max([own, *(words.force(lead) for lead in leads)])
        if wording.forbidden_by(passage) is not None:
            given = max(given, Force.ADVICE)
        capitals = words.in_capitals(text)
        if words.defines_keywords(text):
            return "it says what the words of RFC 2119 mean", False
        if shapes.gives_a_reason(text) or any(shapes.gives_a_reason(lead) for lead in leads):
            return "it explains", capitals
        if leads and words.permits(leads[-1]) and own < Force.ADVICE:
            return "it is permitted", False
        if given >= Force.DUTY:
            return None, False
        unless = self._why_nothing(passage, own, given)
        return unless, unless is not None and words.requires(text)

    def _why_nothing(self, passage: Passage, own: Force, given: Force) -> str | None:
        """Why a passage without a duty is no criterion."""
        text = passage.text
        if given < Force.ADVICE:
            if shapes.is_metadata(text):
                return "metadata"
            if shapes.is_placeholder(text):
                return "a placeholder of a template"
            if shapes.is_link(text):
                return "a link"
        example = any(map(shapes.is_example, (text, *passage.leads)))
        if (own < Force.ADVICE and example) or (not own and any(map(shapes.is_about, (text, *passage.leads)))):
            return "it explains, and no word of it requires anything"
        if words.permits(text) and given < Force.ADVICE:
            return "it permits"
        if given:
            return None
        informing = next((title for title in passage.headings if shapes.informs(title, text)), None)
        if informing is not None:
            return f"the section «{informing}» informs, and no word of the line requires anything"
        if passage.form is Form.ROW and passage.table not in self._ruled:
            return "a row of a table in which nothing is required"
        # A sentence about code below a heading states how things are to be; above all headings it says what they are.
        told = len(passage.headings) > 1 and shapes.names_code(text)
        if passage.form is Form.PROSE and not passage.announces and not told:
            return "no word of it requires anything"
        return None

    def _criterion(self, passage: Passage, worded: Worded) -> Line:
        section = passage.headings[-1] if passage.headings else None
        keys = []
        why = None
        for piece, quote in wording.pieces(worded, passage.text):
            key = criteria.key_of(criteria.unmarked(piece.whole))
            known = self._criteria.get(key)
            if known is None:
                self._criteria[key] = criteria.make(
                    piece.whole,
                    section=section,
                    line=passage.line,
                    quote=quote,
                    titles=passage.headings,
                    own=piece.own,
                    before=piece.before,
                )
            else:
                why = f"said before in line {known.line}"
            keys.append(key)
        if passage.form is Form.ITEM:
            self._parents[passage.level] = keys[0]
        fate = Fate.CRITERION if why is None or len(keys) > 1 else Fate.PART
        unique = tuple(dict.fromkeys(keys))
        return Line(passage.line, passage.end_line, passage.text, fate, unique, why if fate is Fate.PART else None)

    def _grown(self, passage: Passage, whole: Criterion, statement: str) -> Line:
        """What says no more than what another criterion means is a part of that."""
        made = criteria.make(statement, section=whole.section, line=whole.line, quote=whole.quote)
        made = replace(made, category=whole.category, severity=whole.severity, kind=whole.kind)
        self._criteria.pop(whole.key)
        self._criteria.setdefault(made.key, made)
        self._renamed[whole.key] = made.key
        return Line(passage.line, passage.end_line, passage.text, Fate.PART, (made.key,))

    def _current(self, keys: Sequence[str]) -> tuple[str, ...]:
        """The keys under which criteria live on that have grown since."""
        return tuple(dict.fromkeys(map(self._latest, keys)))

    def _latest(self, key: str) -> str:
        while key not in self._criteria:
            key = self._renamed[key]
        return key

    def _unsaid(self, passage: Passage, keys: Sequence[str]) -> bool:
        """Whether a title or a lead requires something that no statement below it says, since all have words of their
        own."""
        if passage.form is Form.HEADING:
            needed = _demands(passage) and shapes.forbids(passage.text)
        else:
            above = wording.forbidden_by(passage) is not None or any(map(words.requires, passage.leads))
            needed = passage.form is not Form.COLUMNS and (above or words.requires(passage.text))
        text = criteria.unmarked(shapes.without_number(passage.text))
        return needed and not any(text in self._criteria[self._latest(key)].statement for key in keys)

    def _placed(self) -> list[Line]:
        """The lines, where titles and leads belong to the criteria below them."""
        below = wording.keys_below(self._passages, self._lines)
        placed = []
        for line, passage, keys in zip(self._lines, self._passages, below, strict=True):
            if line.why != _TITLE:
                placed.append(line)
            elif keys and self._unsaid(passage, keys):
                placed.append(self._criterion(passage, wording.statement(passage, None)))
            elif keys:
                placed.append(replace(line, fate=Fate.PART, keys=keys, why=OF_WHAT_FOLLOWS, requires=False))
            elif line.requires or _demands(passage):
                placed.append(self._criterion(passage, wording.statement(passage, None)))
            else:
                placed.append(line)
        return placed


def _demands(passage: Passage) -> bool:
    """Whether a heading requires something by itself."""
    title = shapes.without_brackets(passage.text)
    return passage.form is Form.HEADING and words.requires(title) and len(_words(title)) > _MIN_WORDS


def _unread(passage: Passage, why: str, *, requires: bool | None = None) -> Line:
    needed = words.requires(passage.text) if requires is None else requires
    return Line(passage.line, passage.end_line, passage.text, Fate.NOT_READ, why=why, requires=needed)


def _states(title: str) -> bool:
    """Whether something is said of something: there are words before and behind one that says how things are."""
    lettered = [at for at, character in enumerate(title) if character == "_" or character.isalnum()]
    return any(lettered[0] < found.start() and found.end() <= lettered[-1] for found in _MODAL.finditer(title))


def _words(text: str) -> list[str]:
    """Words, where a script without spaces counts by its characters."""
    return re.findall(r"[^\W\d_]+|\d+", re.sub(r"([⺀-鿿぀-ヿ가-힯])", r" \1 ", text))
