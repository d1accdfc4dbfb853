"""A criterion: one checkable statement of a constitution, its key, category, severity, kind and scope."""

import hashlib
import re  # noqa: TID251  bounded: passages.MAX_TEXT and its leads
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from worker.core.failure import FailureCode, RunFailure
from worker.core.vocabulary import Category, CriterionKind, Severity
from worker.verification.constitution import kinds, scope
from worker.verification.constitution.scope import Scope

MAX_CRITERIA = 500
MAX_STATEMENT = 2000
_SLUG = 48


class ConstitutionRejected(RunFailure):
    """No criteria can be read from the constitution. The message says why and what to do."""

    code = FailureCode.CONSTITUTION_REJECTED


@dataclass(frozen=True)
class Criterion:
    """One checkable statement."""

    key: str
    """Made from the statement alone, so it survives reordering and other edits around it."""
    category: Category
    severity: Severity
    statement: str
    section: str | None
    line: int
    """Where it begins in the constitution's text, from 1."""
    kind: CriterionKind = CriterionKind.EVERYWHERE
    scope: Scope = field(default_factory=Scope)
    quote: str = ""
    """The constitution's own words that it rests on."""
    plain: str = ""
    """The statement without the words that give its scope: what closed sentences are compared with."""
    patterns: tuple[str, ...] = ()
    """RE2 patterns, without regard to case, of what would show a violation (forbids), of all that the criterion applies
    to (everywhere), or of the thing itself (somewhere). Matched against each line and each path."""


_MUST = re.compile(r"\b(?:MUST|SHALL|REQUIRED|NEVER|[Mm]ust|[Nn]ever|[Ss]hall|FORBIDDEN|PROHIBITED|NON-NEGOTIABLE)\b")
_SHOULD = re.compile(r"\b(?:SHOULD|RECOMMENDED|[Ss]hould)\b")
_MARK = re.compile(r"[\[(]\s*(?:severity\s*:\s*)?(critical|high|medium|low)\s*[\])]\s*:?\s*", re.IGNORECASE)
_CATEGORY_MARK = re.compile(
    r"[\[(]\s*(?:category\s*:\s*)?(security|functionality|style)\s*[\])]\s*:?\s*", re.IGNORECASE
)
_SECURITY = re.compile(
    r"\b(?:secur\w*|secrets?|passwords?|credentials?|tokens?|api keys?|encrypt\w*|crypto\w*|hash(?:es|ed|ing)?|md5"
    r"|sha-?1|injections?|sql|xss|csrf|ssrf|sanitiz\w*|authenti\w*|authoriz\w*|permissions?|privileges?|tls|ssl"
    r"|certificates?|eval|exec|shell|pickles?|deserializ\w*|unsafe|vulnerab\w*|untrusted|attack\w*|leak\w*|expos\w*"
    r"|temporary files?|yaml\.load|subprocess)\b",
    re.IGNORECASE,
)
_STYLE = re.compile(
    r"\b(?:styl\w*|format\w*|naming|named|names?|docstrings?|document\w*|comments?|commented|readab\w*|convention\w*"
    r"|indent\w*|line length|unused imports?|wildcard imports?|star imports?|imports? order|sorted imports?|lint\w*"
    r"|type (?:hints?|annotations?)|annotat\w*|todo\w*|print|complex\w*|whitespace)\b",
    re.IGNORECASE,
)


def make(
    statement: str,
    *,
    section: str | None,
    line: int,
    quote: str,
    titles: Sequence[str] = (),
    own: str | None = None,
    before: str = "",
) -> Criterion:
    """The criterion that the rules read from a statement below the headings `titles`; `own` are the words of it that
    say what is required, `before` those that announce them."""
    category_mark = _CATEGORY_MARK.search(statement)
    severity = marked_severity(statement) or _severity(statement, section)
    plain = unmarked(statement)
    limits, rest = scope.read(plain)
    return Criterion(
        key_of(plain),
        Category(category_mark[1].lower()) if category_mark else _category(plain, section),
        severity,
        plain,
        section,
        line,
        kinds.of(unmarked(statement if own is None else own), titles, before=unmarked(before)),
        limits,
        quote[:MAX_STATEMENT],
        rest,
    )


def _category(statement: str, section: str | None) -> Category:
    for text in (section or "", statement):
        if _SECURITY.search(text):
            return Category.SECURITY
        if _STYLE.search(text):
            return Category.STYLE
    return Category.FUNCTIONALITY


def _severity(statement: str, section: str | None) -> Severity:
    if _MUST.search(statement):
        return Severity.HIGH
    if _SHOULD.search(statement):
        return Severity.MEDIUM
    word = re.search(r"\b(critical|high|medium|low)\b", section or "", re.IGNORECASE)
    if word:
        return Severity(word[1].lower())
    if _MUST.search(section or ""):
        return Severity.HIGH
    return Severity.MEDIUM


def marked_severity(statement: str) -> Severity | None:
    """The severity that the text itself gives, as in `[critical]` or `(high)`."""
    mark = _MARK.search(statement)
    return Severity(mark[1].lower()) if mark else None


def unmarked(statement: str) -> str:
    """The statement without marks of severity, category, emphasis and tasks, on one line, cut at MAX_STATEMENT."""
    bare = re.sub(r"^\s*\[[ xX]\]\s+", "", _CATEGORY_MARK.sub("", _MARK.sub("", statement)))
    return " ".join(bare.replace("**", "").replace("__", "").split())[:MAX_STATEMENT].strip()


# Signs that make another statement of the same words: `==` and `!=`, C and C++, «< 5» and «> 5».
_WORD = re.compile(r"\w+(?:[+#]+(?!\w))?|[<>=≤≥≠]+|(?<=`)[^\w\s`]+(?=`)|!=+")


def key_of(statement: str) -> str:
    """`first-words-hash`; the hash takes no notice of case, Markdown and the punctuation of sentences."""
    words = _WORD.findall(unicodedata.normalize("NFKC", statement).casefold())
    slug = ""
    for word in words:
        if word.isascii() and word[0].isalnum() and len(slug) + len(word) < _SLUG:
            slug = f"{slug}-{word}" if slug else word
    digest = hashlib.sha256(" ".join(words).encode()).hexdigest()[:8]
    return f"{slug}-{digest}" if slug else digest
