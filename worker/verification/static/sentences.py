"""The closed set of sentences that static mode understands: what exactly they forbid, and nothing like them.

A sentence is understood as a whole or not at all. One more clause, an exception, a number or a purpose makes it another
sentence, which analyzers do not decide.
"""

import re  # noqa: TID251  bounded: a statement of criteria.MAX_STATEMENT, frames of _MAX_CHARS
from dataclasses import dataclass, replace
from enum import StrEnum

from worker.verification.constitution import words
from worker.verification.static import titles

_ANYWHERE = (
    r"(?: (?:anywhere|at all|ever|on anything|anywhere in (?:the )?(?:code|codebase|repository)"
    r"|in (?:the )?(?:code|codebase|source|source code|repository|project)|for any (?:purpose|reason)|of any kind"
    r"|under any circumstances|in any form))?"
)
_AT_ALL = r"(?:strictly |absolutely |explicitly |always |never ever )?"
# Whoever says «the module» or «new code» speaks of some of it.
_SUBJECT = (
    r"(?:(?:(?:all|any|the|our|this|source) )*(?:code(?:base)?|source(?: code)?|project|repository|repo|package"
    r"|application|app|program|service|system|implementation|library)"
    r"|(?:(?:all|any|every|each|source) )*(?:modules?|functions?|methods?|class(?:es)?|files?)"
    r"|(?:all )?(?:developers|contributors)|we|you)"
)
_VERB = (
    r"(?:call|calls|use|uses|using|contain|contains|have|has|include|includes|including|invoke|invokes|run|runs"
    r"|rely on|relies on|depend on|employ|write|introduce"
    r"|leave|import|do|add|commit|keep|accept|containing|calling|invoking|importing|leaving|writing)"
)
_DONE = (
    r"(?:used|called|invoked|allowed|permitted|accepted|present|left|left behind|written|committed|imported|tolerated"
    r"|made|found|introduced|included|run|acceptable|merged|kept)"
)
_MUST = r"(?:must|shall|should|may|can|will|are to|is to)"
_NOT = r"(?:not|never|not ever|under no circumstances)"
_MUST_NOT = (
    rf"(?:{_MUST} {_NOT}|cannot|can't|mustn't|shouldn't|shan't|won't|do not|does not|don't|doesn't|never"
    r"|(?:is|are) never allowed to)"
)
_BANNED = (
    r"(?:forbidden|prohibited|banned|disallowed|not allowed|not permitted|not accepted|not acceptable|unacceptable"
    r"|never allowed|never acceptable|never permitted|never used|out of bounds)"
)
_OF = r"(?:(?:the |any |all )?(?:use|usage|uses|calls?|calling|using|invocations?) (?:of |to )?|(?:any|all) )?"
_THING = r"(?P<thing>.+?)"
_KINDS_OF_THINGS = (
    r"(?: (?:functions?|calls?|builtins?|constructs?|patterns?|practices?|things|modules?|statements?|imports?"
    r"|features?|apis?))?"
)


class Form(StrEnum):
    """How a sentence forbids: that the thing is used, that it is there, or in a list below a word that forbids."""

    USE = "use"
    BE = "be"
    LIST = "list"
    FINDINGS = "findings"


