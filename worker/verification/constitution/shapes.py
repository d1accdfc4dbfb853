"""What a line or a title is for, by its form: a rule, a reason, a definition, a date, a link, a title that forbids."""

import re  # noqa: TID251  bounded: _HEAD characters of a passage

_INFORMING = (
    r"(?:references?|links?|resources|glossary|definitions?|terminology|terms|background|introduction|overview"
    r"|(?:table of )?contents|examples?|rationale|notes?|authors?|contributors|acknowledge?ments?|credits|see also"
    r"|appendix|sync impact report|further reading|motivation|preamble|about|context)"
)
_HISTORY = r"(?:change ?log|changes|history|revisions?|amendment log|licen[cs]es?|license headers?)"
_BEFORE = (
    r"^\W*(?:(?:[ivxlc]+|\d+(?:\.\d+)*|[a-z])[.)]\s+)?(?:(?:the|our|project|version|revision|document|useful"
    r"|external|key|code|some|related|additional|amendment|release)\s+)*"
)
_INFORMATIVE = re.compile(
    rf"{_BEFORE}{_INFORMING}(?:\s*(?:and|&|/|,)\s*(?:the\s+)?(?:{_INFORMING}|{_HISTORY}))*\W*$", re.IGNORECASE
)
_HISTORICAL = re.compile(
    rf"{_BEFORE}{_HISTORY}(?:\s*(?:and|&|/|,)\s*(?:the\s+)?(?:{_INFORMING}|{_HISTORY}))*\W*$", re.IGNORECASE
)
_PAST = re.compile(
    r"^\W*(?:v?\d|added|removed|changed|fixed|initial|updated|created|adopted|ratified|amended|introduced|renamed"
    r"|deprecated|first|mit\b|apache|a?gpl|bsd|copyright|©|spdx)",
    re.IGNORECASE,
)
_REASONS = (
    r"rationale|why(?: this matters)?|reason(?:ing|s)?|motivation|justification|because|warum|begründung|grund|razón"
    r"|motivo|justificación|justificativa|raison|pourquoi|motivazione|uzasadnienie|обоснование|почему|причина"
    r"|根拠|理由|原因|근거|이유"
)
_REASON = re.compile(rf"^\W*(?:{_REASONS})(?!\w)[^:：\n]{{0,30}}[:：–—-]|^\W*(?:{_REASONS})\W*$", re.IGNORECASE)
_EXAMPLE = re.compile(
    r"^\W*(?:notes?|examples?|e\.g\.|for example|benefits?|ejemplo|beispiel|exemple|exemplo|пример|例)\b\W{0,4}[:：–—-]"
    r"|^\W*(?:examples?|notes?|benefits?)\W*$",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^\W*(?:background|context|purpose|goals?|mission|vision|overview|summary|project(?: name)?|scope|definition"
    r"|explanation|impact|intent|source|see(?: also)?|reference|目的|проект)\b\W{0,4}[:：–—-]",
    re.IGNORECASE,
)
_METADATA = re.compile(
    r"^\W*(?:version|ratified|ratification date|last amended|last updated|amended|updated|effective date|author"
    r"|authors|owner|status|date|created|license|maintainers?|revision|版本|バージョン|버전|versión|versão|versione?"
    r"|версия|statut|estado|stand|fassung|beschlossen|autor|fecha|datum|автор|статус|дата|作者|日期|状态)\W*[:：|]",
    re.IGNORECASE,
)
_METADATA_WORDS = 5
_VERSION_LINE = re.compile(r"^\W*version\s+v?\d+(?:\.\d+)*\b[^.;]{0,60}\W*$", re.IGNORECASE)
_REFERS = re.compile(
    r"\b(?:see|refers?|details?|for example|such as|e\.g\.|was|were|had|once|used to|historical|cf)\b|参照|참조|参见"
    r"|siehe|véase"
    r"|voir\b|смотри",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"^\W*\[[A-Z][A-Z0-9_ ]{3,}\]\W*$")
_LINK_ONLY = re.compile(r"^[`<\[(\"']{0,3}(?:https?://[^\s<>]+|[^\s`<>]+\.(?:md|html))[`>\])\"'.]{0,3}$")
_FORBIDDING_TITLE = re.compile(
    r"(?<![\w-])(?:forbidden|prohibited|prohibitions?|banned|bans|disallowed|unacceptable|anti-?patterns?"
    r"|don['’]?t'?s"
    r"|no-gos?|red flags|taboos?|deny ?list|blacklist|not allowed|not permitted|not acceptable|out of bounds"
    r"|off-limits"
    r"|bad (?:practices?|patterns?|examples?|code|habits)|(?:patterns?|practices?|things|what|mistakes"
    r"|smells) to avoid"
    r"|verboten\w*|verbote|prohibid[oa]s?|prohibiciones|proibid[oa]s?|proibições|interdite?s?|interdictions?"
    r"|vietat[oaie]|divieti|zabronion[eay]|запрещено|запреты|запрещённ\w+|запрещенн\w+|нельзя)(?![\w-])"
    # A verb alone waits for what stands below; «Never lose a file» is a rule of its own.
    r"|(?<![\w-])(?:never|do not|don['’]t|must not|must never|shall not|won['’]t|avoid)"
    r"(?: (?:ever )?(?:do|use|allow|commit|import|call|write|add|create|include|store|log|put|touch|modify|edit"
    r"|have))?"
    r"(?: (?:this|these|any of these|(?:any of )?the following|it))?\W*$|(?<![\w-])never to \w+"
    "|禁止|禁則|금지",
    re.IGNORECASE,
)
_BOTH = re.compile(
    r"\bdo['’]?s\b.{0,12}\bdon|\bdo\b.{0,8}(?:and|&|/|vs\.?).{0,8}\bdon['’]?t\b"
    r"|\ballowed\b.{0,20}\b(?:forbidden|prohibited|banned)\b"
    r"|\b(?:good|best|always|required|must)\b.{0,12}(?:and|&|/|vs\.?).{0,12}\b(?:bad|never|forbidden|must not"
    r"|prohibited)\b"
    r"|^\W*(?:handling|reporting|fixing|preventing|detecting|consequences|penalt\w+|policy|process|procedure)\b"
    r"|\b(?:violation|avoid)s? (?:handling|policy|process|procedure|reporting|response)",
    re.IGNORECASE,
)
_MAX_TITLE = 120
_AFFIRMING = re.compile(
    r"[✅✓✔☑]|\b(?:always|do|dos|do['’]s|allowed|permitted|instead|required|must(?! not| never)|preferred|good|better"
    r"|best|siempre|sempre|immer|toujours|всегда)\b|必ず|必須|必须|推奨",
    re.IGNORECASE,
)
_RULE_COLUMN = re.compile(
    r"\b(?:must|should|required?|requirements?|mandatory|rules?|polic(?:y|ies)|standards?|forbidden|prohibited"
    r"|allowed|threshold|target|minimum|maximum|min|max|limits?|do|don['’]ts?|constraints?|regeln?|anforderung(?:en)?"
    r"|requisitos?|reglas?|regras?|règles?|exigences?)\b|要求|规则|規則|ルール|原則|禁止|必須|правил[оа]|требовани[ея]",
    re.IGNORECASE,
)
_RULE_TITLE = re.compile(
    r"^\W*(?:rules?|requirements?|polic(?:y|ies)|standards?|must|regel|requisito|regla|exigence|要求|规则|ルール)\W*$",
    re.IGNORECASE,
)
_WHERE_COLUMN = re.compile(r"^\W*(?:applies to|scope|where|area|gilt für)\W*$", re.IGNORECASE)
_EVERYWHERE = re.compile(
    r"^\W*(?:everywhere|all(?: code| files| modules)?|anywhere|the whole repository|überall)\W*$", re.IGNORECASE
)
_BESIDE = re.compile(
    r"^\W*(?:validation(?: method)?|verifi\w+|enforced? ?(?:in|by|ment)?|enforcement(?: level)?|checked by"
    r"|owner|notes?"
    r"|rationale|reason|why|automated|frequency|priority|comment|severity|source)\W*$",
    re.IGNORECASE,
)
_NUMBERING = re.compile(
    r"^\W*(?:(?:article|principle|rule|section|art\.?|§)\s*)?(?:[IVXLC]+|\d+(?:\.\d+)*|[A-Z])[.):]\s+", re.IGNORECASE
)
_HEAD = 300


def gives_a_reason(text: str) -> bool:
    """Whether `text` is labelled as a reason: «Rationale: …», «Begründung: …»."""
    return _REASON.match(text[:_HEAD]) is not None


def is_example(text: str) -> bool:
    """Whether `text` is labelled as a note or an example."""
    return _EXAMPLE.match(text[:_HEAD]) is not None


def is_about(text: str) -> bool:
    """Whether `text` is labelled as a goal, a background, a project's name."""
    return _LABEL.match(text[:_HEAD]) is not None


def is_metadata(text: str) -> bool:
    """Whether `text` is a version, a date, a name of an owner: few words after a label, or several labels in a line."""
    head = text[:_HEAD]
    if _VERSION_LINE.match(head):
        return True
    label = _METADATA.match(head)
    return label is not None and (len(text[label.end() :].split()) <= _METADATA_WORDS or " | " in head)


def names_code(text: str) -> bool:
    """Whether a sentence speaks of code or a file by its name, other than to send the reader there."""
    return "`" in text and not _REFERS.search(text[:_HEAD])


def is_placeholder(text: str) -> bool:
    """Whether a template's author left `text` to be filled in."""
    return _PLACEHOLDER.match(text[:_HEAD]) is not None


def is_link(text: str) -> bool:
    """Whether `text` is an address or the name of a document, and nothing else."""
    return len(text) <= _HEAD and _LINK_ONLY.match(text) is not None


def informs(title: str, text: str) -> bool:
    """Whether `text` below `title` is information by the title's words; in a history what looks like an entry of it."""
    head = title[:_HEAD]
    if _HISTORICAL.match(head):
        return _PAST.match(text[:_HEAD]) is not None or is_link(text)
    return _INFORMATIVE.match(head) is not None


def forbids(title: str) -> bool:
    """Whether a title says of what stands below it that it is forbidden."""
    return len(title) <= _MAX_TITLE and _FORBIDDING_TITLE.search(title) is not None and not _BOTH.search(title)


def affirms(title: str) -> bool:
    """Whether a title says of what stands below it that it is to be done."""
    return _AFFIRMING.search(title[:_HEAD]) is not None


def has_rules(column: str) -> bool:
    """Whether a column's title says that rules stand in it."""
    return _RULE_COLUMN.search(column[:_HEAD]) is not None


def says_nothing(column: str, cell: str) -> bool:
    """Whether a cell limits nothing: «Applies to: everywhere»."""
    return _WHERE_COLUMN.match(column[:_HEAD]) is not None and _EVERYWHERE.match(cell[:_HEAD]) is not None


def is_name_of_rules(column: str) -> bool:
    """Whether a column's title adds nothing to the rule in its cell."""
    return _RULE_TITLE.match(column[:_HEAD]) is not None


def stands_beside(column: str) -> bool:
    """Whether a column tells how a rule is enforced or why, rather than what it is."""
    return _BESIDE.match(column[:_HEAD]) is not None


def without_number(text: str) -> str:
    """`text` without the number that it begins with."""
    return _NUMBERING.sub("", text, count=1)


def without_brackets(title: str) -> str:
    """A title's words without its number and what stands in brackets."""
    return without_number(re.sub(r"\([^()]*\)", "", title)).strip()
