"""What kind a criterion is, by its words: what it forbids, where it requires something, or that it speaks of people.

A criterion about the process cannot be seen in a repository, so it counts for nothing; therefore the rules here are
narrow, and whatever names code, files or secrets is never taken for one. Something that must be somewhere is shown by
one place, so that kind is narrow too.
"""

import re  # noqa: TID251  bounded: _MAX characters
from collections.abc import Sequence

from worker.core.linear import pattern
from worker.core.vocabulary import CriterionKind
from worker.verification.constitution import words

# Of these no repository shows anything, whatever it is about.
_PEOPLE = (
    r"(?:pull requests?|prs?|merge requests?|mrs?|commit messages?|code reviews?|peer reviews?|feature branches"
    r"|code reviewers?|amendments? (?:to|of|require|must|are|shall|need)|(?:this|the|our) constitution"
    r"|constitution(?:al)? (?:changes?|amendments?|violations?|supersedes|versions?)|retrospectives?|stand-?ups?"
    r"|pair programming|post-?mortems|sprint (?:planning|reviews?)|changes? to (?:this|the) (?:constitution|document"
    r"|page)|amendments?$)"
)
# These may be what the software is about: a shop's reviews, a bank's branches, a team's approvals.
_PERHAPS = (
    r"(?:commits?|reviews?|reviewers?|approvals?|branches|releases?(?!-)|deployments?|hotfix(?:es)?|teams?"
    r"|team members?|developers?|contributors?|maintainers?|engineers?|authors?|stakeholders?|proposals?|rfcs?"
    r"|incidents?|violations?|deviations?|compliance|feature specifications?|specs|specifications"
    r"|implementation plans?|design (?:docs?|reviews?)|version (?:bumps?|changes?)|audits?|onboarding|sprints?"
    r"|complexity|exceptions to (?:this|these|the) (?:constitution|rules?|principles?))"
)
_ALL = r"^(?:\W*(?:all|every|each|any|no|new|major|minor|breaking|significant|production|open|the|a|an)\s)*"
_SUBJECT = re.compile(rf"{_ALL}{_PEOPLE}\b", re.IGNORECASE)
_PERHAPS_SUBJECT = re.compile(rf"{_ALL}{_PERHAPS}\b", re.IGNORECASE)
_MENTIONED = re.compile(
    rf"\b(?:{_PEOPLE}|{_PERHAPS}|members?|meetings?|people|somebody|nobody|we|they)\b", re.IGNORECASE
)
_SURELY = (
    r"code review|peer review|reviewed and approved|before (?:(?:a |the )?merge|(?:it is|they are) merged"
    r"|merging (?:in)?to \w+)(?=\W*$)"
    r"|prior to (?:a |the )?merge|complexity (?:that .{0,80})?(?:must|should|has to) be (?:justified"
    r"|documented)|test-first"
    r"|red-green(?:-refactor)?|tdd (?:cycle|order|is|methodology)|follow(?:s|ing)? tdd"
    r"|write (?:the )?(?:failing )?tests? (?:first|before)"
    r"|tests? (?:are |must be |should be )?written (?:first|before)|failing tests? first"
    r"|(?:tests|they) (?:must |should )?(?:initially )?fail before|supersedes? (?:all|any|other)"
    r"|squash(?: and)? merge|conventional commits?|force[- ]push|before (?:each|every|any) commit"
    r"|(?:changes?|features?|specs?|designs?|dependencies|amendments?|exceptions?|merge|prs?|pull requests?)\b.{0,60}"
    r"\b(?:approv\w+|agree\w*|signed off|reviewed) (?:by|from) .{0,20}\b(?:maintainers?|reviewers?)"
    r"|(?:maintainers?|reviewers?|approvals?|people) .{0,40}\b(?:pull requests?|prs?|merge)\b"
    r"|(?:maintainers|reviewers) (?:agree|approve|sign|must approve)"
)
_DOING = re.compile(rf"\b(?:{_SURELY})\b", re.IGNORECASE)
_HINTS = re.compile(
    r"\b(?:merge[ds]?|merging|review(?:ed|ers?|s)?|approv\w+|sign-?off|ratif\w+|amend\w+|rebase|semantic versioning"
    r"|major|minor|patch|justif\w+|rationale|pull requests?|prs?|constitution\w*|migration plan|on-?call"
    r"|before (?:implementation|coding|any code is written)|compliance|principles?|quarterly|retrospectives?"
    r"|documented|announced|contributors?|maintainers?|team|version bump)\b",
    re.IGNORECASE,
)
_AMONG_DEVELOPERS = re.compile(
    r"\b(?:merge[ds]?|merging|semantic versioning|code reviews?|pull requests?|prs?|constitution\w*|maintainers?"
    r"|principles?|justif\w+|rationale|migration plan|version bump|rebase|feature branch\w*)\b",
    re.IGNORECASE,
)
# «Reviewers verify that …», «no pull request adds …»: a rule about what is reviewed.
_ABOUT_CODE = re.compile(
    r"\b(?:reviews?|reviewers?)\b.{0,30}\b(?:verif\w+|checks?|ensures?|enforces?"
    r"|confirms?)\b:?(?! .{0,60}\b(?:compl\w+"
    r"|constitution\w*|adherence|align\w*|principles?)\b)|\b(?:pull requests?|prs?|commits?|branches|releases?)\b"
    r" (?:must|shall|should|may|can|do|does|will)?(?: not|n['’]t| never)? ?(?:introduces?|adds?|contains?|uses?"
    r"|changes?"
    r"|removes?|breaks?|touch(?:es)?|depends?|lowers?|ships?)\b",
    re.IGNORECASE,
)
# Whoever names one of these speaks of something that can be looked at.
_SEEN = re.compile(
    r"`|@\w|\w\(\)|(?<![\w.])\.\w{1,5}(?=[\s,)]|$)|\w/\w|\b(?:secrets?|passwords?|credentials?|(?:api )?keys?"
    r"|workflows?"
    r"|tokens?|pipelines?|github actions|readme|changelog|code(?! reviews?\b| reviewers?\b| changes?\b)|files?"
    r"|modules?|functions?|methods?|class(?:es)?|types?|variables?|fields?|strings?|annotations?|decorators?"
    r"|endpoints?|apis?|routes?|docstrings?|imports?|exports?|eval|logs?|logging|sql|queries|database|schemas?"
    r"|tables?"
    r"|dependenc(?:y|ies)|packages?|librar(?:y|ies)|exceptions?(?! to (?:this|these|the)\b)|inputs?|outputs?"
    r"|side effects?|comments?|config\w*|settings?|headers?|components?|users?|data|pii|http\w*|urls?|todos?|lint\w*"
    r"|warnings?|timeouts?|datetimes?|templates?|structures?|interfaces?"
    r"|requests?(?<!pull request)(?<!pull requests)(?<!merge request)(?<!merge requests))\b",
    re.IGNORECASE,
)
_GOVERNANCE = re.compile(
    r"\b(?:governance|governan[cç]a|gobernanza|amendments?|compliance review|version(?:ing)? policy|ratification)\b"
    r"|治理|ガバナンス|거버넌스",
    re.IGNORECASE,
)
_OF_PEOPLE_ELSEWHERE = re.compile(
    r"\bpull.?requests?\b|\b(?:PRs?|MRs?|code.?reviews?|TDD)\b|\bmerge\b"
    r"|(?<!\w)(?:revisi[oó]n\w*|revisão|revisões|revisado\w*|aprobaci[oó]n\w*|aprovaç\w+|enmiendas?|emendas?"
    r"|genehmig\w+|überprüf\w+|begutacht\w+|freigabe\w*|änderungen|relecture\w*|amendements?|approbation\w*"
    r"|ревью|одобрен\w*|поправк\w*|согласован\w*)(?!\w)"
    r"|レビュー|プルリクエスト|コミット|マージ|承認|改訂|审查|審查|评审|提交|合并|合併|审批|修订|修訂|리뷰|커밋|병합|승인|개정",
    re.IGNORECASE,
)
_WITHOUT = re.compile(
    r"\b(?:no|never|not|nothing|nobody|none|neither)\b[^:;.]{0,80}\bwithout\b(?! (?:an? )?(?:good|explicit|documented"
    r"|formal|prior|strong|justif|rfc|approval|reason))"
    r"|\b(?:must|shall|should|may|can|do|does)(?: not|n['’]t)\b[^:;.]{0,40}\b(?:lack|omit|miss|skip|be missing|be "
    r"omitted|be skipped|go untested|be undocumented|without)\b|[❌✗✘🚫⛔][^:;.]{0,60}\b(?:without|sans|sin|ohne|sem)\b"
    r"|(?<!\w)(?:ningun\w*|nunca|kein\w*|nie|niemals|aucune?|jamais|nenhuma?)(?!\w)[^:;.]{0,80}"
    r"(?<!\w)(?:sin|ohne|sans|sem)(?!\w)",
    re.IGNORECASE,
)
_RESTRICTS = re.compile(
    r"\b(?:(?:allowed|permitted|reserved|acceptable|used|called|lives?|is|are)(?: only)? (?:for|in|by"
    r"|to) [^,.;]{1,60}"
    r"\bonly\b|(?:allowed|permitted|acceptable) only|may only|must only|shall only|can only|only [^,.;]{1,60} "
    r"(?:may|can|is allowed|are allowed|is permitted|are permitted)|reserved for|(?:is|are) allowed (?:for"
    r"|in) one)\b",
    re.IGNORECASE,
)
_POSITIVE = re.compile(
    r"\b(?:must|shall|should|has to|have to|needs? to)\b(?! (?:not|never|avoid|be (?:free|avoided|removed|rejected"
    r"|forbidden|prohibited|banned))\b)|\b(?:is|are) (?:required|mandatory)\b"
    r"|^(?:\W*(?!(?:avoid|reject|prohibit|refuse|never|don['’]t|do not|deny|drop|remove|suppress|no)\b))"
    r"(?=\w)(?:use|write|keep|store|put|add|always|every|all|each)\b",
    re.IGNORECASE,
)
# «functions that are not public», «when nothing is set»: what it is about, not what is said of it.
_ASIDE = re.compile(
    r"\b(?:that|which|who|whose|where|when|if|unless|because|until|so that)\b(?:\s+[^\s,.;:]+){0,4}?\s+(?:not"
    r"|no|never"
    r"|cannot|nothing|nobody|none|without)\b|\([^()]*\)",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,;:：—–。；，]\s*|\.(?=\s|$)|\s-\s|\bso that\b|\bbecause\b")
