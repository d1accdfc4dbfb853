"""What stands around a sentence and changes it: titles and leads that narrow or lift it, exceptions beside it.

The closed set of sentences is read without its surroundings; these say whether it may be. A title of the closed set of
neutral words changes nothing; any other narrows («Frontend», «Passwords»); some lift («Non-goals», «Exceptions»)."""

import re  # noqa: TID251  bounded: passages.MAX_TEXT
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from worker.verification.constitution import passages, words
from worker.verification.constitution.passages import Form, Passage


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEUTRAL = _set(
    "a an and & the of for our in on with security secure safety style styling code coding codebase quality clean "
    "cleanliness hygiene functionality rule rules requirement requirements standard standards principle principles "
    "core guideline guidelines convention conventions general engineering development technical best practice "
    "practices constraint constraints python source readability maintainability correctness robustness reliability "
    "project constitution policy policies pattern patterns construct constructs prohibited prohibition prohibitions "
    "forbidden banned disallowed never error errors exception handling import imports type types typing hint hints "
    "annotation annotations dangerous unsafe insecure function functions call calls builtin builtins language "
    "static analysis lint linting invariant invariants non negotiable negotiables strict must shall should not "
    "mandatory critical required high medium low basic basics fundamental fundamentals commandments house law laws "
    "discipline anti antipattern antipatterns do dos don't don'ts hard absolute strictly explicitly things we "
    "always everywhere whole all readable first clarity consistency simplicity naming formatting gates values "
    "behaviour behavior"
)
_LIFTS = re.compile(
    r"\b(?:exceptions?(?! handling)|exempt\w*|allow(?:ed|s|ances?)?|permit(?:s|ted|ssions?)?|permissions?|optional"
    r"|nice[- ]to[- ]haves?|could|may|proposals?|proposed|drafts?|ideas?|later|future|roadmap|out of scope|non-?goals?"
    r"|rejected|retired|deprecated|obsolete|former(?:ly)?|past|history|questions?|examples?|bad|not required"
    r"|not (?:yet|forbidden|prohibited|banned|required|mandatory|enforced|necessary|needed)|no longer|suspended"
    r"|wish(?:es|list)?|maybe|perhaps|consider\w*|backlog|won['’]t|legacy|superseded|archived?|discuss(?:ed|ion|ions)?"
    r"|deferred|postponed|trials?|experiments?|hypothe\w*|myths?|misconceptions?|faq|rules? of others|abolished"
    r"|withdrawn|rationale|background|under review|todo)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(r"\b(?:not|never|dis|no)[ -]?(?:allowed|permitted|optional|exceptions?)\b", re.IGNORECASE)
# A title with one of these speaks of a part, be it the title of the whole document.
_PART = re.compile(
    r"\b(?:front-?end|back-?end|client|server|ui|web|mobile|ios|android|tests?|testing|docs?|documentation|scripts?"
    r"|infra\w*|api|database|notebooks?|migrations?|plugins?|sdk|cli|tools?|for|in|of|when)\b",
    re.IGNORECASE,
)
_DOCUMENT = re.compile(
    r"\b(?:constitution|rules|guidelines|standards|principles|conventions|charter|handbook|style guide|agents|claude"
    r"|manifesto)\b",
    re.IGNORECASE,
)
_EXEMPTS = re.compile(
    r"\b(?:exempt\w*|waive[rd]\w*|grandfathered|do(?:es)? not apply|excepted|not (?:covered|bound) by"
    r"|exceptions? (?:to|from) (?:this|these|the|that|any|a)|(?:is|are|as) (?:the|an|one) exceptions?"
    r"|the (?:one|only|sole) exceptions?|exceptions? (?:\w+ ){0,2}(?:approv|document|justif|grant|allow|list)\w*)\b"
    r"|^[\s*_(-]*(?:exceptions?|exempt|allowed|permitted|excluded|unless|except)[\s*_)]*[:–—-]"
    r"|^[\s*_(-]*(?:unless|except)\b",
    re.IGNORECASE,
)
# Python's own word is no exception to anything.
_PERMITS = re.compile(
    r"\b(?:may(?! not)|can(?! ?not|'t)|allowed|permitted|acceptable|accepted|tolerated|fine|okay|ok|exempt\w*"
    r"|(?<!bare )(?<!bare-)(?<!`)except(?![:`])|exceptions? (?:to|from|is|are)|unless|only|but)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Around:
    """What stands around a line. `titles` are its headings and leads, `near` what else stands in its section."""

    titles: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    permits: tuple[str, ...] = ()
    """Sentences anywhere that permit something."""


class Surroundings:
    """What stands around each line of a constitution, made for the lines that somebody asks about."""

    def __init__(self, read: Sequence[Passage]) -> None:
        self._title = _title([passage for passage in read if passage.form is Form.HEADING])
        self._worded = [p for p in read if p.form in (Form.ITEM, Form.PROSE, Form.ROW)]
        self._at: dict[int, list[int]] = {}
        self._exempting: dict[tuple[str, ...], list[Passage]] = {}
        for number, passage in enumerate(self._worded):
            self._at.setdefault(passage.line, []).append(number)
            if _EXEMPTS.search(passage.text):
                self._exempting.setdefault(passage.headings, []).append(passage)
        self._permitting = [passage for passage in self._worded if _PERMITS.search(passage.text)]

    def get(self, line: int) -> Around | None:
        """Around the passages that begin on the line; None where none does."""
        found: Around | None = None
        for number in self._at.get(line, ()):
            passage = self._worded[number]
            own = {id(passage), *_parts(self._worded, number)}
            headings = passage.headings[1:] if passage.headings[:1] == (self._title,) else passage.headings
            near = tuple(p.text for p in self._exempting.get(passage.headings, ()) if id(p) not in own)
            permits = tuple(p.text for p in self._permitting if id(p) not in own)
            before = found or Around()
            titles = tuple(dict.fromkeys((*before.titles, *headings, *passage.leads)))
            found = Around(titles, tuple(dict.fromkeys((*before.near, *near))), permits)
        return found


def around(constitution: str) -> Surroundings:
    """By the number of the line where a passage begins: what stands around it."""
    return Surroundings(passages.read(constitution))


def _title(headings: list[Passage]) -> str | None:
    """The title of the whole document, where it has one that speaks of all of it."""
    if not headings or headings[0].level != 1 or sum(head.level == 1 for head in headings) != 1:
        return None
    title = headings[0].text
    whole = len(headings) > 1 or _DOCUMENT.search(title) is not None
    return title if whole and not _PART.search(title) and not lifts(title) else None


def _parts(worded: Sequence[Passage], number: int) -> set[int]:
    """Of the items after that one those that say what it means and require nothing of their own."""
    first = worded[number]
    parts = set[int]()
    for passage in (worded[after] for after in range(number + 1, len(worded))):
        if passage.form is not Form.ITEM or first.form is not Form.ITEM or passage.level <= first.level:
            break
        if not words.force(passage.text):
            parts.add(id(passage))
    return parts


def neutral(title: str) -> bool:
    """Whether a title changes nothing about the sentences below it."""
    bare = re.sub(r"^\W*(?:(?:[ivxlc]+|\d+(?:\.\d+)*|[a-z])[.)]|§ *\d+|(?:article|principle|section|rule) \w+\b)", "",
                  title.strip(), flags=re.IGNORECASE)  # fmt: skip
    parts = re.findall(r"[^\W_]+(?:['’][^\W_]+)?|&", bare.lower())
    return all(part.replace("’", "'") in _NEUTRAL or part.isdigit() for part in parts)


def lifts(title: str) -> bool:
    """Whether a title says that what stands below it is no rule, or none in force."""
    return _LIFTS.search(_DENIED.sub(" ", title)) is not None


def permitted(names: Iterable[re.Pattern[str]], texts: Iterable[str]) -> bool:
    """Whether any of `texts`, which permit something, speaks of a thing by its name."""
    wanted = list(names)
    return any(name.search(text) for text in texts for name in wanted)
