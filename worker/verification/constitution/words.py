"""Words by which a sentence requires, forbids, permits or explains something, in the languages people write in.

The English ones are those of RFC 2119 and RFC 8174 and what stands beside them in constitutions that people wrote;
lower case counts in prose, capitals alone in code blocks (RFC 8174: only capitals have the special meaning).
"""

import re
from enum import IntEnum


class Force(IntEnum):
    """How strongly a sentence requires: not at all, as a matter of course, as advice, as a duty."""

    NONE = 0
    PLAIN = 1
    ADVICE = 2
    DUTY = 3


_DUTY = re.compile(
    r"\b(?:must|mustn['’]t|shall|shan['’]t|required|never|mandatory|mandate[sd]?|forbid(?:s|den)?|prohibit(?:s|ed)?"
    r"|bann?ed"
    r"|disallow(?:s|ed)?|unacceptable|non-?negotiable|ha(?:s|ve) to|needs? to|cannot|can['’]?t|may not|may only"
    r"|obligatory"
    r"|zero[- ]tolerance|(?:is|are|be) to be|(?:not|never|only|no longer) (?:allowed|permitted|accepted|tolerated"
    r"|acceptable)"
    r"|not optional|do not|don['’]t|requires?|it is (?:an error|a violation|a bug)|non-compliant)\b",
    re.IGNORECASE,
)
_ADVICE = re.compile(
    r"(?-i:\bNOT\b)|\b(?:should(?:n['’]t)?|recommended|ought to|avoid(?:s|ed|ing)?|prefer(?:s|red|ably)?"
    r"|discouraged|encouraged"
    r"|favou?r(?:s|ed)?|expected to|strive|aim to)\b",
    re.IGNORECASE,
)
_PLAIN = re.compile(
    r"\b(?:does not|doesn['’]t|we (?:do|don|never|always|use|keep|write|ship|refuse|require|avoid|prefer|test|treat)\w*"
    r"|is not|isn['’]t|are not|aren['’]t|will(?: not)?|won['’]t|always|only|ensures?|enforced?|without|at (?:least"
    r"|most)"
    r"|no (?:more|less|fewer|longer) than|within (?:an?|one|two|\d+)\b|nothing else|nowhere else|and nothing|in "
    r"full|exactly one|exceeds?|needs?"
    r"|(?:goes|go|comes?) (?:through|from)|(?:begins?|starts?|ends?) (?:with|in)\b|knows? nothing|contains? no|has "
    r"no|have no|takes? no|stays? within|at least one"
    r"|guarantee[sd]?|responsible for|rejected|refused|blocked)\b",
    re.IGNORECASE,
)
_CAPITALS = re.compile(r"\b(?:MUST|SHALL|REQUIRED|NEVER|SHOULD|RECOMMENDED|FORBIDDEN|PROHIBITED|DO NOT|MANDATORY)\b")
# How people mark a line of code as one that nobody should write.
_MARKED = re.compile(
    r"[❌🚫⛔]|(?:#|//|--|/\*)\s*(?:bad|wrong|don['’]t|do not|never|forbidden|not allowed|avoid)\b", re.IGNORECASE
)
_MAY = re.compile(r"\b(?:MAY|OPTIONAL|may|optional(?:ly)?)\b")

# What lifts a duty: «tests are encouraged but not mandatory» requires nothing.
_LIFTED = re.compile(
    r"\b(?:(?:is|are|was) )?(?:not|never|no longer|non)[ -](?:strictly |always )?(?:mandatory|required|compulsory"
    r"|obligatory|necessary|needed|enforced|a requirement|a must)\b"
    r"|\bno (?:mandatory|required)\b|\b(?:is|are) optional\b|\bneed not\b|\bdo(?:es)? not (?:need|have) to\b"
    r"|\bdon['’]t (?:need|have) to\b",
    re.IGNORECASE,
)

