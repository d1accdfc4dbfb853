"""From opinions to one outcome per criterion: a pure function.

At least two judges must vote, and two thirds of those must agree; a criterion of category security needs the security
judge's own vote. Otherwise it is UNDECIDED, and says what would decide it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from worker.core.vocabulary import Category, CriterionKind, JudgeRole, Outcome, Vote
from worker.verification import votes
from worker.verification.constitution.criteria import Criterion
from worker.verification.evidence import place_fingerprint
from worker.verification.opinion import MAX_EVIDENCE, Opinion
from worker.verification.result import QUORUM, Coverage, CriterionResult, Decider
from worker.verification.votes import Ground

_SAMPLED = " Sampled: nobody has read all of its scope (CVA_DEPTH=search)."


def accept(result: CriterionResult, accepted: frozenset[str]) -> CriterionResult:
    """The result when people have accepted all the places where the criterion fails; visibly so."""
    if result.outcome is not Outcome.FAIL:
        return result
    places = {place_fingerprint(result.criterion.key, item) for item in result.places}
    failing = [opinion for opinion in result.opinions if opinion.vote is Vote.FAIL]
    if not places or not places <= accepted or any(opinion.absence for opinion in failing):
        return result
    if result.look_at:
        reason = f"People have accepted {len(places)} place(s) where it fails; others may break it too."
        return replace(result, outcome=Outcome.UNDECIDED, score=None, reason=reason, accepted=tuple(sorted(places)))
    reason = f"Fails at {len(places)} place(s), all of which people have accepted."
    accepting = replace(result, score=None, reason=reason, accepted=tuple(sorted(places)))
    coverage = result.coverage
    if result.by is Decider.JUDGES and not (coverage.known if coverage.deep else coverage.seen):
        # Nobody said that these are all places where it fails.
        missing = votes.unread(coverage) if coverage.deep else votes.unseen(coverage)
        return replace(accepting, outcome=Outcome.UNDECIDED, reason=f"{reason} {missing}")
    if any(len(opinion.evidence) + opinion.unresolved >= MAX_EVIDENCE for opinion in failing):
        more = f"A judge names no more than {MAX_EVIDENCE}, so there may be others."
        return replace(accepting, outcome=Outcome.UNDECIDED, reason=f"{reason} {more}")
    return replace(accepting, outcome=Outcome.PASS)


def decide(
    criterion: Criterion,
    opinions: Iterable[Opinion],
    ground: Ground,
    *,
    pass_score: int,
    aside: Mapping[JudgeRole, str],
) -> CriterionResult:
    """The outcome of one criterion. `aside` are judges who are not heard, and why."""
    coverage = ground.coverage
    given = [votes.void(o, aside[o.role]) if o.role in aside and o.failure is None else o for o in opinions]
    consistent = [votes.consistent(opinion, pass_score=pass_score) for opinion in given]
    supported = votes.with_absence(consistent, criterion, ground)
    heard = tuple(votes.counted(opinion, criterion, ground) for opinion in supported)
    deciding = [opinion for opinion in heard if opinion.vote is not Vote.ABSTAIN]
    undecided = CriterionResult(criterion, Outcome.UNDECIDED, None, "", heard, coverage=coverage)
    if coverage.empty:
        return _nothing_there(undecided)
    if len(deciding) < QUORUM:
        return replace(undecided, reason=_too_few(heard, len(deciding), criterion, ground))
    if criterion.category is Category.SECURITY and all(o.role is not JudgeRole.SECURITY for o in deciding):
        return replace(undecided, reason="It is about security, and the security judge's own vote is missing.")
    for outcome, vote in ((Outcome.FAIL, Vote.FAIL), (Outcome.PASS, Vote.PASS)):
        agreeing = [opinion for opinion in deciding if opinion.vote is vote]
        if 3 * len(agreeing) >= 2 * len(deciding):
            basis = _basis(outcome, criterion, ground, agreeing)
            everywhere = criterion.kind is not CriterionKind.SOMEWHERE
            sample = _SAMPLED if outcome is Outcome.PASS and everywhere and coverage.sampled else ""
            return replace(
                undecided,
                outcome=outcome,
                score=round(fmean(opinion.score or 0 for opinion in agreeing), 2),
                reason=f"{len(agreeing)} of {len(deciding)} judges whose votes count say {outcome}{basis}.{sample}",
                by=Decider.JUDGES,
            )
    return replace(undecided, reason="The judges are split.")


def _nothing_there(undecided: CriterionResult) -> CriterionResult:
    """Where no file is in scope nothing can be seen: the scope may be wrong, or in `diff` mode nothing of it changed.

    Of what is forbidden the second is proof: in files that did not change the change put nothing."""
    scope = undecided.criterion.scope
    limits = "; ".join((*(f"only {e}" for e in scope.include), *(f"not {e}" for e in scope.exclude)))
    if not undecided.coverage.unchanged:
        about = f" ({limits})" if limits else ""
        nothing = f"No text file of the repository is in its scope{about}, so there is nothing to judge."
        return replace(undecided, reason=f"{nothing} Is the path right?" if scope.include else nothing)
    nothing = f"None of the files that changed is in its scope ({limits})"
    if undecided.criterion.kind is CriterionKind.FORBIDS:
        reason = f"{nothing}, so the change cannot have put there what it forbids."
        return replace(undecided, outcome=Outcome.PASS, reason=reason, by=Decider.SEARCH)
    return replace(undecided, reason=f"{nothing}: whether the change keeps it, nothing here shows.")


def _basis(outcome: Outcome, criterion: Criterion, ground: Ground, agreeing: Sequence[Opinion]) -> str:
    """What the outcome rests on besides the judges' words."""
    coverage = ground.coverage
    if outcome is not Outcome.PASS or criterion.kind is CriterionKind.SOMEWHERE:
        absence = next((o.absence for o in agreeing if o.absence), None)
        return f"; code {absence}" if absence else ""
    scope = "what changed of its scope" if ground.changed is not None else "its whole scope"
    spared = _but(coverage)
    if coverage.deep and coverage.scouted_lines and not coverage.whole:
        found = f", and {_counted(coverage.found, coverage)}" if coverage.patterns else ""
        named = f"{coverage.places} {'place' if coverage.places == 1 else 'places'}" if coverage.places else "no place"
        return f"; scouts read {scope}{spared}, {coverage.read_lines} lines, and named {named}{found}"
    if coverage.whole and coverage.seen:
        return f"; they were shown {scope}{spared}"
    if not coverage.hits:
        return f"; code searched {scope}, {coverage.files} file(s), and found nothing"
    return f"; code searched {scope}, {coverage.files} file(s), and they were shown the {coverage.found} that it found"


