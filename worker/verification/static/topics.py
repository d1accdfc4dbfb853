"""What static mode can decide, each thing with its rules: a closed table, every line of which has its proof in the
tests.

A FAIL takes a finding of a rule whose every finding is what the sentence forbids. A PASS takes that no file in scope
can hold the thing: words without which it cannot be written stand nowhere, or rules that see every case are silent.
What analyzers only guess at (hard-coded secrets, SQL built from strings) decides nothing; it is shown as a place to
look."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from worker.verification.static import sentences

Words = tuple[str, ...]


@dataclass(frozen=True)
class Topic:
    """One thing that sentences forbid or require."""

    name: str
    thing: re.Pattern[str] | None = None
    """What it is called in a sentence that forbids it; the whole of the thing."""
    required: re.Pattern[str] | None = None
    """The whole of a sentence that requires it."""
    rules: tuple[str, ...] = ()
    """`analyzer:rule` names; each finding is a violation. One that ends in `*` is a prefix."""
    shows: re.Pattern[str] | None = None
    """What the quoted code of a finding must hold for it to count."""
    hides: re.Pattern[str] | None = None
    """Messages of findings that do not count."""
    not_in: re.Pattern[str] | None = None
    """Paths where findings do not count as violations."""
    words: tuple[Words, ...] = ()
    """Each alternative: words that all stand in a file which holds the thing. Empty: words do not clear it."""
    silent: tuple[str, ...] = ()
    """Rules that see every case in Python: the thing is nowhere when they find nothing and no other language is
    there."""
    python: bool = False
    """It exists in Python alone."""


def _thing(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _name(*names: str) -> re.Pattern[str]:
    """A function by its names, as people write it."""
    either = "|".join(re.escape(name) for name in names)
    return _thing(
        rf"(?:python's |the |built-?in |builtin )*`?(?:{either})(?:\(\s*(?:\.\.\.|…)?\s*\))?`?(?: (?:function"
        rf"|builtin|call|calls|statements?|expressions?|built-in))?"
    )


_STRICT_TODO = re.compile(r"(?:#|//|/\*).*\b(?:TODO|FIXME|XXX|HACK)\b")

FORBIDDEN: tuple[Topic, ...] = (
    Topic("eval", _name("eval"), rules=("ruff:S307",), shows=re.compile(r"\beval\b"), words=(("eval",),)),
    Topic("exec", _name("exec"), rules=("ruff:S102",), words=(("exec",),)),
    Topic(
        "shell=True",
        _thing(
            r"`?(?:subprocess(?:\.\w+)?(?:es)? (?:calls? )?with )?`?shell\s*=\s*true`?(?: (?:in|with|for) "
            r"`?subprocess`?(?: calls?)?)?"
        ),
        rules=("ruff:S602", "ruff:S604"),
        shows=re.compile(r"\bshell\s*=\s*True\b"),
        words=(("shell",),),
        python=True,
    ),
    Topic(
        "os.system",
        _name("os.system"),
        rules=("ruff:S605",),
        shows=re.compile(r"\bsystem\b"),
        words=(("os", "system"),),
        python=True,
    ),
    Topic(
        "os.popen",
        _name("os.popen"),
        rules=("ruff:S605",),
        shows=re.compile(r"\bpopen\b"),
        words=(("os", "popen"),),
        python=True,
    ),
    Topic(
        "pickle",
        _thing(r"`?pickle`?(?: module)?|`?pickle\.loads?(?:\(\))?`?"),
        rules=("ruff:S301",),
        shows=re.compile(r"\bpickle\b"),
        words=(("pickle",), ("cpickle",), ("_pickle",)),
        python=True,
    ),
    Topic(
        "md5",
        _thing(r"`?md5`?(?: hash(?:es|ing)?)?"),
        rules=("ruff:S324",),
        shows=re.compile(r"md5", re.IGNORECASE),
        words=(("*md5*",),),
    ),
    Topic(
        "sha1",
        _thing(r"`?sha-?1`?(?: hash(?:es|ing)?)?"),
        rules=("ruff:S324",),
        shows=re.compile(r"sha1", re.IGNORECASE),
        words=(("*sha1*",), ("*sha-1*",), ("*sha_1*",)),
    ),
    Topic("yaml.load", _name("yaml.load"), rules=("ruff:S506",), words=(("yaml", "load"),), python=True),
    Topic("mktemp", _name("tempfile.mktemp", "mktemp"), rules=("ruff:S306",), words=(("mktemp",),)),
    Topic(
        "verify=False",
        _thing(r"`?verify\s*=\s*false`?(?: (?:in|for) `?requests`?(?: calls?)?)?"),
        rules=("ruff:S501",),
        shows=re.compile(r"\bverify\s*=\s*False\b"),
        words=(("verify",),),
        python=True,
    ),
    Topic(
        "bare except",
        _thing(
            r"`?bare[ -]`?except`?:?`?(?: clauses?| statements?| blocks?| handlers?)?|`except:`(?: clauses?| "
            r"statements?| blocks?)?"
        ),
        rules=("ruff:E722",),
        words=(("@except:",),),
        python=True,
    ),
    Topic(
        "swallowed exceptions",
        _thing(r"`?except(?: exception)?:? ?pass`?(?: blocks?)?|`try`?[-/, ]+`?except`?[-/, ]+`?pass`?"),
        rules=("ruff:S110",),
        python=True,
    ),
    Topic(
        "mutable default arguments",
        _thing(
            r"mutable (?:default (?:arguments?|values?|parameters?)(?: values?)?|defaults|argument defaults)(?: for "
            r"arguments| in functions)?"
        ),
        rules=("ruff:B006",),
        python=True,
    ),
    Topic(
        "undefined names",
        _thing(r"undefined (?:names?|variables?)(?: in (?:the )?python code)?"),
        rules=("ruff:F821",),
        hides=re.compile(
            r"`(?:_|get_ipython|reveal_type|WindowsError|unicode|xrange|raw_input|basestring|__path__|display)`"
        ),
        not_in=re.compile(r"(?:^|/)(?:SCons\w+|templates?/|cookiecutter)|\.pyi$"),
    ),
    Topic(
        "unused imports",
        _thing(r"unused (?:python )?imports?(?: statements?)?"),
        rules=("ruff:F401",),
        hides=re.compile(r"find_spec|redundant alias|__all__"),
        not_in=re.compile(r"(?:^|/)(?:__init__|conftest)\.pyi?$"),
        silent=("ruff:F401", "ruff:F811", "ruff:F403"),
    ),
    Topic(
        "wildcard imports",
        _thing(r"(?:wildcard|star|`?\*`?)[ -]imports?|`?import \*`?|`from \S+ import \*`"),
        rules=("ruff:F403",),
        words=(("@import *",),),
    ),
    Topic(
        "print",
        _thing(
            r"(?:python's |the |builtin )*`?print(?:\(\s*(?:\.\.\.|…)?\s*\))?`?(?: (?:statements?|calls?|functions?))?"
        ),
        rules=("ruff:T201",),
        words=(("@print",),),
    ),
    Topic(
        "TODO",
        _thing(r"`?(?:TODOs?|TODO comments?|TODO markers?)`?"),
        rules=("ruff:FIX002",),
        shows=re.compile(r"\bTODO\b"),
        words=(("*todo*",),),
    ),
    Topic(
        "FIXME",
        _thing(r"`?(?:FIXMEs?|FIXME comments?|FIXME markers?)`?(?: comments?| markers?)?"),
        rules=("ruff:FIX001",),
        shows=re.compile(r"\bFIXME\b"),
        words=(("*fixme*",),),
    ),
    Topic("assert", _thing(r"`?assert`?(?: statements?)?"), rules=("ruff:S101",), words=(("*assert*",),)),
    Topic(
        "datetime.utcnow",
        _name("datetime.utcnow", "datetime.datetime.utcnow", "utcnow"),
        rules=("ruff:DTZ003",),
        words=(("utcnow",),),
        python=True,
    ),
    Topic(
        "naive datetimes",
        _thing(r"na[iï]ve (?:datetimes?|datetime objects?|datetime values?)"),
        rules=("ruff:DTZ001", "ruff:DTZ003", "ruff:DTZ004", "ruff:DTZ005", "ruff:DTZ006"),
        python=True,
    ),
)

_ALL = r"(?:(?:all|every|each|any) )"
_HAVE = (
    r"(?:(?:must|shall|should|has to|have to|needs to) (?:have|carry|include|contain|start with|begin with|come with)"
    r"|has|have)"
)
REQUIRED: tuple[Topic, ...] = (
    Topic(
        "module docstrings",
        required=_thing(rf"{_ALL}?(?:python )?modules? {_HAVE} (?:an? )?(?:module )?docstrings?"),
        rules=("ruff:D100",),
        python=True,
    ),
    Topic(
        "class docstrings",
        required=_thing(rf"{_ALL}?(?:public )?(?:python )?class(?:es)? {_HAVE} (?:an? )?docstrings?"),
        rules=("ruff:D101",),
        python=True,
    ),
    Topic(
        "function docstrings",
        required=_thing(
            rf"{_ALL}?(?:public )?(?:python )?(?:functions?|functions and methods) {_HAVE} (?:an? )?docstrings?"
        ),
        rules=("ruff:D103",),
        python=True,
    ),
    Topic(
        "type annotations",
        required=_thing(
            rf"{_ALL}?(?:public )(?:python )?(?:functions?|functions and methods|methods) (?:{_HAVE} (?:an? "
            rf")?(?:(?:full|complete) )?(?:return )?type (?:hints?|annotations?)|(?:must|shall|should) be (?:fully "
            rf")?(?:type-?annotated|annotated|typed))"
        ),
        rules=("ruff:ANN201",),
        python=True,
    ),
    Topic(
        "annotations",
        required=_thing(
            rf"{_ALL}(?:python )?(?:functions?|functions and methods|methods) (?:{_HAVE} (?:an? )?(?:(?:full"
            rf"|complete) )?type (?:hints?|annotations?)|(?:must|shall|should) be (?:fully )?(?:type-?annotated"
            rf"|annotated|typed))"
        ),
        rules=("ruff:ANN001", "ruff:ANN201", "ruff:ANN202"),
        python=True,
    ),
    Topic(
        "timeouts",
        required=_thing(
            rf"{_ALL}?(?:outgoing |outbound |external )*(?:http |network )?(?:requests?|http calls?|calls with "
            rf"`?requests`?) {_HAVE} (?:an? )?(?:explicit )?timeouts?"
            r"|(?:http |outgoing )*requests without (?:an? )?timeouts? (?:are|is) (?:forbidden|prohibited|not allowed)"
        ),
        rules=("ruff:S113",),
        python=True,
    ),
    Topic(
        "certificates",
        required=_thing(
            rf"{_ALL}?(?:tls |ssl |server )+certificates? (?:must|shall|should) (?:always )?be (?:verified"
            rf"|validated|checked)"
        ),
        rules=("ruff:S501",),
        shows=re.compile(r"\bverify\s*=\s*False\b"),
        python=True,
    ),
)

TOPICS = (*FORBIDDEN, *REQUIRED)
_CODE = re.compile(
    r"`([A-Za-z_$][\w$]*(?:(?:\.|::|->)[A-Za-z_$][\w$]*)*)(?:\(\s*(?:\.\.\.|…)?\s*\)|\(|!)?`(?: (?:calls?"
    r"|functions?|statements?|methods?|macros?|types?|keywords?))?"
)
_RULE = re.compile(r"`?([a-z][a-z0-9_-]{1,31}):([A-Za-z][A-Za-z0-9_/-]{0,63})`?")
# A rule in brackets at the end of a sentence says what checks it, and makes it no other sentence.
_CITING = re.compile(r"\s*\((?:see |by |checked by |enforced by )?`?[a-z][a-z0-9_-]*:[A-Z]+\d+`?\)$")
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


def meaning(statement: str, analyzers: Iterable[str], known: Mapping[str, frozenset[str]]) -> Meaning | None:
    """What `statement` means when it is one of the closed set of sentences, else None.

    `known` holds the rules that an analyzer has, where it can say.
    """
    text = sentences.plain(statement)
    required = next((topic for topic in REQUIRED if topic.required and topic.required.fullmatch(text)), None)
    if required is not None:
        return Meaning((required,))
    names = set(analyzers)
    cited = _CITING.search(text)
    for sentence in sentences.readings(text[: cited.start()] if cited else text):
        unknown: list[str] = []
        topics = [_topic(thing, names, known, unknown) for thing in sentence.things]
        if topics and all(topic is not None for topic in topics):
            return Meaning(
                tuple(topic for topic in topics if topic is not None),
                tuple(unknown),
                may_fail=not sentence.narrowed,
                may_pass=not sentence.remedied,
            )
    return None


def _topic(thing: str, analyzers: set[str], known: Mapping[str, frozenset[str]], unknown: list[str]) -> Topic | None:
    for topic in FORBIDDEN:
        if topic.thing is not None and topic.thing.fullmatch(thing):
            return topic
    named = _RULE.fullmatch(thing)
    if named is not None and named[1] in analyzers:
        return _named(named[1], named[2], known.get(named[1]), unknown)
    code = _CODE.fullmatch(thing)
    if code is not None:
        # A name in backticks: where its words stand nowhere, it is not used. No rule finds it.
        parts = [part for part in re.split(r"\.|::|->", code[1]) if part]
        if all(len(part) >= _MIN_NAME or len(parts) > 1 for part in parts):
            return Topic(code[1], words=(tuple(part.lower() for part in parts),))
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
    return Topic(name, rules=(name,), silent=(name,), python=True)


def extra_rules(meanings: Iterable[Meaning | None], hinted: Iterable[Sequence[str]] = ()) -> dict[str, set[str]]:
    """What to ask of each analyzer beyond its usual rules."""
    wanted: dict[str, set[str]] = {}
    named = [rule for meant in meanings if meant for rule in meant.rules]
    for rule in (*named, *(rule for rules in hinted for rule in rules)):
        tool, code = rule.split(":", 1)
        # A syntax error is no rule that could be selected: it is always told.
        if code != "invalid-syntax":
            wanted.setdefault(tool, set()).add(code.rstrip("*"))
    return wanted