# Verbs with which an order begins. A noun of the same form before another word («Test coverage …») orders too.
_VERBS = [
    "add",
    "aim",
    "allow",
    "apply",
    "ask",
    "assign",
    "audit",
    "authenticate",
    "authorize",
    "avoid",
    "back",
    "build",
    "bump",
    "cache",
    "catch",
    "check",
    "choose",
    "cite",
    "clean",
    "close",
    "collect",
    "comment",
    "commit",
    "compile",
    "configure",
    "consider",
    "create",
    "declare",
    "define",
    "delete",
    "deny",
    "depend",
    "deploy",
    "describe",
    "design",
    "develop",
    "disable",
    "discard",
    "document",
    "do",
    "don't",
    "deprecate",
    "emit",
    "enable",
    "encapsulate",
    "encrypt",
    "enforce",
    "ensure",
    "escape",
    "establish",
    "explain",
    "expose",
    "extract",
    "fail",
    "favor",
    "favour",
    "fix",
    "follow",
    "format",
    "generate",
    "give",
    "group",
    "guard",
    "handle",
    "hash",
    "have",
    "hide",
    "honor",
    "implement",
    "import",
    "include",
    "inject",
    "install",
    "instrument",
    "invalidate",
    "isolate",
    "keep",
    "label",
    "leave",
    "let",
    "limit",
    "link",
    "lint",
    "load",
    "lock",
    "log",
    "maintain",
    "make",
    "mark",
    "mask",
    "match",
    "measure",
    "merge",
    "minimise",
    "minimize",
    "mirror",
    "mock",
    "model",
    "monitor",
    "move",
    "name",
    "never",
    "normalize",
    "note",
    "offer",
    "only",
    "open",
    "optimise",
    "optimize",
    "organize",
    "parameterize",
    "parse",
    "pass",
    "perform",
    "persist",
    "pin",
    "place",
    "plan",
    "prefer",
    "prepare",
    "preserve",
    "prevent",
    "prioritise",
    "prioritize",
    "produce",
    "profile",
    "prohibit",
    "propagate",
    "protect",
    "prove",
    "provide",
    "publish",
    "put",
    "quote",
    "raise",
    "read",
    "rebase",
    "record",
    "redact",
    "reduce",
    "refactor",
    "reference",
    "reject",
    "release",
    "rely",
    "remove",
    "rename",
    "render",
    "replace",
    "report",
    "represent",
    "require",
    "reset",
    "resist",
    "respect",
    "restrict",
    "retain",
    "retry",
    "return",
    "reuse",
    "review",
    "rotate",
    "run",
    "sanitize",
    "sanitise",
    "save",
    "scan",
    "scope",
    "secure",
    "separate",
    "serve",
    "set",
    "share",
    "ship",
    "show",
    "sign",
    "simplify",
    "skip",
    "sort",
    "specify",
    "split",
    "squash",
    "start",
    "stay",
    "stick",
    "stop",
    "store",
    "stream",
    "strip",
    "structure",
    "submit",
    "support",
    "tag",
    "target",
    "test",
    "throw",
    "track",
    "translate",
    "treat",
    "trim",
    "trust",
    "type",
    "update",
    "upgrade",
    "use",
    "validate",
    "verify",
    "version",
    "wait",
    "warn",
    "work",
    "wrap",
    "write",
]
_IMPERATIVE = re.compile(rf"^(?:{'|'.join(map(re.escape, _VERBS))})\b", re.IGNORECASE)
_NO = re.compile(
    r"^(?:no|zero|nothing|nobody|none|not|without|every|each|all|any|both|only|public|exported|whoever|whatever)\b",
    re.IGNORECASE,
)
_CROSSED = re.compile("^[❌✗✘🚫⛔]")
_TICKED = re.compile("^[✅✓✔☑]")