# «Money is in cents, never in floating point»: what is required, and then what that excludes.
_CONTRAST = pattern(r"(?i)([^,:;.]+ [^,:;.]+ [^,:;.]+), (?:and )?(?:never|not|nie|nicht|nunca|jamais)(?:\W|$)")
_THING = (
    r"(?:readme\w*|licen[cs]e|changelog|contributing|code of conduct|security policy|dockerfile|makefile|file|folder"
    r"|directory|endpoint|route|command|option|flag|script|target|job|workflow|pipeline|health ?check|test suite"
    r"|smoke test|section|page|template|example|demo|guide|glossary|configuration|config|lock ?file|manifest"
    r"|migration"
    r"|diagram|entry point|editorconfig|gitignore|codeowners|ci)"
)
_HAVING = (
    r"(?:have|contain|include|provide|expose|offer|ship(?: with)?|come with|carry|define|document|support|has"
    r"|contains"
    r"|includes|provides|exposes|offers|ships(?: with)?|comes with)"
)
_SOMEWHERE = re.compile(
    rf"\b(?:there (?:must|shall|should|has to|needs to) (?:be|exist) (?:an?|the|at least one)\b"
    rf"|(?:an?|the|at least one)\b[^,.;]{{0,40}}\b{_THING}\b[^,.;]{{0,30}} (?:must|shall|should|has to) (?:exist|be "
    r"(?:present|provided|included|available))"
    r"|(?:repository|repo|project|codebase|root|readme|documentation|docs)\s+"
    rf"(?:(?:must|shall|should|has to|needs to|will) )?(?:also )?{_HAVING}\s+(?:an?|the|at least one|its own)\b"
    r"|(?:application|app|service|api|package|library|system|product|tool|cli|server)\s+"
    rf"(?:(?:must|shall|should|has to|needs to|will) )?(?:also )?{_HAVING}\s+(?:an?|the|at least one|its own)\b"
    rf"[^,.;]{{0,40}}(?:\b{_THING}\b|`/)"
    rf"|^(?:provide|include|add|maintain|keep|have|document|expose|create|define|ship)\s+(?:an?|the|at least one)\b"
    rf"[^,.;]{{0,30}}\b{_THING}\b)",
    re.IGNORECASE,
)
_EVERY = re.compile(
    r"\b(?:all|every|each|any|everything|everywhere|throughout|always|per|both|whenever|when|anything)\b"
    r"|(?<!\w)(?:alle\w*|jede\w*|tod[oa]s?|cada|tous|toutes|chaque|все|всех|каждый|каждая|каждое)(?!\w)|所有|每"
    r"|すべて|全て|모든",
    re.IGNORECASE,
)
_MAX = 4000


