"""How strongly a sentence requires, forbids or permits, by its words, in the languages people write in.

The English ones are those of RFC 2119 and RFC 8174 and what stands beside them in constitutions that people wrote;
lower case counts in prose, capitals alone in code blocks (RFC 8174: only capitals have the special meaning).
"""

import re  # noqa: TID251  bounded: passages.MAX_TEXT and its leads
from enum import IntEnum
from functools import lru_cache

from worker.verification.constitution import lexicon


class Force(IntEnum):
    """How strongly a sentence requires: not at all, as a matter of course, as advice, as a duty."""

    NONE = 0
    PLAIN = 1
    ADVICE = 2
    DUTY = 3


_DUTY = re.compile(
    r"\b(?:must(?!-have)|mustn['’]t|shall|shan['’]t|required|never|mandatory|compulsory|mandate[sd]?|forbid(?:s|den)?"
    r"|prohibit(?:s|ed|ions?)?|bann?ed|disallow(?:s|ed)?|unacceptable|inadmissible|non-?negotiable|off-limits|taboo"
    r"|ha(?:s|ve) to|needs? to|cannot|can not|can['’]?t|may not|may only|obligatory|obliged|zero[- ]tolerance"
    r"|(?:is|are|be) to be|(?:not|never|only|no longer) (?:allowed|permitted|accepted|tolerated|acceptable|optional)"
    r"|do not|don['’]t|requires?|refrain from|(?:under|in|on|by) no (?:circumstances?|case|account|means)"
    r"|it is (?:an error|a violation|a bug)|non-compliant)\b"
    r"|\b(?:no|none|nobody|nothing|neither|only)\b[^.;:]{0,80}\b(?:may|can|shall)\b",
    re.IGNORECASE,
)
_ADVICE = re.compile(
    r"(?-i:\bNOT\b(?! NULL\b))|\b(?:should(?!-have)(?:n['’]t)?|ought to|avoid(?:s|ed|ing)?|prefer(?:s|red|ably)?"
    r"|discouraged|favou?r(?:s|ed)?|strive|aim to|essential|crucial)\b",
    re.IGNORECASE,
)
# What a lifted duty leaves of these is a wish: «encouraged but not mandatory».
_WISH = re.compile(r"\b(?:encouraged|recommended|expected to|welcome)\b", re.IGNORECASE)
_PLAIN = re.compile(
    r"\b(?:does not|doesn['’]t|we (?:do|don|never|always|use|keep|write|ship|refuse|require|avoid|prefer|test"
    r"|treat)\w*"
    r"|we \w+ (?:no|only|every|all|each)|(?:is|are|was|were) (?:not|never)|isn['’]t|aren['’]t|will(?: not)?|won['’]t"
    r"|always|only|ensures?|enforced?|without|at (?:least|most)|no (?:more|less|fewer|longer|other) than|no other"
    r"|within (?:an?|one|two|\d+)\b|nothing else|nowhere else|nothing but|and nothing|and no|in full|exactly one"
    r"|(?<=[,:;] )no|exceeds?|needs?|(?:goes|go|comes?) (?:through|from)|(?:begins?|starts?|ends?) (?:with|in)\b"
    r"|knows? nothing|contains? no|has no|have no|takes? no|uses? no|there (?:is|are) (?:no|at)"
    r"|stays? (?:within|below|above|under|at|out)|(?:less|more|fewer|longer|shorter|larger|smaller|higher|lower|older"
    r"|newer) than|not (?:longer|larger|more|higher)|(?:below|above|under|over|up to) \d+|belongs? (?:to|in)"
    r"|kept (?:out|in|for|under)|reserved for|at least one|guarantee[sd]?|responsible for|rejected|refused"
    r"|blocked)\b",
    re.IGNORECASE,
)
_CAPITALS = re.compile(r"\b(?:MUST|SHALL|REQUIRED|NEVER|SHOULD|RECOMMENDED|FORBIDDEN|PROHIBITED|DO NOT|MANDATORY)\b")
# How people mark a line of code as one that nobody should write.
_MARKED = re.compile(
    r"[❌✗✘🚫⛔]|(?:#|//|--|/\*)\s*(?:bad|wrong|don['’]t|do not|never|forbidden|not allowed|avoid)\b", re.IGNORECASE
)
_MAY = re.compile(r"\b(?:MAY|OPTIONAL|may|optional(?:ly)?)\b")
# What lifts a duty: «tests are encouraged but not mandatory» requires nothing.
_LIFTED = re.compile(
    r"\b(?:(?:is|are|was|be) )?(?:not|never|no longer|non)[ -](?:strictly |always )?(?:mandatory|required|compulsory"
    r"|obligatory|necessary|needed|enforced|a requirement|a must)\b"
    r"|\bno (?:mandatory|required)\b(?![^.;:]{0,80}\b(?:may|must|can|shall|should|is|are|has|have)\b)"
    r"|\b(?:is|are) optional\b|\bneed not\b|\bneedn['’]t\b|\bdo(?:es)? not (?:need|have) to\b"
    rf"|\bdo(?:es)?n['’]t (?:need|have) to\b|{lexicon.FOREIGN_LIFTED}",
    re.IGNORECASE,
)
_BEGINS = re.compile(
    r"^(?:no|zero|nothing|nobody|none|not|without|every|each|all|any|both|only|public|exported|whoever|whatever)\b"
    "|^[❌✗✘🚫⛔✅✓✔☑]",
    re.IGNORECASE,
)
# «When a field is new, document it»: the order comes after the comma.
_CIRCUMSTANCE = re.compile(
    r"^(?:when|if|where|after|before|for|in|wherever|whenever|once)\b[^,.;:]{1,120},\s*", re.IGNORECASE
)
_NUMBERED = re.compile(r"^\W{0,4}(?:(?:§\s*)?\d+(?:\.\d+)*|[IVXLC]+|[A-Z])[.):]?\s+(?:[—–-]\s+)?")
# Bullets, arrows and pictures before the words; a cross and a tick say something themselves.
_SIGNS = re.compile(r"^[^\w❌✗✘🚫⛔✅✓✔☑\[`\"'«“(§<.]*")
_TASK = re.compile(r"^\[[ xX]\]\s+")
_LABEL = re.compile(r"^[^:：.;,]{1,40}[:：]\s+")
_NEGATION = re.compile(
    r"\b(?:not(?! NULL\b)|never|no|none|nobody|nothing|neither|nor|without|cannot|avoid(?:s|ed|ing)?|forbid(?:s|den)?"
    r"|prohibit(?:s|ed|ions?)?|bann?ed|disallow(?:s|ed)?|free of|free from|absent|nowhere|refuse[sd]?|reject(?:s|ed)?"
    r"|refrain|unacceptable|anti-?patterns?|discouraged|zero|be (?:removed|eliminated|deleted))\b|n['’]t\b"
    rf"|[❌✗✘🚫⛔]|{lexicon.FOREIGN_NEGATION}",
    re.IGNORECASE,
)
_AGAINST = re.compile(
    r"^(?:no|zero|nothing|nobody|none|never|do not|don['’]t|avoid|refrain|without|not|we (?:do not|don['’]t"
    r"|never|avoid"
    rf"|refuse)|there (?:is|are) no)\b|^[❌✗✘🚫⛔]|^(?:{lexicon.FOREIGN_NEGATION})",
    re.IGNORECASE,
)
_KEYWORDS = (
    r"(?:MUST(?: NOT)?|SHALL(?: NOT)?|SHOULD(?: NOT)?|REQUIRED|(?:NOT )?RECOMMENDED|MAY|OPTIONAL|NEVER|must(?: not)?"
    r"|should(?: not)?|may)"
)
_QUOTED = rf"[\"'“”*`(]*{_KEYWORDS}[\"'“”*`)]*"
_LISTED = re.compile(rf"{_QUOTED}(?:\s*(?:/|,|or|and|,\s*(?:and|or))\s*{_QUOTED})*")
_SEVERAL = re.compile(rf"{_QUOTED}\s*(?:/|,|or|and|,\s*(?:and|or))\s*{_QUOTED}")
_TERMS = re.compile(r"\b(?:key ?words?|terms?|words)\b", re.IGNORECASE)
_INTERPRETED = re.compile(
    r"\bkey ?words?\b[^.]{0,300}\binterpreted\b"
    r"|\b(?:interpreted|described|defined|understood|used|meant|meaning|in the sense|per|following)\b[^.]{0,80}"
    r"\bRFC\s*(?:2119|8174)\b|\bRFC\s*(?:2119|8174)\b[^.]{0,40}\b(?:terms?|terminology|language|key ?words?"
    r"|meanings?)\b",
    re.IGNORECASE,
)
_DEFINED_AS = re.compile(
    rf"^{_LISTED.pattern}\s*(?::|=|–|—|-|means?|is|are|indicates?|denotes?|signif\w*)\s*(?:an?|the|this|that)?\s*"
    r"(?:(?:absolute|strong|hard|binding|mandatory|firm|strict)\s+(?:requirements?|prohibitions?|recommendations?"
    r"|rules?|obligations?)|truly optional|non-?negotiable|there may exist|(?:optional|mandatory|required|advisory"
    r"|recommended|forbidden)\W*(?:$|[,;.(]))",
)
_HEAD = 400