# German, Dutch, Spanish, Portuguese, Italian, French, Polish, Czech, Turkish, Swedish, Indonesian, Russian,
# Ukrainian, Chinese, Japanese, Korean, Vietnamese, Arabic: what a duty or a prohibition is written with.
_FOREIGN_WORDS = (
    "muss|müssen|muß|darf nicht|dürfen nicht|darf kein\\w*|dürfen kein\\w*|soll|sollen|sollte|sollten|niemals|verboten|"
    "untersagt|zwingend|verpflichtend|unzulässig|ist zu|sind zu|nicht erlaubt|vermeiden|kein|keine|keinen|immer|"
    "moet|moeten|mag niet|mogen niet|verplicht|nooit|"
    "debe|deben|deberá|deberán|debería|deberían|nunca|jamás|prohibido|prohibida|prohibidos|prohibidas|obligatorio|"
    "obligatoria|se prohíbe|no se permite|no se permiten|no se debe|no puede|no pueden|hay que|evitar|siempre|"
    "deve|devem|deverá|deverão|deveria|proibido|proibida|obrigatório|obrigatória|não pode|não podem|sempre|"
    "é vedado|requerido|requerida|exigido|"
    "devono|dovrebbe|dovrebbero|vietato|vietata|obbligatorio|obbligatoria|non può|non possono|mai|sempre|"
    "doit|doivent|devrait|devraient|jamais|interdit|interdite|interdits|interdites|obligatoire|obligatoires|"
    "ne peut|ne peuvent|toujours|il faut|éviter|exigé|requis|requise|"
    "musi|muszą|nie może|nie mogą|nigdy|zabronione|wymagane|powinien|powinna|powinno|powinny|zawsze|"
    "musí|nesmí|nikdy|zakázáno|povinné|vždy|"
    "zorunlu|zorunludur|yasak|yasaktır|asla|gerekir|gereklidir|olmalı|olmalıdır|edilmeli|edilmelidir|edilmez|"
    "måste|får inte|aldrig|ska|bör|förbjudet|"
    "harus|wajib|dilarang|tidak boleh|jangan|"
    "должен|должна|должно|должны|нельзя|запрещено|запрещён|запрещена|запрещены|запрещается|никогда|обязательно|"
    "обязан|обязаны|необходимо|не допускается|следует|требуется|всегда|"
    "повинен|повинна|повинно|повинні|заборонено|ніколи|обов'язково|має|мають|"
    "phải|không được|cấm|bắt buộc|luôn"
)
_FOREIGN = re.compile(rf"(?<!\w)(?:{_FOREIGN_WORDS})(?!\w)", re.IGNORECASE)
_SCRIPTS = re.compile(
    "必须|必需|必須|禁止|不得|不可|不允许|不能|严禁|應當|应当|应该|應該|需要|一律|强制|強制|避免|确保|確保|不应|不應"
    "|なければならない|なければなりません|してはならない|してはいけない|てはならない|ないこと|すべき|べきである|必ず|義務|しない|する$|すること"
    "|해야|하여야|반드시|금지|안 된다|안 됩니다|하지 않는다|말아야|필수|의무|않습니다|합니다"
    "|يجب|ممنوع|لا يجوز|ينبغي|יש |חובה|אסור"
)
_FOREIGN_DUTY = re.compile(
    r"(?<!\w)(?:muss|müssen|darf nicht|dürfen nicht|darf kein\w*|dürfen kein\w*|niemals|verboten|verpflichtend"
    r"|zwingend|debe|deben|deberá|deberán|nunca|jamás"
    r"|prohibid[oa]s?|obligatori[oa]|deve|devem|proibid[oa]|obrigatóri[oa]|devono|vietat[oa]|obbligatori[oa]|doit"
    r"|doivent|interdite?s?|obligatoires?|jamais|musi|muszą|nigdy|zorunlu|yasak|должен|должна|должно|должны|нельзя"
    r"|запрещен[оаы]|запрещено|никогда|обязательно|harus|wajib|dilarang|phải|không được)(?!\w)"
    "|必须|必須|禁止|不得|严禁|なければならない|なければなりません|してはならない|してはいけない|반드시|해야|금지|يجب|ممنوع",
    re.IGNORECASE,
)

