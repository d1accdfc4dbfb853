"""What a sentence of the closed set means: its topics, and what their presence and absence say of it."""

import re  # noqa: TID251  bounded: a statement of criteria.MAX_STATEMENT
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from worker.verification.constitution.criteria import Criterion
from worker.verification.static import sentences, titles
from worker.verification.static.forbidden import FORBIDDEN
from worker.verification.static.required import REQUIRED
from worker.verification.static.sentences import Form
from worker.verification.static.titles import Around
from worker.verification.static.topic import Topic
from worker.verification.static.uses import Name

TOPICS = (*FORBIDDEN, *REQUIRED)

_CODE = re.compile(
    r"`([A-Za-z_$][\w$]*(?:(?:\.|::|->)[A-Za-z_$][\w$]*)*)(?:\(\s*(?:\.\.\.|…)?\s*\)|\(|!)?`(?: (?:calls?"
    r"|functions?|statements?|methods?|macros?|types?|keywords?))?"
)
_RULE = re.compile(r"`?([a-z][a-z0-9_-]{1,31}):([A-Za-z][A-Za-z0-9_/-]{0,63})`?")
# A rule in brackets at the end of a sentence says what checks it, and makes it no other sentence.
_CITING = re.compile(r"\s*\((?:see |by |checked by |enforced by )?`?[a-z][a-z0-9_-]*:[A-Z]+\d+`?\)$")
# What these forbid is no call.
_NO_CALL = re.compile(r"\b(?:import|define|declare|commit|depend|rely|write|add|keep|have|accept)\w*\b", re.IGNORECASE)
_MIN_NAME = 3


@dataclass(frozen=True)
class Meaning:
    """What a sentence means: all of its topics. `unknown` are rules it names that no analyzer has.

    `may_fail`, `may_pass`: whether the presence of a thing breaks it, and whether the absence of all of them keeps it.
    """

    topics: tuple[Topic, ...]
    unknown: tuple[str, ...] = ()
    may_fail: bool = True
    may_pass: bool = True

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule for topic in self.topics for rule in (*topic.rules, *topic.silent)))


def meaning(
    criterion: Criterion, analyzers: Iterable[str], known: Mapping[str, frozenset[str]], around: Around | None = None
) -> Meaning | None:
    """What the criterion's statement means when it is one of the closed set of sentences, else None.

    `known` holds the rules that an analyzer has, where it can say; `around` what stands around the statement.
    """
    around = around or Around()
    read = _meaning(criterion.plain, analyzers, known)
    titles_ = [title for title in around.titles if not _within(title, criterion.statement)]
    if read is None or any(titles.lifts(title) for title in titles_):
        return None
    exempted = around.near or titles.permitted([topic.mention for topic in read.topics], around.permits)
    if _NO_CALL.search(re.sub(r"`[^`]*`", "", criterion.plain)):
        read = replace(read, topics=tuple(replace(topic, call=None) for topic in read.topics))
    if exempted or not all(titles.neutral(title) for title in titles_):
        return replace(read, may_fail=False)
    return read


def _within(title: str, statement: str) -> bool:
    """Whether the statement repeats the title, so that it was read with it."""
    bare = " ".join(title.replace("**", "").split()).rstrip(":")
    return ":" in statement and bare in statement


def _meaning(statement: str, analyzers: Iterable[str], known: Mapping[str, frozenset[str]]) -> Meaning | None:
    text = sentences.plain(statement)
    bare = sentences.untitled(text)
    required = next((topic for topic in REQUIRED if topic.required and topic.required.fullmatch(bare)), None)
    if required is not None:
        return Meaning((required,))
    names = set(analyzers)
    cited = _CITING.search(text)
    for sentence in sentences.readings(text[: cited.start()] if cited else text):
        unknown: list[str] = []
        topics = [_topic(thing, sentence.form, names, known, unknown) for thing in sentence.things]
        if topics and all(topic is not None for topic in topics):
            return Meaning(
                tuple(topic for topic in topics if topic is not None),
                tuple(unknown),
                may_fail=not sentence.narrowed,
                may_pass=not sentence.remedied,
            )
    return None


def _topic(
    thing: str, form: Form, analyzers: set[str], known: Mapping[str, frozenset[str]], unknown: list[str]
) -> Topic | None:
    named = _RULE.fullmatch(thing)
    if named is not None and named[1] in analyzers:
        # Whoever says that a rule must not be used speaks of the rule.
        return _named(named[1], named[2], known.get(named[1]), unknown) if form is not Form.USE else None
    if form is Form.FINDINGS:
        return None
    for topic in FORBIDDEN:
        if topic.thing is not None and topic.thing.fullmatch(thing):
            return topic
    code = _CODE.fullmatch(thing)
    if code is not None:
        # A name in backticks: where its words stand nowhere, it is not used. No rule finds it.
        parts = [part for part in re.split(r"\.|::|->", code[1]) if part]
        if all(len(part) >= _MIN_NAME or len(parts) > 1 for part in parts):
            name = Name(code[1], brackets="(" in code[0], macro="!" in code[0])
            called = form is Form.USE or name.dotted or name.brackets or name.macro
            words = tuple(part.lower() for part in parts)
            return Topic(code[1], words=(words,), paths=True, call=name if called else None)
    return None


def _named(tool: str, code: str, has: frozenset[str] | None, unknown: list[str]) -> Topic:
    """A rule that the sentence names itself; ruff's may be the beginning of several."""
    exact = next((rule for rule in has or () if rule.lower() == code.lower()), None)
    name = f"{tool}:{exact or code}"
    if has is not None and exact is None:
        if tool == "ruff" and any(rule.startswith(code.upper()) for rule in has):
            name = f"{tool}:{code.upper()}*"
        else:
            unknown.append(f"{tool}:{code}")
    return Topic(name, rules=(name,), silent=(name,), python=True, rule=True, unlisted=has is None)


def extra_rules(meanings: Iterable[Meaning | None], hinted: Iterable[Sequence[str]] = ()) -> dict[str, set[str]]:
    """What to ask of each analyzer beyond its usual rules."""
    wanted: dict[str, set[str]] = {}
    # An analyzer that is asked for a rule it does not have may do nothing at all.
    named = [rule for meant in meanings if meant for rule in meant.rules if rule not in meant.unknown]
    for rule in (*named, *(rule for rules in hinted for rule in rules)):
        tool, code = rule.split(":", 1)
        # A syntax error is no rule that could be selected: it is always told.
        if code != "invalid-syntax":
            wanted.setdefault(tool, set()).add(code.rstrip("*"))
    return wanted
