"""Read criteria from a constitution's text, without a model: headings, list items and RFC 2119 words.

- A list item is a criterion, unless its section only informs (references, glossary, background).
- A sentence of a paragraph is one when it holds a requirement word of RFC 2119 (as RFC 8174 reads them, in
  capitals; `never` and `must` also in lower case, as people write them).
- A heading is one when it holds such a word itself and its section says nothing checkable.
- MAY and OPTIONAL permit; there is nothing to verify in them.

Severity: an explicit `[critical]`, `(high)` … wins; MUST, SHALL, REQUIRED and NEVER are high; SHOULD and
RECOMMENDED medium; a list item without any such word takes its section's word, or medium.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

from worker.core.vocabulary import Category, Severity

METHOD = "rules-1"
MAX_CRITERIA = 500
MAX_STATEMENT = 2000
_MIN_WORDS = 2
_SLUG = 48


class ConstitutionRejected(ValueError):
    """No criteria can be read from the constitution. The message says why and what to do."""


@dataclass(frozen=True)
class Criterion:
    """`key` is made from the statement alone, so it survives reordering and other edits around it. `line` is
    1-based, in the constitution's text."""

    key: str
    category: Category
    severity: Severity
    statement: str
    section: str | None
    line: int


_MUST = re.compile(r"\b(?:MUST|SHALL|REQUIRED|NEVER|[Mm]ust|[Nn]ever|[Ss]hall)\b")
_SHOULD = re.compile(r"\b(?:SHOULD|RECOMMENDED|[Ss]hould)\b")
_MAY = re.compile(r"\b(?:MAY|OPTIONAL)\b")
_MARK = re.compile(r"[\[(]\s*(?:severity\s*:\s*)?(critical|high|medium|low)\s*[\])]\s*:?\s*", re.IGNORECASE)
_CATEGORY_MARK = re.compile(
    r"[\[(]\s*(?:category\s*:\s*)?(security|functionality|style)\s*[\])]\s*:?\s*", re.IGNORECASE
)
_INFORMATIVE = re.compile(
    r"\b(?:references?|links?|glossary|definitions?|background|introduction|contents|changelog|history"
    r"|examples?|rationale|notes?|licen[cs]e|authors?|acknowledge?ments?|see also|appendix)\b",
    re.IGNORECASE,
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
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`*_\"'(])")


def read(text: str) -> list[Criterion]:
    """Criteria in the order of the text, each statement once.

    Raises ConstitutionRejected for a text without any, or with more than MAX_CRITERIA.
    """
    found: dict[str, Criterion] = {}
    for statement, section, line in _statements(text):
        if _MAY.search(statement) and not (_MUST.search(statement) or _SHOULD.search(statement)):
            continue
        criterion = _criterion(statement, section, line)
        if criterion is not None:
            found.setdefault(criterion.key, criterion)
    if not found:
        raise ConstitutionRejected(
            "The constitution says nothing that can be checked. Write its rules as list items, or as sentences "
            "with MUST, MUST NOT, SHOULD or NEVER, for example: «- Code MUST NOT call eval()»."
        )
    if len(found) > MAX_CRITERIA:
        raise ConstitutionRejected(
            f"The constitution has {len(found)} criteria; at most {MAX_CRITERIA} are verified in one run. Split it."
        )
    return list(found.values())


def _criterion(statement: str, section: str | None, line: int) -> Criterion | None:
    category_mark = _CATEGORY_MARK.search(statement)
    plain = unmarked(statement)
    if len(re.findall(r"\w+", plain)) < _MIN_WORDS:
        return None
    category = Category(category_mark[1].lower()) if category_mark else _category(plain, section)
    severity = marked_severity(statement) or _severity(plain, section)
    return Criterion(key_of(plain), category, severity, plain, section, line)


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
    """The statement without marks of severity and category, its white space in order, cut at MAX_STATEMENT."""
    return " ".join(_CATEGORY_MARK.sub("", _MARK.sub("", statement)).split())[:MAX_STATEMENT].strip()


def key_of(statement: str) -> str:
    """`first-words-hash`; the hash takes no notice of case, punctuation and Markdown."""
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", statement).casefold())
    slug = ""
    for word in words:
        if word.isascii() and len(slug) + len(word) < _SLUG:
            slug = f"{slug}-{word}" if slug else word
    digest = hashlib.sha256(" ".join(words).encode()).hexdigest()[:8]
    return f"{slug}-{digest}" if slug else digest


def _statements(text: str) -> Iterator[tuple[str, str | None, int]]:
    """(statement, section, line) of everything that may be a criterion."""
    tokens = MarkdownIt("commonmark").parse(text)
    section = _Section(None, 1, informative_level=0)
    items: list[_Item] = []
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            yield from section.own_statement()
            section = section.next(_plain(tokens[index + 1]), int(token.tag[1]), _line(token))
        elif token.type == "list_item_open":
            if items:
                items[-1].has_children = True
            items.append(_Item(_line(token), intro=items[-1].lead if items else ""))
        elif token.type == "list_item_close":
            item = items.pop()
            if not section.informative_level and item.is_statement:
                section.said_any = True
                yield f"{item.intro} {item.text}".strip(), section.title, item.line
        elif token.type == "inline" and items:
            items[-1].add(_plain(token))
        elif token.type == "inline" and not section.informative_level and tokens[index - 1].type != "heading_open":
            for sentence in _SENTENCE.split(_plain(token)):
                if _MUST.search(sentence) or _SHOULD.search(sentence):
                    section.said_any = True
                    yield sentence, section.title, _line(token)
    yield from section.own_statement()


class _Section:
    """What stands below a heading. `informative_level` is the level of the heading that makes it and its
    subsections informative, 0 where none does."""

    def __init__(self, title: str | None, line: int, *, informative_level: int) -> None:
        self.title = title
        self.line = line
        self.informative_level = informative_level
        self.said_any = False

    def next(self, title: str, level: int, line: int) -> "_Section":
        informative_level = self.informative_level
        if not informative_level or level <= informative_level:
            informative_level = level if _INFORMATIVE.search(title) and not _MUST.search(title) else 0
        return _Section(title, line, informative_level=informative_level)

    def own_statement(self) -> Iterator[tuple[str, str | None, int]]:
        """The heading itself, where it requires something and nothing below it does."""
        title = self.title or ""
        if not self.said_any and not self.informative_level and (_MUST.search(title) or _SHOULD.search(title)):
            yield title, None, self.line


class _Item:
    """A list item while its tokens are read. `intro` is its parent's text where that ends in a colon."""

    def __init__(self, line: int, intro: str) -> None:
        self.line = line
        self.intro = intro
        self.text = ""
        self.has_children = False

    @property
    def is_statement(self) -> bool:
        return bool(self.text) and not (self.has_children and self.text.endswith(":"))

    @property
    def lead(self) -> str:
        return f"{self.intro} {self.text}".strip() if self.text.endswith(":") else ""

    def add(self, text: str) -> None:
        # A second paragraph of an item explains the first.
        self.text = self.text or text.strip()


def _plain(token: Token) -> str:
    """The text of an inline token; code keeps its backticks, which name rules and functions."""
    parts = []
    for child in token.children or []:
        if child.type == "code_inline":
            parts.append(f"`{child.content}`")
        elif child.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif child.type == "text":
            parts.append(child.content)
    return " ".join("".join(parts).split())


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1