_NEGATION = re.compile(
    r"\b(?:not|never|no|none|nobody|nothing|neither|nor|without|cannot|avoid(?:s|ed|ing)?|forbid(?:s|den)?"
    r"|prohibit(?:s|ed)?"
    r"|bann?ed|disallow(?:s|ed)?|free of|free from|absent|nowhere|refuse[sd]?|reject(?:s|ed)?|unacceptable"
    r"|anti-?patterns?"
    r"|discouraged|zero|be (?:removed|eliminated|deleted))\b|n['’]t\b|[❌🚫⛔]"
    r"|\b(?:nie(?:mals)?|nicht|kein\w*|verboten|nunca|jamás|prohibid\w+|proibid\w+|não|vietat\w+|interdit\w*|jamais"
    r"|нельзя|запрещ\w+"
    r"|никогда|dilarang|jangan|yasak|asla)\b"
    "|禁止|不得|不可|不允许|严禁|不能|避免|不应|不應|してはならない|してはいけない|しない"
    "|금지|안 된다|안 됩니다|말아야|ممنوع",
    re.IGNORECASE,
)
# What is to be there, said by a «no … without»: two negations are none.
_KEYWORDS = (
    r"MUST(?: NOT)?|SHALL(?: NOT)?|SHOULD(?: NOT)?|REQUIRED|(?:NOT )?RECOMMENDED|MAY|OPTIONAL|NEVER|must|should|may"
)
_DEFINES = re.compile(
    rf"\bRFC\s*(?:2119|8174)\b|\bkey ?words?\b.{{0,200}}\binterpreted\b"
    rf"|^[\"'“”*`(]*(?:{_KEYWORDS})(?:\s*(?:/|,|or|and)\s*(?:{_KEYWORDS}))*[\"'“”*`)]*\s*(?::|=|–|—|-|means?\b|is\b"
    rf"|are\b|indicates?\b|denotes?\b|signif)",
    re.DOTALL,
)
_QUALIFIED = re.compile(
    r"^[\"'“”*`(]*\w[\w ,/]{0,40}[\"'“”*`)]*\s*(?::|=|–|—|-|means?\b|is\b|are\b|indicates?\b|denotes?\b"
    r"|signif)\s*(?:an?|the|this|that)?\s*"
    r"(?:absolute|strong|hard|binding|truly|optional|mandatory|requirement|prohibition|recommendation|required"
    r"|non-?negotiable|advisory"
    r"|there may|valid reasons)\b",
    re.IGNORECASE,
)


def force(text: str, *, code: bool = False) -> Force:
    """How strongly `text` requires or forbids. `code`: it stands in a code block, where capitals alone count."""
    if code:
        return Force.DUTY if _CAPITALS.search(text) or _MARKED.search(text) else Force.NONE
    lifted = _LIFTED.search(text) is not None
    text = _LIFTED.sub(" ", text)
    bare = text.strip().strip("*_ ")
    if _DUTY.search(text) or _FOREIGN_DUTY.search(text):
        return Force.DUTY
    if _ADVICE.search(text):
        return Force.ADVICE
    if _FOREIGN.search(text) or _SCRIPTS.search(text) or _PLAIN.search(text):
        return Force.PLAIN
    if lifted:
        return Force.NONE
    if _NO.match(bare) or _IMPERATIVE.match(bare) or _CROSSED.match(bare) or _TICKED.match(bare):
        return Force.PLAIN
    return Force.NONE


def negations(text: str) -> int:
    """How many words of `text` deny something; «not only» denies nothing."""
    return len(_NEGATION.findall(re.sub(r"\bnot only\b", " ", text, flags=re.IGNORECASE)))


def permits(text: str) -> bool:
    """Whether `text` only allows something: MAY, optional, and nothing that requires."""
    allows = _MAY.search(text) is not None or _LIFTED.search(text) is not None
    return allows and force(text) is Force.NONE


def defines_keywords(text: str) -> bool:
    """Whether `text` says what RFC 2119's words mean, rather than using them."""
    found = _DEFINES.search(text)
    if found is None:
        return False
    return "RFC" in found[0] or "interpreted" in found[0] or _QUALIFIED.match(text) is not None