@lru_cache(maxsize=256)
def force(text: str, *, code: bool = False) -> Force:
    """How strongly `text` requires or forbids. `code`: it stands in a code block, where capitals alone count."""
    if code:
        return Force.DUTY if _CAPITALS.search(text) or _MARKED.search(text) else Force.NONE
    bare = _bare(text)
    lifted = _LIFTED.search(bare) is not None
    if lifted:
        bare = _LIFTED.sub(" ", bare)
    if _DUTY.search(bare) or lexicon.FOREIGN_DUTY.search(bare):
        return Force.DUTY
    if _ADVICE.search(bare) or (not lifted and _WISH.search(bare)):
        return Force.ADVICE
    if lexicon.FOREIGN_PLAIN.search(bare) or _PLAIN.search(bare) or lexicon.denies_in_spanish(bare):
        return Force.PLAIN
    if not lifted and (_BEGINS.match(bare) or lexicon.IMPERATIVE.match(_CIRCUMSTANCE.sub("", bare, count=1))):
        return Force.PLAIN
    return Force.NONE


def requires(text: str) -> bool:
    """Whether `text` may not become nothing: it has a duty, advice, or begins by forbidding something."""
    strength = force(text)
    return strength >= Force.ADVICE or (strength is Force.PLAIN and forbids_at_once(text))