def _but(coverage: Coverage) -> str:
    """What of the scope nobody had to read."""
    count = coverage.spared_files
    return f" but {count} generated or vendored {'file' if count == 1 else 'files'}" if count else ""


def _counted(found: str, coverage: Coverage) -> str:
    return f"code searched it and found {found if coverage.hits else 'nothing'}"


def _too_few(heard: Sequence[Opinion], deciding: int, criterion: Criterion, ground: Ground) -> str:
    """Why it stays undecided: judge by judge what keeps a vote from counting."""
    parts = [f"{deciding} of {len(heard)} votes count; at least {QUORUM} must." if deciding else "No vote counts."]
    whys: dict[str, list[str]] = {}
    for opinion in heard:
        if opinion.vote is Vote.ABSTAIN:
            whys.setdefault(_why_not(opinion, criterion, ground), []).append(opinion.role.value.replace("_", " "))
    alike = len(whys) == 1 and not deciding
    return " ".join([*parts, *(why if alike else _capital(f"{' and '.join(who)}: {why}") for why, who in whys.items())])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _why_not(opinion: Opinion, criterion: Criterion, ground: Ground) -> str:
    if opinion.failure is not None:
        return "No answer that could be used."
    if opinion.void is not None:
        return opinion.void if opinion.void.endswith(".") else f"{opinion.void}."
    if ground.coverage.sampled and criterion.kind is not CriterionKind.SOMEWHERE:
        return f"Cannot tell from what was shown, {ground.coverage.percent} of the scope."
    return "Cannot tell from reading the code."


def decide_all(
    criteria: Sequence[Criterion],
    opinions: Iterable[Opinion],
    grounds: Mapping[str, Ground],
    *,
    pass_score: int,
    aside: Mapping[JudgeRole, str],
) -> list[CriterionResult]:
    """One result per criterion, in the criteria's order; opinions on anything else are not heard."""
    by_key: dict[str, list[Opinion]] = {criterion.key: [] for criterion in criteria}
    for opinion in opinions:
        if opinion.key in by_key:
            by_key[opinion.key].append(opinion)
    return [decide(c, by_key[c.key], grounds[c.key], pass_score=pass_score, aside=aside) for c in criteria]
