"""Which static rules a statement may be about: they decide nothing, and say where a reader should look."""

import re  # noqa: TID251  bounded: a statement of criteria.MAX_STATEMENT
from dataclasses import dataclass

_FORBIDS = re.compile(
    r"\b(?:not|never|no|none|avoid\w*|without|forbid\w*|forbidden|prohibit\w*|disallow\w*|free of|absent|ban\w*"
    r"|don't|doesn't|mustn't|cannot|nowhere|remove\w*|instead of)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Hint:
    """`rules` are `analyzer:rule` names; one ending in `*` is a prefix. `forbids`: meant only where something is
    forbidden."""

    name: str
    pattern: re.Pattern[str]
    rules: tuple[str, ...]
    forbids: bool = True


def _hint(name: str, pattern: str, rules: str, *, forbids: bool = True) -> Hint:
    return Hint(name, re.compile(pattern, re.IGNORECASE), tuple(rules.split()), forbids)


_DOC = r"\bdocstrings?\b"
_MODULES = r"\b(?:modules?|packages?|files?)\b"
_CLASSES = r"\bclass(?:es)?\b"
_FUNCTIONS = r"\b(?:functions?|methods?)\b"

HINTS: tuple[Hint, ...] = (
    _hint("eval", r"\b(?:eval|literal_eval)\b", "bandit:B307 ruff:S307"),
    _hint("exec", r"\bexec\b", "bandit:B102 ruff:S102"),
    _hint(
        "shell",
        r"\bshell\s*=\s*true\b|\b(?:through|via|in|with|invoke|spawn|use|call)\w*\s+(?:a|the)\s+(?:system\s+)?shell\b"
        r"|\bshell (?:commands?|injections?)\b|\bos\.(?:system|popen)\b|\bcommand injections?\b",
        "bandit:B602 bandit:B604 bandit:B605 bandit:B609 ruff:S604 ruff:S605",
    ),
    _hint(
        "secrets",
        r"\b(?:hard-?\s?coded?|embedded|committed|plain-?text)\b.{0,40}\b(?:secret|password|credential|token|key)"
        r"|\b(?:secrets?|passwords?|credentials?|tokens?|api keys?)\b.{0,60}\b(?:in|into|inside) (?:the )?"
        r"(?:code|source|repository|repo|version control)\b|\bhard-?\s?coded?\b.{0,20}\bsecrets?\b",
        "bandit:B105 bandit:B106 bandit:B107",
    ),
    _hint(
        "sql-injection",
        r"\bsql injections?\b|\bsql\b.{0,60}\b(?:concatenat\w*|format\w*|interpolat\w*|f-?strings?|string)"
        r"|\bparameteri[sz]ed (?:sql|quer)|\bbound parameters?\b",
        "bandit:B608",
        forbids=False,
    ),
    _hint("weak-hash", r"\b(?:md5|sha-?1|weak (?:hash|digest)\w*)\b", "bandit:B324 bandit:B303 ruff:S303"),
    _hint("weak-cipher", r"\b(?:des|rc4|arc4|blowfish|ecb|weak ciphers?)\b", "bandit:B304 bandit:B305"),
    _hint(
        "pickle",
        r"\b(?:un)?pickl\w*\b|\bmarshal\b|\bshelve\b|\b(?:unsafe|insecure) deserializ",
        "bandit:B301 bandit:B302",
    ),
    _hint("yaml", r"\byaml\.?(?:load)?\b", "bandit:B506"),
    _hint(
        "tls",
        r"\bverify\s*=\s*false\b|\b(?:certificate|tls|ssl)\b.{0,40}\b(?:verif|validat|check)|\bdisabl\w* (?:tls|ssl)",
        "bandit:B501 bandit:B323",
        forbids=False,
    ),
    _hint(
        "timeouts",
        r"\b(?:http|network|outgoing|outbound|remote|requests?)\b.{0,40}\btimeouts?\b|\btimeouts?\b.{0,40}\b(?:http|requests?)\b",
        "bandit:B113",
        forbids=False,
    ),
    _hint(
        "temporary-files",
        r"\bmktemp\b|\b(?:insecure|predictable|hard-?coded)\b.{0,20}\b(?:temp|tmp)",
        "bandit:B108 bandit:B306",
    ),
    _hint("bind-all", r"\ball (?:network )?interfaces\b|\b0\.0\.0\.0\b", "bandit:B104"),
    _hint("debug", r"\bflask\b.{0,30}\bdebug|\bdebug mode\b|\bdebug\s*=\s*true\b", "bandit:B201"),
    _hint(
        "random",
        r"\brandom\b.{0,60}\b(?:security|token|secret|crypto)|\b(?:insecure|pseudo-?)\s*random",
        "bandit:B311",
    ),
    _hint("assert", r"`assert\b|\bassert statements?\b|\bassert\b.{0,24}\b(?:valid|check|input)", "bandit:B101"),
    _hint("chmod", r"\b(?:world-?writable|chmod|permissive (?:file )?permissions?)\b", "bandit:B103"),
    _hint(
        "xml",
        r"\bxml\.(?:etree|sax|dom)\b|\bxml pars|\bpars\w* (?:untrusted )?xml\b",
        "bandit:B313 bandit:B314 bandit:B315 bandit:B316 bandit:B317 bandit:B318 bandit:B319",
    ),
    _hint(
        "swallowed-exceptions",
        r"\b(?:swallow\w*|silenc\w*|suppress\w*|ignor\w*|hid\w*)\b.{0,40}\b(?:exceptions?|errors?)\b"
        r"|\b(?:exceptions?|errors?)\b.{0,40}\b(?:swallowed|silenced|silently|ignored|hidden)\b",
        "bandit:B110 bandit:B112",
    ),
    _hint("bare-except", r"\bbare[ -]?`?except", "ruff:E722"),
    _hint("mutable-defaults", r"\bmutable\b.{0,30}\b(?:default|argument)", "ruff:B006"),
    _hint("undefined-names", r"\bundefined (?:names?|variables?)\b", "ruff:F821 ruff:F822 ruff:F823"),
    _hint("unused-imports", r"\bunused (?:\w+ )?imports?\b|\bimports?\b.{0,20}\bunused\b", "ruff:F401"),
    _hint("unused-variables", r"\bunused (?:local )?variables?\b", "ruff:F841"),
    _hint("star-imports", r"\b(?:wildcard|star)[ -]imports?\b|\bimport\s+(?:\*|star)", "ruff:F403 ruff:F405"),
    _hint(
        "print",
        r"`print\b|\bprint\(|\bprint (?:statements?|calls?|functions?)\b|\b(?:calls?|uses?|using|calling) print\b"
        r"|\bprint\b.{0,12}\b(?:be|is|are) (?:called|used)\b",
        "ruff:T201 ruff:T203",
    ),
    _hint("todo", r"(?-i:\b(?:TODO|FIXME|XXX)s?\b)|\btodo comments?\b", "ruff:FIX*"),
    _hint("commented-out", r"\bcommented[- ]out\b|\bdead code in comments\b", "ruff:ERA001"),
    _hint("naive-datetimes", r"\bna[iï]ve (?:date|time)|\btime ?zone[- ]aware\b", "ruff:DTZ*", forbids=False),
    _hint(
        "module-docstrings",
        rf"{_MODULES}.{{0,60}}{_DOC}|{_DOC}.{{0,60}}{_MODULES}",
        "ruff:D100 ruff:D104",
        forbids=False,
    ),
    _hint(
        "class-docstrings",
        rf"{_CLASSES}.{{0,60}}{_DOC}|{_DOC}.{{0,60}}{_CLASSES}",
        "ruff:D101",
        forbids=False,
    ),
    _hint(
        "function-docstrings",
        rf"{_FUNCTIONS}.{{0,60}}{_DOC}|{_DOC}.{{0,60}}{_FUNCTIONS}",
        "ruff:D102 ruff:D103",
        forbids=False,
    ),
    _hint(
        "docstrings",
        rf"^(?!.*(?:{_MODULES}|{_CLASSES}|{_FUNCTIONS})).*{_DOC}",
        "ruff:D100 ruff:D101 ruff:D102 ruff:D103 ruff:D104",
        forbids=False,
    ),
    _hint(
        "annotations",
        r"\btype (?:hints?|annotations?)\b|\b(?:are|is|be|fully) (?:type[- ])?annotated\b",
        "ruff:ANN001 ruff:ANN201 ruff:ANN202 ruff:ANN204 ruff:ANN205 ruff:ANN206",
        forbids=False,
    ),
    _hint("complexity", r"\b(?:cyclomatic )?complex(?:ity)?\b", "ruff:C901", forbids=False),
    _hint(
        "import-order",
        r"\bimports?\b.{0,20}\b(?:sorted|ordered|order)\b|\bsorted imports\b",
        "ruff:I001",
        forbids=False,
    ),
    _hint(
        "naming",
        r"\b(?:python|functions?|variables?|methods?|modules?|class(?:es)?)\b.{0,40}\bsnake_?case\b|\bpep ?8 nam",
        "ruff:N801 ruff:N802 ruff:N803 ruff:N806 ruff:N815 ruff:N816",
        forbids=False,
    ),
    _hint(
        "syntax",
        r"\bsyntax errors?\b|\b(?:parse|compile)s?\b.{0,20}\bwithout errors?\b",
        "ruff:invalid-syntax ruff:E9*",
    ),
)


def rules(statement: str) -> tuple[str, ...]:
    """The rules whose findings a reader of the statement should look at."""
    forbids = _FORBIDS.search(statement) is not None
    hinted = [hint for hint in HINTS if (forbids or not hint.forbids) and hint.pattern.search(statement)]
    return tuple(dict.fromkeys(rule for hint in hinted for rule in hint.rules))