def forbids_at_once(text: str) -> bool:
    """Whether `text` begins with a negation: «No eval», «Never …», «We do not …», a crossed-out example."""
    bare = _bare(text).lstrip("✅✓✔☑ ")
    return _AGAINST.match(bare) is not None or _AGAINST.match(_LABEL.sub("", bare, count=1)) is not None


def in_capitals(text: str) -> bool:
    """Whether a word of RFC 2119 stands in `text` as the RFC writes it."""
    return _CAPITALS.search(text) is not None


def is_order(text: str) -> bool:
    """Whether `text` begins with a verb that commands."""
    return lexicon.IMPERATIVE.match(_bare(text)) is not None


def negations(text: str) -> int:
    """How many words of `text` deny something; «not only» denies nothing."""
    bare = re.sub(r"\bnot only\b", " ", text.replace("**", ""), flags=re.IGNORECASE)
    if lexicon.PORTUGUESE.search(bare):
        bare = re.sub(r"(?<!\w)nos?(?!\w)", " ", bare, flags=re.IGNORECASE)
    return len(_NEGATION.findall(bare))


def permits(text: str) -> bool:
    """Whether `text` only allows something: MAY, optional, and nothing that requires."""
    first = re.split(r"(?<=[.!?。])\s+", text, maxsplit=1)[0]
    allows = _MAY.search(first) is not None or _LIFTED.search(first) is not None
    return allows and force(text) is Force.NONE


def defines_keywords(text: str) -> bool:
    """Whether `text` says what RFC 2119's words mean, rather than using them."""
    head = text[:_HEAD]
    if len(text) > _HEAD:
        return False
    if _DEFINED_AS.match(head):
        return True
    if not _INTERPRETED.search(head) or not (_TERMS.search(head) or _SEVERAL.search(head)):
        return False
    return force(re.sub(r"\b(?:is|are) to be\b", " ", _LISTED.sub(" ", head))) < Force.ADVICE


def _bare(text: str) -> str:
    """Without emphasis, the box of a task, and the number that a clause begins with."""
    plain = _SIGNS.sub("", text.replace("**", "").replace("__", "").strip().strip("*_ "), count=1)
    return _NUMBERED.sub("", _TASK.sub("", plain, count=1), count=1)