_FRAMES = tuple(
    (form, re.compile(rf"^{frame}$", re.IGNORECASE))
    for form, frame in (
        (Form.USE, rf"(?:{_SUBJECT} )?{_MUST_NOT} (?:ever )?{_VERB} (?:any )?{_THING}{_ANYWHERE}"),
        (
            Form.USE,
            rf"(?:{_SUBJECT} )?{_MUST} (?:be (?:kept )?free (?:of|from)|avoid(?: using| calling)?|contain no|have no"
            rf"|use no|call no|include no|make no use of|refrain from (?:using|calling)) {_THING}{_ANYWHERE}",
        ),
        (Form.BE, rf"(?:{_SUBJECT} )?(?:is|are|stays?|remains?) free (?:of|from) {_THING}"),
        (
            Form.USE,
            rf"(?:please )?(?:never|do not|don't|avoid) (?:ever )?(?:{_VERB} |the use of |using |calling )?(?:any )?"
            rf"{_THING}{_ANYWHERE}",
        ),
        (
            Form.BE,
            rf"(?:no|zero) (?:use of |usage of |calls? to |more |remaining )?{_THING}(?: {_MUST} be| (?:is|are))?"
            rf"(?: {_DONE})?{_ANYWHERE}",
        ),
        (Form.USE, rf"{_OF}{_THING} {_MUST} {_NOT} be (?:ever )?{_DONE}{_ANYWHERE}"),
        (
            Form.USE,
            rf"{_OF}{_THING} {_MUST} be (?:avoided|removed|eliminated|deleted|absent|forbidden|prohibited|banned)"
            rf"{_ANYWHERE}",
        ),
        (Form.BE, rf"{_OF}{_THING} {_MUST} {_NOT} (?:exist|appear|occur|remain){_ANYWHERE}"),
        (Form.BE, rf"{_OF}{_THING} (?:is|are) {_AT_ALL}{_BANNED}{_ANYWHERE}"),
        (Form.USE, rf"{_OF}{_THING} (?:is|are) {_NOT} {_DONE}{_ANYWHERE}"),
        (Form.BE, rf"{_OF}{_THING} do(?:es)? not (?:appear|occur|exist){_ANYWHERE}"),
        (Form.BE, rf"there {_MUST} (?:be no|{_NOT} be(?: any)?|exist no) {_THING}(?: left)?{_ANYWHERE}"),
        (Form.BE, rf"there (?:is|are) no {_THING}{_ANYWHERE}"),
        (
            Form.LIST,
            rf"(?:the following|these){_KINDS_OF_THINGS} (?:(?:is|are) {_AT_ALL}{_BANNED}|{_MUST} {_NOT}"
            rf"(?: be {_DONE}| appear| occur| exist)?){_ANYWHERE}: {_THING}",
        ),
        (Form.LIST, rf"{_SUBJECT} {_MUST_NOT}(?: {_VERB})?{_ANYWHERE}: (?:{_VERB} )?(?:any )?{_THING}"),
        (
            Form.LIST,
            rf"(?:{_BANNED}|never|must not|must never|do not|don'ts?|anti-?patterns?)(?: (?:do|use|patterns?"
            rf"|practices?|constructs?|functions?|calls?|code))?: (?:{_VERB} )?(?:any )?{_THING}",
        ),
        (Form.FINDINGS, rf"(?:findings? (?:of|by|from) ){_THING} (?:is|are) {_BANNED}"),
        (
            Form.FINDINGS,
            rf"no (?:(?:findings?|(?:rule )?violations?) (?:of|by|from) ){_THING}(?: {_MUST} be| (?:is|are))?"
            rf"(?: {_DONE})?",
        ),
        (Form.FINDINGS, rf"(?:findings? (?:of|by|from) ){_THING} {_MUST} {_NOT} be {_DONE}"),
    )
)
_JOINED = re.compile(r"\s*,\s*(?:and |or |nor )?|\s+(?:and|or|nor)\s+|\s*/\s*(?=`)")
_TITLE = re.compile(
    r"^(?:security|safety|style|code style|quality|code quality|cleanliness|hygiene|clean code|functionality|rule "
    r"\d+)\s*[:–—-]\s+",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"^(?:[❌🚫⛔✗✘]\s*|\(?(?:\d+(?:\.\d+)*|[a-z])[.)]\s+|[-*•]\s+)+", re.IGNORECASE)