def is_process(statement: str, titles: Sequence[str] = ()) -> bool:
    """Whether the statement speaks of how people work, and of nothing that could be seen in a repository."""
    bare = _plain(statement)
    if _SEEN.search(bare) or _ABOUT_CODE.search(bare):
        return False
    if _SUBJECT.search(bare) or _DOING.search(bare):
        return True
    subject = _PERHAPS_SUBJECT.search(bare)
    if subject is not None and _AMONG_DEVELOPERS.search(bare, subject.end()):
        return True
    return any(_GOVERNANCE.search(title) for title in titles) and _HINTS.search(bare) is not None


def may_be_process(text: str) -> bool:
    """Whether a reader who calls the constitution's own words ones about the process can be believed.

    None of them may name something that can be looked at. For what is a duty they must speak of developers' work for
    certain: a shop has reviews and a bank has branches, too."""
    bare = _plain(text)
    if _SEEN.search(bare) or _ABOUT_CODE.search(bare):
        return False
    surely = (_SUBJECT, _DOING, _AMONG_DEVELOPERS, _OF_PEOPLE_ELSEWHERE)
    if any(pattern.search(bare) for pattern in surely):
        return True
    return not words.requires(bare) and (_MENTIONED.search(bare) is not None or _HINTS.search(bare) is not None)


