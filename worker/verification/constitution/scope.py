"""The paths that a criterion speaks of: «in `src/`», «except in tests», «library code».

A place is within, without, or it cannot be said. So a FAIL takes a place that is surely within, and a PASS that
nothing is where it may be within. Words that say where something is to be kept («secrets live in `.env`») or where
alone it may be («`print` only in `cli.py`») limit nothing: they are what the criterion says.
"""

import re  # noqa: TID251  bounded: passages.MAX_TEXT and its leads
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from worker.verification.constitution import words
from worker.verification.constitution.places import ENDINGS, EXCEPTIONS, PLACES, Within, any_of

__all__ = ["PLACES", "Scope", "Within", "entries", "read"]


@dataclass(frozen=True)
class Scope:
    """`include` and `exclude` are paths (`src/`, `setup.py`, `*.py`) or words of PLACES; none included: everything.

    `quotes` are the words of the constitution that say so. `unresolved` are conditions and exceptions that could not be
    made into paths: no rule may decide where there is one.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()

    def of(self, path: str) -> Within:
        """Whether the criterion speaks of `path`."""
        excluded = any_of(self.exclude, path, EXCEPTIONS)
        if excluded is Within.YES:
            return Within.NO
        included = any_of(self.include, path, PLACES) if self.include else Within.YES
        if included is Within.YES and excluded is Within.UNCLEAR:
            return Within.UNCLEAR
        return included

    def possible(self, paths: Iterable[str]) -> list[str]:
        """Those of `paths` that the criterion speaks of, or may speak of."""
        return [path for path in paths if self.of(path) is not Within.NO]


_WORDS = {
    "tests": r"(?:unit |integration |the )?tests?(?: (?:code|files?|modules?|suites?|cases?))?|test suites?"
    "|testing code",
    "scripts": r"(?:build |helper |utility |the )?scripts?",
    "examples": r"(?:the )?examples?(?: code)?|samples?|demos?",
    "documentation": r"(?:the )?docs|documentation",
    "benchmarks": r"benchmarks?",
    "migrations": r"(?:database |the )?migrations?(?: files?)?",
    "notebooks": r"notebooks?",
    "generated code": r"(?:auto-?)?generated (?:code|files?)",
    "fixtures": r"(?:test )?fixtures?",
    "product code": r"(?:the )?(?:library|production|application|product|shipped|package|non-test)(?: source)? code"
    "|library modules?|the library|the package",
}
_SUBJECTS = (
    r"(?:the )?(?:library|production|application|product|shipped|package|non-test)(?: source)? code|library modules?"
)
_LANGUAGE = "|".join(re.escape(name) for name in sorted(ENDINGS, key=len, reverse=True))
_PATH = re.compile(r"`?((?:\./)?[\w.@*-]+(?:/[\w.@*-]+)*/?)`?")
_NOUN = (
    rf"(?:{'|'.join(_WORDS.values())}|(?:the )?(?:{_LANGUAGE})(?: source)?(?: code| files?| modules?)"
    r"|`[^`\s:()=]{0,100}(?:/|\.\w{1,5}(?=`))[^`\s:()=]{0,100}`(?: (?:folders?|director(?:y|ies)|packages?"
    r"|modules?|files?|tree))?"
    r"|`[\w.-]{1,60}` (?:folder|directory|package|module|tree))(?![\w-])"
)
_NOUNS = rf"{_NOUN}(?:(?:\s*,\s*(?:and |or )?|\s+(?:and|or)\s+)(?:in |for )?{_NOUN})*"
# A list of places of which one is not understood is not understood.
_WHOLE = rf"(?!\s*,\s*(?:and |or )?(?:in |for )?{_NOUN}|\s*,?\s*(?:and|or)\b)"
_EXCEPT = re.compile(
    rf"\b(?:except(?:ing)?(?: for)?|excluding|other than|outside(?: of)?|apart from|but not|not counting)\s+"
    rf"(?:(?:in|for|from|within|under|inside)\s+)?(?P<nouns>{_NOUNS}){_WHOLE}\)?",
    re.IGNORECASE,
)
_IN = re.compile(
    rf"\b(?:in|under|within|inside|throughout|across|(?<=functions )of|(?<=methods )of|(?<=classes )of"
    rf"|(?<=modules )of"
    rf"|(?<=files )of|(?<=names )of|(?<=api )of|(?<=coverage )of)\s+(?:all )?(?P<nouns>{_NOUNS}){_WHOLE}\)?"
    r"(?=\s*(?:$|[.,;:!()]|(?:must|shall|should|is|are|may|never|has|have|does|do|will|cannot|needs?|stays?)\b))",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    rf"^(?:all |any |the |our )?(?P<nouns>{_SUBJECTS}|(?:{_LANGUAGE})(?: source)? (?:code|files?|modules?))"
    r"(?=\s+(?:must|shall|should|may|never|does|is|are|has|have|will|cannot)\b)",
    re.IGNORECASE,
)
# Before a place they say that something belongs there, or is told there.
_KEPT = re.compile(
    r"\b(?:only|alone|exclusively|solely|but|except|(?:is|are|be|been|it|them|and)?\s*(?:kept?|keeps?|lives?"
    r"|stored?|stores"
    r"|placed?|put|declared|defined|configured|documented|described|listed|located|found|belongs?|resides?|read"
    r"|loaded"
    r"|specified|set|stated|named|maintained|managed|tracked|explained|shown|covered|tested|exercised|verified"
    r"|checked"
    r"|recorded|registered|pinned|noted|go|goes|stays?|values|settings|configuration|metadata|artifacts))\W*$",
    re.IGNORECASE,
)
_BEFORE = 60
_ALONE = re.compile(r"^\W{0,2}\s*(?:only|alone|exclusively|and nowhere else)\b", re.IGNORECASE)
_CONDITION = re.compile(
    r"\b(?:unless|(?<!bare )(?<!bare-)(?<!`)(?<!and )(?<!/)except(?![`:])|excluding|other than|apart from"
    r"|outside(?: of)?|when(?:ever)?|where(?:ver)? (?:possible|practical|appropriate|feasible|applicable|reasonable)"
    r"|if|while|until|as long as|as (?:much|far) as|without (?:a )?(?:good|explicit|documented|formal|prior) \w+"
    r"|only (?:in|for|when|if|after)|but|ideally|usually|generally|normally|typically|preferably|as needed)\b[^.;]*"
    r"|(?<!\w)(?:außer|es sei denn|sofern|soweit|falls|sauf|excepto|salvo|a menos que|exceto|a menos que|se possível"
    r"|кроме|если|за исключением)(?!\w)[^.;]*|除非[^。；]*|除外|以外|を除[くき]|예외|제외",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\s*(?:must|shall|should|is|are|may|never|has|have|does|do|will|cannot|needs?|stays?)\b", re.IGNORECASE
)
_CLAUSE = re.compile(r"[.;:—–]\s|,\s+(?:and|but|which|they|it|we|use|keep|store)\b")


def read(statement: str) -> tuple[Scope, str]:
    """The scope that the statement gives, and the statement without the words that give it."""
    include: list[str] = []
    exclude: list[str] = []
    quotes: list[str] = []
    rest = statement
    for pattern, into in ((_EXCEPT, exclude), (_IN, include)):
        start = 0
        while (match := pattern.search(rest, start)) is not None:
            if pattern is _IN and not _limits(rest, match):
                start = match.end()
                continue
            into.extend(_entries(match["nouns"]))
            quotes.append(" ".join(match[0].split()).strip(" ,;()"))
            before = rest[: match.start()].rstrip(" ,;(–—-")
            rest = f"{before} {rest[match.end() :]}"
            start = len(before)
    rest = re.sub(r"^[\s,;:]+", "", rest)
    subject = _SUBJECT.search(rest)
    if subject is not None:
        include += _entries(subject["nouns"])
        quotes.append(subject["nouns"])
        noun = re.search(r"(?:files?|modules?)$", subject["nouns"], re.IGNORECASE)
        rest = f"all {noun[0] if noun else 'code'}{rest[subject.end() :]}"
    unresolved = tuple(" ".join(match[0].split()) for match in _CONDITION.finditer(rest))
    scope = Scope(tuple(dict.fromkeys(include)), tuple(dict.fromkeys(exclude)), tuple(quotes), unresolved)
    return scope, re.sub(r"\s+([.,;:!])", r"\1", " ".join(rest.split()))


def _limits(text: str, match: re.Match[str]) -> bool:
    """Whether «in …» says where the statement holds, and not where something is to be."""
    before, after = text[max(0, match.start() - _BEFORE) : match.start()], text[match.end() :]
    if _ALONE.match(after) or re.search(r"\bonly\b[^.;:]*$", text[: match.start()], re.IGNORECASE):
        return False
    clause = _CLAUSE.split(text[: match.start()])[-1]
    if not clause.strip(" ,;(*"):
        return True
    denied = words.negations(clause) > 0
    if _KEPT.search(before):
        return re.search(r"\b(?:not|never)\b(?:\s+\w+){0,3}\s*$", before, re.IGNORECASE) is not None
    subject = _VERB.match(after)
    named = "`" not in match["nouns"]
    return denied or subject is not None or named


_PATHLIKE = re.compile(r"^(?!/)(?!.*\.\.)(?:\*\.\w{1,10}|[\w.@*-]+(?:/[\w.@*-]+)*/?)$")


def entries(given: Iterable[str]) -> tuple[str, ...]:
    """Those of the given entries that are paths, kinds of code or languages known here."""
    known = (entry.strip().strip("`").removeprefix("./") for entry in given)
    return tuple(
        dict.fromkeys(
            e for e in known if e in PLACES or e in ENDINGS or (("/" in e or "." in e) and _PATHLIKE.match(e))
        )
    )


def stated(given: Sequence[str], own: str) -> bool:
    """Whether each of the entries is named by the constitution's words `own`: as a path, a language, or a kind."""
    return all(_is_named(entry, own) for entry in given)