# A clause that says in which cases alone the thing is meant.
_QUALIFIER = re.compile(
    r"(?<=\S) (?:for|on|as|with|without|when|whenever|where|while|to|if|unless|except|inside|within|in|by|from|that"
    r"|which|outside|beyond|at|during|on top of)\b.*$",
    re.IGNORECASE,
)
# Words by which a clause could bring in more things than it takes away.
_WIDENS = re.compile(
    r"[,;:/&–—]|\s-\s|\b(?:or|and|nor|also|even|like|similar|either|including|plus|otherwise|etc|alike|any other"
    r"|friends)\b",
    re.IGNORECASE,
)
_ANY_TITLE = re.compile(r"^([^\W\d_]+(?:[ -][^\W\d_]+){0,4}[ -]?)\s*[:–—]\s+(?=\S)")
_REMEDY = re.compile(
    r"\s*[;,.–—-]\s+(?:(?:please|always|instead),? )*(?:(?:use|prefer|call|write|rely on|go through|hold"
    r"|log (?:with|through|via))|(?:they|logging|output) go(?:es)? through) (?:the |an? |python's )?"
    r"(?:`[^`]+`|(?!(?:is|are|was|were|of|it|its|them|this|that|these|in|only|for|by|on|with|here|there|to)\b)[\w.()-]+)"
    r"(?: [\w.()`/-]+){0,6}$",
    re.IGNORECASE,
)
_ALLOWS = re.compile(
    r"\b(?:may|can|allowed|fine|ok|okay|permitted|except|excepted|unless|only|if|when|where|but|tests?|scripts?)\b",
    re.IGNORECASE,
)
_DENIES = re.compile(r"(?:no|not|never|avoid(?:ing)?|do not|don't|without|ban\w*|forbid\w*)\b", re.IGNORECASE)
# The thing once more, as code.
_SHOWN = re.compile(r"\s*\((?:e\.g\. |like |such as )?`[^`]*[=:*(][^`]*`\)$")
_ARTICLE = re.compile(r"^(?:any |all |the |a |an |calls? to |use of |usage of )+(?=\S)", re.IGNORECASE)
_MAX_CHARS = 240


def plain(statement: str) -> str:
    """The statement as the sentences here are written: one line, one kind of quotes and apostrophes, no end mark."""
    text = " ".join(statement.replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"').split())
    crossed = re.match("^[❌🚫⛔✗✘]", text) is not None
    text = _TITLE.sub("", _NUMBERED.sub("", text)).strip().rstrip(".!;,").strip()
    text = _SHOWN.sub("", text)
    return f"forbidden: {text}" if crossed else text


def untitled(text: str) -> str:
    """The text without a title that changes nothing."""
    title = _ANY_TITLE.match(text)
    return text[title.end() :] if title is not None and titles.neutral(title[1]) else text


@dataclass(frozen=True)
class Sentence:
    """One way to read a sentence of the set. `narrowed`: it forbids the things in some cases only, so that their
    absence keeps it and their presence breaks nothing yet. `remedied`: it says besides what to use instead, so that
    their presence breaks it and their absence is not all that it asks."""

    things: tuple[str, ...]
    form: Form
    narrowed: bool = False
    remedied: bool = False


def readings(statement: str) -> list[Sentence]:
    """Every way in which the statement can be read as one of the set; none when it is no such sentence."""
    text = plain(statement)
    if len(text) > _MAX_CHARS:
        return []
    read = _read(text)
    title = _ANY_TITLE.match(text)
    if title is not None and not (words.force(title[1]) or words.negations(title[1]) or titles.lifts(title[1])):
        narrows = not titles.neutral(title[1])
        read += [replace(s, narrowed=s.narrowed or narrows) for s in _read(text[title.end() :])]
    remedy = _REMEDY.search(text)
    if remedy is not None and not _ALLOWS.search(remedy[0]):
        read += [replace(sentence, remedied=True) for sentence in _read(text[: remedy.start()])]
    return read


def _read(text: str) -> list[Sentence]:
    bare = re.sub(r"`[^`]*`", "", re.sub(r"^[^:`]{0,60}: ", "", text))
    if re.search(r"[;!?]|[:.](?:\s|$)", bare):
        return []
    matches = [(form, match["thing"]) for form, frame in _FRAMES if (match := frame.match(text)) is not None]
    # «Forbidden: no X» is not known to anybody.
    matches = [(form, thing) for form, thing in matches if not _DENIES.match(thing)]
    read = [Sentence(_things(thing), form) for form, thing in matches]
    for form, thing in matches:
        qualifier = _QUALIFIER.search(thing)
        if qualifier is not None and not _WIDENS.search(qualifier[0]):
            read.append(Sentence(_things(thing[: qualifier.start()]), form, narrowed=True))
    return read


def _things(thing: str) -> tuple[str, ...]:
    """The parts of a list; each but the first may repeat its «no»."""
    parts = []
    for number, piece in enumerate(_JOINED.split(thing)):
        again = re.sub(r"^(?:no|never)\s+(?=\S)", "", piece.strip(), flags=re.IGNORECASE) if number else piece.strip()
        parts.append(_ARTICLE.sub("", again) or piece)
    return tuple(parts)
