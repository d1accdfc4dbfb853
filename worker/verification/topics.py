"""Which static rules speak of which statements: what lets verified findings decide a criterion.

A statement names its rules itself (`bandit:B602`, `ruff:E722`), or it is about a topic of the table below.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from worker.verification.criteria import Criterion

_FORBIDS = re.compile(
    r"\b(?:not|never|no|none|avoid\w*|without|forbid\w*|forbidden|prohibit\w*|disallow\w*|free of|absent|ban\w*"
    r"|don't|doesn't|mustn't|cannot|nowhere|remove\w*|instead of)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Topic:
    """`rules` are `analyzer:rule` names; one ending in `*` is a prefix.

    `confined`: files that these rules do not read cannot hold the thing (it exists in Python alone, say).
    `forbids`: the topic is meant only where the statement forbids something. `decisive`: the rules see every
    case in the files they analyse, so finding none decides PASS; otherwise finding none decides nothing.
    """

    name: str
    pattern: re.Pattern[str]
    rules: tuple[str, ...]
    forbids: bool = True
    decisive: bool = True
    confined: bool = False


def _topic(
    name: str, pattern: str, rules: str, *, forbids: bool = True, decisive: bool = True, confined: bool = False
) -> Topic:
    return Topic(name, re.compile(pattern, re.IGNORECASE), tuple(rules.split()), forbids, decisive, confined)


_DOC = r"\bdocstrings?\b"
_MODULES = r"\b(?:modules?|packages?|files?)\b"
_CLASSES = r"\bclass(?:es)?\b"
_FUNCTIONS = r"\b(?:functions?|methods?)\b"

TOPICS: tuple[Topic, ...] = (
    _topic("eval", r"\b(?:eval|literal_eval)\b", "bandit:B307 ruff:S307"),
    _topic("exec", r"\bexec\b", "bandit:B102 ruff:S102"),
    _topic(
        "shell",
        r"\bshell\s*=\s*true\b|\b(?:through|via|in|with|invoke|spawn|use|call)\w*\s+(?:a|the)\s+(?:system\s+)?shell\b"
        r"|\bshell (?:commands?|injections?)\b|\bos\.(?:system|popen)\b|\bcommand injections?\b",
        "bandit:B602 bandit:B604 bandit:B605 bandit:B609 ruff:S604 ruff:S605",
        decisive=False,
    ),
    _topic(
        "secrets",
        r"\b(?:hard-?\s?coded?|embedded|committed|plain-?text)\b.{0,40}\b(?:secret|password|credential|token|key)"
        r"|\b(?:secrets?|passwords?|credentials?|tokens?|api keys?)\b.{0,60}\b(?:in|into|inside) (?:the )?"
        r"(?:code|source|repository|repo|version control)\b|\bhard-?\s?coded?\b.{0,20}\bsecrets?\b",
        "bandit:B105 bandit:B106 bandit:B107",
        decisive=False,
    ),
    _topic(
        "sql-injection",
        r"\bsql injections?\b|\bsql\b.{0,60}\b(?:concatenat\w*|format\w*|interpolat\w*|f-?strings?|string)"
        r"|\bparameteri[sz]ed (?:sql|quer)|\bbound parameters?\b",
        "bandit:B608",
        forbids=False,
        decisive=False,
    ),
    _topic(
        "weak-hash", r"\b(?:md5|sha-?1|weak (?:hash|digest)\w*)\b", "bandit:B324 bandit:B303 ruff:S303", decisive=False
    ),
    _topic(
        "weak-cipher", r"\b(?:des|rc4|arc4|blowfish|ecb|weak ciphers?)\b", "bandit:B304 bandit:B305", decisive=False
    ),
    _topic(
        "pickle",
        r"\b(?:un)?pickl\w*\b|\bmarshal\b|\bshelve\b|\b(?:unsafe|insecure) deserializ",
        "bandit:B301 bandit:B302",
        confined=True,
        decisive=False,
    ),
    _topic("yaml", r"\byaml\.?(?:load)?\b", "bandit:B506", decisive=False),
    _topic(
        "tls",
        r"\bverify\s*=\s*false\b|\b(?:certificate|tls|ssl)\b.{0,40}\b(?:verif|validat|check)|\bdisabl\w* (?:tls|ssl)",
        "bandit:B501 bandit:B323",
        forbids=False,
        decisive=False,
    ),
    _topic(
        "timeouts",
        r"\b(?:http|network|outgoing|outbound|remote|requests?)\b.{0,40}\btimeouts?\b|\btimeouts?\b.{0,40}\b(?:http|requests?)\b",
        "bandit:B113",
        forbids=False,
        decisive=False,
    ),
    _topic(
        "temporary-files",
        r"\bmktemp\b|\b(?:insecure|predictable|hard-?coded)\b.{0,20}\b(?:temp|tmp)",
        "bandit:B108 bandit:B306",
        decisive=False,
    ),
    _topic("bind-all", r"\ball (?:network )?interfaces\b|\b0\.0\.0\.0\b", "bandit:B104", decisive=False),
    _topic("debug", r"\bflask\b.{0,30}\bdebug|\bdebug mode\b|\bdebug\s*=\s*true\b", "bandit:B201", decisive=False),
    _topic(
        "random",
        r"\brandom\b.{0,60}\b(?:security|token|secret|crypto)|\b(?:insecure|pseudo-?)\s*random",
        "bandit:B311",
        decisive=False,
    ),
    _topic("assert", r"`assert\b|\bassert statements?\b|\bassert\b.{0,24}\b(?:valid|check|input)", "bandit:B101"),
    _topic("chmod", r"\b(?:world-?writable|chmod|permissive (?:file )?permissions?)\b", "bandit:B103", decisive=False),
    _topic(
        "xml",
        r"\bxml\.(?:etree|sax|dom)\b|\bxml pars|\bpars\w* (?:untrusted )?xml\b",
        "bandit:B313 bandit:B314 bandit:B315 bandit:B316 bandit:B317 bandit:B318 bandit:B319",
        decisive=False,
    ),
    _topic(
        "swallowed-exceptions",
        r"\b(?:swallow\w*|silenc\w*|suppress\w*|ignor\w*|hid\w*)\b.{0,40}\b(?:exceptions?|errors?)\b"
        r"|\b(?:exceptions?|errors?)\b.{0,40}\b(?:swallowed|silenced|silently|ignored|hidden)\b",
        "bandit:B110 bandit:B112",
        decisive=False,
    ),
    _topic("bare-except", r"\bbare[ -]?`?except", "ruff:E722", confined=True),
    _topic("mutable-defaults", r"\bmutable\b.{0,30}\b(?:default|argument)", "ruff:B006", confined=True),
    _topic("undefined-names", r"\bundefined (?:names?|variables?)\b", "ruff:F821 ruff:F822 ruff:F823"),
    _topic("unused-imports", r"\bunused (?:\w+ )?imports?\b|\bimports?\b.{0,20}\bunused\b", "ruff:F401"),
    _topic("unused-variables", r"\bunused (?:local )?variables?\b", "ruff:F841"),
    _topic("star-imports", r"\b(?:wildcard|star)[ -]imports?\b|\bimport\s+(?:\*|star)", "ruff:F403 ruff:F405"),
    _topic(
        "print",
        r"`print\b|\bprint\(|\bprint (?:statements?|calls?|functions?)\b|\b(?:calls?|uses?|using|calling) print\b"
        r"|\bprint\b.{0,12}\b(?:be|is|are) (?:called|used)\b",
        "ruff:T201 ruff:T203",
    ),
    _topic("todo", r"(?-i:\b(?:TODO|FIXME|XXX)s?\b)|\btodo comments?\b", "ruff:FIX*"),
    _topic("commented-out", r"\bcommented[- ]out\b|\bdead code in comments\b", "ruff:ERA001"),
    _topic("naive-datetimes", r"\bna[iï]ve (?:date|time)|\btime ?zone[- ]aware\b", "ruff:DTZ*", forbids=False),
    _topic(
        "module-docstrings",
        rf"{_MODULES}.{{0,60}}{_DOC}|{_DOC}.{{0,60}}{_MODULES}",
        "ruff:D100 ruff:D104",
        forbids=False,
        confined=True,
    ),
    _topic(
        "class-docstrings",
        rf"{_CLASSES}.{{0,60}}{_DOC}|{_DOC}.{{0,60}}{_CLASSES}",
        "ruff:D101",
        forbids=False,
        confined=True,
    ),
    _topic(
        "function-docstrings",
        rf"{_FUNCTIONS}.{{0,60}}{_DOC}|{_DOC}.{{0,60}}{_FUNCTIONS}",
        "ruff:D102 ruff:D103",
        forbids=False,
        confined=True,
    ),
    _topic(
        "docstrings",
        rf"^(?!.*(?:{_MODULES}|{_CLASSES}|{_FUNCTIONS})).*{_DOC}",
        "ruff:D100 ruff:D101 ruff:D102 ruff:D103 ruff:D104",
        forbids=False,
        confined=True,
    ),
    _topic(
        "annotations",
        r"\btype (?:hints?|annotations?)\b|\b(?:are|is|be|fully) (?:type[- ])?annotated\b",
        "ruff:ANN001 ruff:ANN201 ruff:ANN202 ruff:ANN204 ruff:ANN205 ruff:ANN206",
        forbids=False,
    ),
    _topic("complexity", r"\b(?:cyclomatic )?complex(?:ity)?\b", "ruff:C901", forbids=False, decisive=False),
    _topic(
        "import-order",
        r"\bimports?\b.{0,20}\b(?:sorted|ordered|order)\b|\bsorted imports\b",
        "ruff:I001",
        forbids=False,
    ),
    _topic(
        "naming",
        r"\b(?:python|functions?|variables?|methods?|modules?|class(?:es)?)\b.{0,40}\bsnake_?case\b|\bpep ?8 nam",
        "ruff:N801 ruff:N802 ruff:N803 ruff:N806 ruff:N815 ruff:N816",
        forbids=False,
    ),
    _topic(
        "syntax",
        r"\bsyntax errors?\b|\b(?:parse|compile)s?\b.{0,20}\bwithout errors?\b",
        "ruff:invalid-syntax ruff:E9*",
    ),
)

_PYTHON = re.compile(r"\bpython\b", re.IGNORECASE)
_CITED = re.compile(r"\b([a-z][a-z0-9_-]{1,31}):([A-Za-z][A-Za-z0-9_/-]{0,63})")
_NEGATIONS = re.compile(r"\b(?:not|never|no|none|without|cannot)\b|n't\b", re.IGNORECASE)
# A second clause may require anything; rules that speak of the first do not decide the whole.
_COMPOUND = re.compile(
    r"\b(?:and|or|but|unless|(?<!bare )(?<!bare-)except|when|whenever|if|while|as well as)\b|[;:]", re.IGNORECASE
)
_MAX_WORDS = 16


@dataclass(frozen=True)
class Coverage:
    """The rules that speak of one criterion. `decisive` and `confined` as in Topic; all of the topics must be.

    `unknown` are cited rules that no analyzer has.
    """

    rules: tuple[str, ...]
    decisive: bool
    confined: bool = False
    unknown: tuple[str, ...] = ()

    def matches(self, rule: str) -> bool:
        return any(rule == known or (known.endswith("*") and rule.startswith(known[:-1])) for known in self.rules)

    @property
    def analyzers(self) -> frozenset[str]:
        return frozenset(rule.split(":", 1)[0] for rule in self.rules)


def coverage(
    criterion: Criterion, analyzers: Iterable[str], known: Mapping[str, frozenset[str]] | None = None
) -> Coverage | None:
    """The rules that decide `criterion`, or None when static analysis has nothing to say of it.

    `known` holds the rules that an analyzer has, where it can say.
    """
    names = set(analyzers)
    statement = criterion.statement
    cited = [(tool, code) for tool, code in _CITED.findall(statement) if tool in names]
    if cited:
        return _cited(cited, known or {})
    # «No test without an assert» asks for what it names.
    forbids = _FORBIDS.search(statement) is not None and len(_NEGATIONS.findall(statement)) < 2
    topics = [topic for topic in TOPICS if (forbids or not topic.forbids) and topic.pattern.search(statement)]
    if not topics:
        return None
    rules = tuple(dict.fromkeys(rule for topic in topics for rule in topic.rules))
    plain = len(topics) == 1 and not _COMPOUND.search(statement) and len(statement.split()) <= _MAX_WORDS
    confined = all(topic.confined for topic in topics) or _PYTHON.search(statement) is not None
    return Coverage(rules, plain and topics[0].decisive, confined)


def _cited(cited: Iterable[tuple[str, str]], known: Mapping[str, frozenset[str]]) -> Coverage:
    """Rules named by the statement itself; ruff's may be the beginning of several."""
    rules: dict[str, None] = {}
    unknown = []
    for tool, code in cited:
        has = known.get(tool)
        exact = next((rule for rule in has or () if rule.lower() == code.lower()), None)
        if has is None:
            rules[f"{tool}:{code}"] = None
        elif exact is not None:
            rules[f"{tool}:{exact}"] = None
        elif tool == "ruff" and any(rule.startswith(code.upper()) for rule in has):
            rules[f"{tool}:{code.upper()}*"] = None
        else:
            unknown.append(f"{tool}:{code}")
    return Coverage(tuple(rules), decisive=True, confined=True, unknown=tuple(unknown))


def extra_rules(coverages: Iterable[Coverage | None]) -> dict[str, set[str]]:
    """What to ask of each analyzer beyond its usual rules."""
    wanted: dict[str, set[str]] = {}
    for found in coverages:
        for rule in found.rules if found else ():
            tool, code = rule.split(":", 1)
            # A syntax error is no rule that could be selected: it is always told.
            if code != "invalid-syntax":
                wanted.setdefault(tool, set()).add(code.rstrip("*"))
    return wanted