def may_be_somewhere(own: str, statement: str) -> bool:
    """Whether a reader who says that one place shows it can be believed, of the constitution's own words and theirs."""
    if words.negations(own) or words.negations(statement) or _EVERY.search(own) or _EVERY.search(statement):
        return False
    singular = rf"\b(?:exists?|available|{_HAVING})\b|\b{_THING}\b|`"
    return re.search(singular, _plain(statement), re.IGNORECASE) is not None


def of(statement: str, titles: Sequence[str] = (), *, before: str = "") -> CriterionKind:
    """The kind of the statement below the headings `titles`; `before` are the words that announce it.

    What is neither forbidden nor to be somewhere is required everywhere."""
    own, before = _plain(statement), _plain(before)
    if is_process(own, titles) or (before and not _SEEN.search(own) and _SUBJECT.search(before)):
        return CriterionKind.PROCESS
    if _forbids(before, own):
        return CriterionKind.FORBIDS
    if _SOMEWHERE.search(own) and not _EVERY.search(own) and not words.negations(own):
        return CriterionKind.SOMEWHERE
    return CriterionKind.EVERYWHERE


def _forbids(before: str, own: str) -> bool:
    if _WITHOUT.search(own):
        return False
    announced = re.sub(r"\bwithout\b[^:]*", " ", _ASIDE.sub(" ", before))
    if words.negations(announced):
        # «Never do this: code without tests»: what is forbidden is that something is absent.
        return not re.match(
            r"\W*\w+(?:\W+\w+){0,5} without\b|\W*(?:not \w+ing|missing|lack of|absence of)\b", own, re.IGNORECASE
        )
    main = _ASIDE.sub(" ", re.sub(r"`[^`]*`", "`x`", own))
    if _RESTRICTS.search(main):
        return True
    contrast = _CONTRAST.match(main)
    if contrast is not None and not words.negations(contrast[1]):
        return False
    clauses = [clause for clause in _CLAUSE.split(main) if len(clause.split()) > 1] or [main]
    first = next((clause for clause in clauses if words.force(clause) or words.negations(clause)), clauses[0])
    if not words.negations(first):
        return not _POSITIVE.search(main) and any(words.forbids_at_once(clause) for clause in clauses)
    only = re.search(r"\b(?:nothing|none|no one|nobody) (?:but|except)\b|\bnot only\b", first, re.IGNORECASE)
    return only is None and not _POSITIVE.search(main)


def _plain(text: str) -> str:
    return re.sub(r"[*_]{2,}", "", text[:_MAX])