def excepts(own: str) -> bool:
    """Whether `own` makes an exception."""
    return _EXCEPTING.search(own) is not None


_EXCEPTING = re.compile(
    r"\b(?:except\w*|excluding|excluded?|exempt\w*|other than|outside|apart from|unless|but not|not counting|besides"
    r"|does not apply|do not apply|need not|may|allowed|permitted)\b"
    r"|(?<!\w)(?:außer\w*|ausgenommen|ausnahmen?|sauf|hors|excepto|salvo|fuera de|exceto|fora de|eccetto|tranne"
    r"|кроме|исключ\w+|вне)(?!\w)|除非|除了|除外|以外|を除|例外|예외|제외",
    re.IGNORECASE,
)
_ELSEWHERE = {
    "tests": r"\w*[Tt]ests?\b|pruebas?|testes?|тест\w*|测试|測試|テスト|테스트",
    "scripts": r"[Ss](?:k|c)ripts?\b|скрипт\w*|脚本|腳本|スクリプト|스크립트",
    "examples": r"[Bb]eispiel\w*|ejemplos?|exemplos?|exemples?|пример\w*|示例|範例|例",
    "documentation": r"[Dd]okumentation|documentaci[oó]n|documentaç\w+|документаци\w+|文档|文檔|ドキュメント|문서",
    "product code": r"[Pp]roduktiv\w*|[Pp]roduktions\w*|producci[oó]n|produção|production|продакшн\w*|生产|正式環境"
    "|本番|프로덕션",
    "code": r"[Cc]ode|c[oó]digo|код\w*|代码|程式碼|コード|코드",
}


