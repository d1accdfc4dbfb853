"""The closed set of sentences that static mode understands: what exactly they forbid, and nothing like them.

A sentence is understood as a whole or not at all. One more clause, an exception, a number or a purpose makes it another
sentence, which analyzers do not decide.
"""

import re
from dataclasses import dataclass, replace

from worker.verification.constitution import words

_ANYWHERE = (
    r"(?: (?:anywhere|at all|ever|on anything|anywhere in (?:the )?(?:code|codebase|repository)"
    r"|in (?:the )?(?:code|codebase|source|source code|repository|project)|for any (?:purpose|reason)|of any kind"
    r"|under any circumstances|in any form))?"
)
_AT_ALL = r"(?:strictly |absolutely |explicitly |always |never ever )?"
_SUBJECT = (
    r"(?:(?:all|any|the|our|this|every|each|no|new|source) )*(?:code(?:base)?|source(?: code)?|modules?|functions?"
    r"|methods?|class(?:es)?|files?|project"
    r"|repository|repo|package|application|app|program|service|system|implementations?|library|developers?"
    r"|contributors?|we|you|it|they)"
)
_VERB = (
    r"(?:call|calls|use|uses|using|contain|contains|have|has|include|includes|including|invoke|invokes|run|runs"
    r"|rely on|relies on|depend on|employ|write|introduce"
    r"|leave|import|define|declare|do|add|commit|keep|accept|containing|calling|invoking|importing|leaving|writing)"
)
_DONE = (
    r"(?:used|called|invoked|allowed|permitted|accepted|present|left|left behind|written|committed|imported|tolerated"
    r"|made|found|introduced|included|run|ignored|acceptable|merged|kept)"
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
_FRAMES = tuple(
    re.compile(rf"^{frame}$", re.IGNORECASE)
    for frame in (
        rf"(?:{_SUBJECT} )?{_MUST_NOT} (?:ever )?{_VERB} (?:any )?{_THING}{_ANYWHERE}",
        rf"(?:{_SUBJECT} )?{_MUST} (?:be (?:kept )?free (?:of|from)|avoid(?: using| calling)?|contain no|have no"
        rf"|use no|call no|include no|make no use of|refrain from (?:using|calling)) {_THING}{_ANYWHERE}",
        rf"(?:{_SUBJECT} )?(?:is|are|stays?|remains?) free (?:of|from) {_THING}",
        rf"(?:please )?(?:never|do not|don't|avoid) (?:ever )?(?:{_VERB} |the use of |using |calling )?(?:any "
        rf")?{_THING}{_ANYWHERE}",
        rf"(?:no|zero) (?:use of |usage of |calls? to |more |remaining )?{_THING}(?: {_MUST} be| (?:is|are))?(?: "
        rf"{_DONE})?{_ANYWHERE}",
        rf"{_OF}{_THING} {_MUST} {_NOT} be (?:ever )?{_DONE}{_ANYWHERE}",
        rf"{_OF}{_THING} {_MUST} be (?:avoided|removed|eliminated|deleted|absent|forbidden|prohibited"
        rf"|banned){_ANYWHERE}",
        rf"{_OF}{_THING} {_MUST} {_NOT} (?:exist|appear|occur|remain){_ANYWHERE}",
        rf"{_OF}{_THING} (?:is|are) {_AT_ALL}{_BANNED}{_ANYWHERE}",
        rf"{_OF}{_THING} (?:is|are) {_NOT} {_DONE}{_ANYWHERE}",
        rf"{_OF}{_THING} do(?:es)? not (?:appear|occur|exist){_ANYWHERE}",
        rf"there {_MUST} (?:be no|{_NOT} be(?: any)?|exist no) {_THING}(?: left)?{_ANYWHERE}",
        rf"there (?:is|are) no {_THING}{_ANYWHERE}",
        rf"(?:the following|these)(?: \w+){{0,3}} (?:(?:is|are) {_AT_ALL}{_BANNED}|{_MUST} {_NOT}(?: be {_DONE}| "
        rf"appear| occur| exist)?){_ANYWHERE}: {_THING}",
        rf"{_SUBJECT} {_MUST_NOT}(?: {_VERB})?{_ANYWHERE}: {_THING}",
        rf"(?:{_BANNED}|never|must not|must never|do not|don'ts?|anti-?patterns?)(?: (?:do|use|patterns?|practices?"
        rf"|constructs?|functions?|calls?|code))?: (?:{_VERB} )?(?:any )?{_THING}",
        rf"(?:findings? (?:of|by|from) ){_THING} (?:is|are) {_BANNED}",
        rf"no (?:findings? (?:of|by|from) ){_THING}(?: {_MUST} be| (?:is|are))?(?: {_DONE})?",
        rf"(?:findings? (?:of|by|from) ){_THING} {_MUST} {_NOT} be {_DONE}",
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
    r"[,;:/&]|\b(?:or|and|nor|also|even|like|similar|either|including|plus|otherwise|etc|alike|any other|friends)\b",
    re.IGNORECASE,
)
_ANY_TITLE = re.compile(r"^((?:[^\W\d_]+[ -]?){1,5})\s*[:–—]\s+(?=\S)")
_REMEDY = re.compile(
    r"\s*(?:[;,–—-]|\.)\s+(?:use|uses|prefer|instead|call|write|log|rely on|go through|they go through|logging goes "
    r"through|output goes through|hold|always use|please use)\b.*$",
    re.IGNORECASE,
)
_ALLOWS = re.compile(
    r"\b(?:may|can|allowed|fine|ok|okay|permitted|except|excepted|unless|only|if|when|where|but|tests?|scripts?)\b",
    re.IGNORECASE,
)
_MAX_CHARS = 240


def plain(statement: str) -> str:
    """The statement as the sentences here are written: one line, one kind of quotes and apostrophes, no end mark."""
    text = " ".join(statement.replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"').split())
    crossed = re.match("^[❌🚫⛔✗✘]", text) is not None
    text = _TITLE.sub("", _NUMBERED.sub("", text)).strip().rstrip(".!;,").strip()
    # A crossed-out thing is forbidden, and a crossed-out «no …» is not known to anybody.
    return (
        f"forbidden: {text}"
        if crossed and not re.match(r"(?:no|never|avoid|do not|don't)\b", text, re.IGNORECASE)
        else text
    )


@dataclass(frozen=True)
class Sentence:
    """One way to read a sentence of the set. `narrowed`: it forbids the things in some cases only, so that their
    absence keeps it and their presence breaks nothing yet. `remedied`: it says besides what to use instead, so that
    their presence breaks it and their absence is not all that it asks."""

    things: tuple[str, ...]
    narrowed: bool = False
    remedied: bool = False


def readings(statement: str) -> list[Sentence]:
    """Every way in which the statement can be read as one of the set; none when it is no such sentence."""
    text = plain(statement)
    if len(text) > _MAX_CHARS:
        return []
    found = _read(text)
    title = _ANY_TITLE.match(text)
    if title is not None and not words.force(title[1]):
        found += [replace(sentence, narrowed=True) for sentence in _read(text[title.end() :])]
    remedy = _REMEDY.search(text)
    if remedy is not None and not _ALLOWS.search(remedy[0]):
        found += [replace(sentence, remedied=True) for sentence in _read(text[: remedy.start()])]
    return found


def _read(text: str) -> list[Sentence]:
    bare = re.sub(r"`[^`]*`", "", re.sub(r"^[^:`]{0,60}: ", "", text))
    if re.search(r"[;!?]|[:.](?:\s|$)", bare):
        return []
    things = [match["thing"] for frame in _FRAMES if (match := frame.match(text)) is not None]
    found = [Sentence(_things(thing)) for thing in things]
    for thing in things:
        qualifier = _QUALIFIER.search(thing)
        if qualifier is not None and not _WIDENS.search(qualifier[0]):
            found.append(Sentence(_things(thing[: qualifier.start()]), narrowed=True))
    return found


def _things(thing: str) -> tuple[str, ...]:
    parts = []
    for piece in _JOINED.split(thing):
        bare = re.sub(
            r"^(?:any |all |the |a |an |no |never |direct |bare calls to |calls? to |use of |usage of )+(?=\S)",
            "",
            piece.strip(),
            flags=re.IGNORECASE,
        )
        parts.append(bare or piece)
    return tuple(parts)
