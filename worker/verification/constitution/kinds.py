"""What kind a criterion is, by its words: what it forbids, where it requires something, or that it speaks of people.

A criterion about the process cannot be seen in a repository, so it counts for nothing; therefore the rules here are
narrow, and whatever names code, files or secrets is never taken for one.
"""

import re
from collections.abc import Sequence

from worker.core.vocabulary import CriterionKind
from worker.verification.constitution import words

_PEOPLE = (
    r"(?:pull requests?|prs?|merge requests?|mrs?|commits?|commit messages?|code reviews?|reviews?|reviewers?"
    r"|approvals?"
    r"|branches|feature branches|releases?|deployments?|hotfix(?:es)?|amendments?|teams?|team members?|developers?"
    r"|contributors?"
    r"|maintainers?|engineers?|authors?|stakeholders?|proposals?|rfcs?|retrospectives?|incidents?|post-?mortems?"
    r"|(?:this|the|our) constitution|constitutional (?:changes?|amendments?|violations?)|violations?|deviations?"
    r"|exceptions? to (?:this|these|the)\b.{0,40}"
    r"|compliance|feature specifications?|specs?|implementation plans?|design (?:docs?|reviews?)|version (?:bumps?"
    r"|changes?)"
    r"|changes? to (?:this|the) (?:constitution|document)|audits?|onboarding|sprints?|stand-?ups?|pair programming)"
)
_SUBJECT = re.compile(
    rf"^(?:\W*(?:all|every|each|any|no|new|major|minor|breaking|significant|production|quarterly|regular|open|the|a"
    rf"|an)\s+)*{_PEOPLE}\b",
    re.IGNORECASE,
)
_DOING = re.compile(
    r"\b(?:code review|peer review|reviewed (?:by|before|and approved)|approv(?:ed|al) (?:by|from|of|before"
    r"|required)|sign-?off|before merg(?:e|ing)"
    r"|prior to merg(?:e|ing)|before (?:implementation|coding|any code is written)|complexity (?:that "
    r".{0,80})?(?:must|should|has to) be (?:justified|documented)|test-first|red-green(?:-refactor)?"
    r"|write (?:the )?(?:failing )?tests? first|tests? (?:are |must be |should be )?written (?:first|before)"
    r"|failing tests? first"
    r"|(?:tests|they) (?:must |should )?fail before|supersedes? all|ratif(?:y|ied|ication)|amend(?:ed|ment)"
    r"|squash(?: and)? merge|conventional commits?"
    r"|rebase|force[- ]push|quarterly|annually|monthly|weekly|user approv(?:es|al)|get (?:user )?approval|migration "
    r"plan|post-?mortem|on-?call)\b",
    re.IGNORECASE,
)
# Whoever names one of these speaks of something that can be looked at.
_SEEN = re.compile(
    r"`|\.\w{1,5}\b(?<![.!?])(?=[\s,)]|$)|/\w|\b(?:secrets?|passwords?|credentials?|tokens?|keys?|workflows?"
    r"|pipelines?|github actions|readme|changelog"
    r"|code(?! reviews?\b| changes?\b)|files?|modules?|functions?|class(?:es)?|endpoints?|api|docstrings?|imports?"
    r"|logs?|logging|sql|database|schema)\b",
    re.IGNORECASE,
)
_GOVERNANCE = re.compile(
    r"\b(?:governance|amendments?|compliance review|review process|code review|merge strategy|version(?:ing)? "
    r"policy|release process|pull requests?)\b",
    re.IGNORECASE,
)
_WITHOUT = re.compile(
    r"\b(?:no|never|not|nothing|nobody|none|neither)\b.{0,80}\bwithout\b"
    r"|\b(?:must|shall|should|may|can|do|does)(?: not|n['’]t)\b.{0,40}\b(?:lack|omit|miss|skip|be missing|be "
    r"omitted|be skipped|go untested|be undocumented|without)\b"
    r"|\bonly\b",
    re.IGNORECASE,
)
_SOMEWHERE = re.compile(
    r"\b(?:there (?:must|shall|should|has to|needs to) (?:be|exist)|(?:a|an|the|at least one)\b.{0,60}\b(?:must"
    r"|shall|should|has to) (?:exist|be (?:present|provided|included|available))"
    r"|(?:repository|repo|project|codebase|application|app|service|api|package|library|system|product|tool|cli"
    r"|server|root|readme|documentation|docs)\s+(?:must|shall|should|has to|needs to|will)"
    r" (?:also )?(?:have|contain|include|provide|expose|offer|ship(?: with)?|come with|carry|define|document"
    r"|support)\s+(?:an?|the|at least one|its own)\b"
    r"|^(?:provide|include|add|maintain|keep|have|document|expose|create|define|ship)\s+(?:an?|the|at least one)\b)",
    re.IGNORECASE,
)
_EVERY = re.compile(r"\b(?:all|every|each|any|everything|everywhere|throughout|always)\b", re.IGNORECASE)


def is_process(statement: str, titles: Sequence[str] = ()) -> bool:
    """Whether the statement speaks of how people work, and of nothing that could be seen in a repository."""
    bare = re.sub(r"[*_]+", "", statement)
    if _SEEN.search(bare):
        return False
    if titles and _GOVERNANCE.search(titles[-1]) and words.force(bare) < words.Force.DUTY:
        return True
    return _SUBJECT.search(bare) is not None or _DOING.search(bare) is not None


def may_be_process(statement: str) -> bool:
    """Whether a reader who calls the statement one about the process can be believed: some word of it speaks of
    that."""
    bare = re.sub(r"[*_]+", "", statement)
    return _DOING.search(bare) is not None or re.search(rf"\b{_PEOPLE}\b", bare, re.IGNORECASE) is not None


def of(statement: str, titles: Sequence[str] = ()) -> CriterionKind:
    """The kind of the statement below the headings `titles`; what is neither forbidden nor to be somewhere is required
    everywhere."""
    bare = re.sub(r"[*_]+", "", statement)
    if is_process(bare, titles):
        return CriterionKind.PROCESS
    if words.negations(bare) and not _WITHOUT.search(bare):
        return CriterionKind.FORBIDS
    if _SOMEWHERE.search(bare) and not _EVERY.search(bare):
        return CriterionKind.SOMEWHERE
    return CriterionKind.EVERYWHERE