def _is_named(entry: str, own: str) -> bool:
    if entry in _WORDS and re.search(rf"(?<!\w)(?:{_WORDS[entry]})(?!\w)", own, re.IGNORECASE):
        return True
    if entry in _ELSEWHERE and re.search(_ELSEWHERE[entry], own):
        return True
    if entry == "command line" or entry in ENDINGS:
        names = (entry, *(["cli", "commands", "console"] if entry == "command line" else ENDINGS[entry]))
        return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", own, re.IGNORECASE) for name in names)
    bare = entry.rstrip("/").removesuffix("/**").removesuffix("/*").removeprefix("*")
    return len(bare) > 1 and re.search(rf"(?<![\w/.-]){re.escape(bare)}(?![\w-])", own) is not None


def _entries(nouns: str) -> list[str]:
    entries = []
    for noun in re.findall(_NOUN, nouns, re.IGNORECASE):
        named = next((name for name, form in _WORDS.items() if re.fullmatch(form, noun, re.IGNORECASE)), None)
        language = re.fullmatch(rf"(?:the )?({_LANGUAGE})(?: source)?(?: code| files?| modules?)", noun, re.IGNORECASE)
        path = _PATH.search(noun) if "`" in noun else None
        if named is not None:
            entries.append(named)
        elif language is not None:
            entries.append(language[1].lower())
        elif path is not None:
            entries.append(path[1].removeprefix("./"))
    return entries
