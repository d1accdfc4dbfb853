"""From steps to fixes: a tool's, a pattern's or a model's, each tried in the working copy before it is written down."""

import asyncio
import uuid
from collections.abc import Coroutine, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from worker.core.remediation import weighing
from worker.core.remediation.audit import Audited
from worker.core.vocabulary import FixAction, FixOrigin, FixStatus
from worker.llm.errors import LlmError, OverBudget, Rejected, Transient
from worker.llm.gateway import Gateway
from worker.llm.ledger import Caller
from worker.remediation import learning, patterns, policy, propose, records
from worker.remediation.edits import Edit
from worker.remediation.plan import Step
from worker.remediation.policy import Limits, Ruling
from worker.remediation.records import NewFix
from worker.remediation.trial import Proposal, Trial
from worker.remediation.work import Copy, Work
from worker.remediation.worktree import Text, Worktree

_TOOL_CONFIDENCE = 0.95
_NO_MODEL = "No tool has a safe fix for it, and no model is configured."


@dataclass(frozen=True)
class Candidate:
    """What shall be tried for a step; without edits and tool it is only why there is nothing."""

    step: Step
    position: int
    origin: FixOrigin
    edits: tuple[Edit, ...] = ()
    summary: str = ""
    breaking: bool = False
    confidence: float = _TOOL_CONFIDENCE
    pattern_id: uuid.UUID | None = None
    failure: str | None = None

    @property
    def proposal(self) -> Proposal:
        return Proposal(self.step.key, self.step.places, self.edits)


class Proposing:
    """Proposes what is missing of one iteration."""

    def __init__(self, work: Work, copy: Copy, iteration: int, extra_rules: Mapping[str, Sequence[str]]) -> None:
        self._work = work
        self._copy = copy
        self._iteration = iteration
        self._extra_rules = extra_rules
        settings = work.settings
        self._bare = settings.contained()
        self._limits = Limits(settings.remediation_files, settings.remediation_lines, settings.remediation_forbidden)
        self._gateway: Gateway | None = None
        if settings.has_provider:
            resources = work.resources
            self._gateway = resources.shared(Gateway, lambda: Gateway(settings, resources.db))
        self._caller = Caller(work.loaded.run.id, None, settings.remediation_budget_usd)

    async def all(self, steps: Sequence[Step], causes: Mapping[str, uuid.UUID]) -> None:
        """Propose a fix for each step that has none, wave by wave: each is made on the ground of those before it.

        The copy is at what is kept of earlier iterations.
        """
        last = max((step.wave for step in steps), default=-1)
        for wave in range(last + 1):
            known = {fix.key for fix in await self._work.fixes() if fix.iteration == self._iteration}
            missing = [(n, step) for n, step in enumerate(steps) if step.wave == wave and step.key not in known]
            if missing:
                await self._wave(missing, causes)
            if wave < last:
                keys = {step.key for step in steps if step.wave <= wave}
                await self._stand(keys)

    async def _stand(self, keys: Set[str]) -> None:
        """Bring the copy to what is kept, with those fixes of these steps that are applied or may yet be."""
        standing = [
            fix
            for fix in await self._work.fixes()
            if fix.status is FixStatus.VERIFIED
            or (fix.iteration == self._iteration and fix.key in keys and fix.live and fix.patch)
        ]
        lost = await self._copy.at(standing)
        if lost:
            # Somebody rejected what they were built on.
            async with self._work.step() as session:
                for fix in lost:
                    await self._work.revert(session, fix, "It was built on a fix that is not there any more.")

    async def _wave(self, missing: Sequence[tuple[int, Step]], causes: Mapping[str, uuid.UUID]) -> None:
        now = await self._as_they_are(missing)
        files = list(dict.fromkeys(path for _, step in now for path in step.files))
        texts = {text.path: text for text in await self._copy.process.call(Worktree.show, files)}
        asked = [self._candidate(step, number, [texts[path] for path in step.files]) for number, step in now]
        # The analyzers see the files as they were while the models think.
        _, candidates = await _all_of(self._look(files), _all_of(*asked))
        trials = await self._tried(candidates)
        again = [
            (at, one)
            for at, one in enumerate(candidates)
            if one.origin is not FixOrigin.TOOL and one.failure is None and not trials[at].proven
        ]
        if again:
            seconds = await _all_of(*[self._asked(one.step, one.position, _wrong(trials[at])) for at, one in again])
            retried = await self._tried(seconds)
            for (at, first), second, trial in zip(again, seconds, retried, strict=True):
                if first.pattern_id is not None:
                    async with self._work.step() as session:
                        await weighing.weigh(session, first.pattern_id, kept=False)
                if _better(trial, trials[at]):
                    candidates[at], trials[at] = second, trial
        await self._without_doubt(candidates, trials)
        for candidate, trial in zip(candidates, trials, strict=True):
            await self._keep(candidate, trial, causes.get(candidate.step.issues[0].key))

    async def _without_doubt(self, candidates: list[Candidate], trials: list[Trial]) -> None:
        """What a tool has mended in some files shall not be lost for what it could not mend in others."""
        smaller: list[tuple[int, Candidate]] = []
        for at, (one, trial) in enumerate(zip(candidates, trials, strict=True)):
            if one.origin is FixOrigin.TOOL and trial.refused is None and not trial.proven:
                places = tuple(place for place in one.step.places if place.path not in trial.doubtful)
                if places and len(places) < len(one.step.places):
                    smaller.append((at, replace(one, step=replace(one.step, places=places))))
        if smaller:
            for (at, one), trial in zip(smaller, await self._tried([one for _, one in smaller]), strict=True):
                if trial.proven:
                    candidates[at], trials[at] = one, trial

    async def _look(self, paths: Sequence[str]) -> None:
        await self._copy.process.call(
            Worktree.look, paths, self._bare, self._extra_rules, seconds=self._seconds_of_analysis
        )

    @property
    def _seconds_of_analysis(self) -> float:
        return self._work.settings.contained_seconds + 2 * self._work.settings.analyzer_seconds

    async def _as_they_are(self, steps: Sequence[tuple[int, Step]]) -> list[tuple[int, Step]]:
        """The steps with their places where they are now: earlier fixes have moved lines."""
        places = [place for _, step in steps for place in step.places]
        found = iter(await self._copy.process.call(Worktree.found_again, places))
        return [
            (number, replace(step, places=tuple(now for _ in step.places if (now := next(found)) is not None)))
            for number, step in steps
        ]

    async def _candidate(self, step: Step, number: int, texts: Sequence[Text]) -> Candidate:
        if not step.places:
            return self._none(
                step, number, "The code that it is about does not stand there any more, after the fixes before it."
            )
        if step.tool and step.complaint is None:
            rules = ", ".join(sorted({str(place.rule) for place in step.places}))
            files = ", ".join(step.files[:3])
            return Candidate(step, number, FixOrigin.TOOL, summary=f"Apply the safe fix of {rules} in {files}")
        async with self._work.resources.db.transaction() as session:
            pattern = await learning.fitting(session, self._work.loaded.whose, step, texts)
        if pattern is not None and step.complaint is None:
            return Candidate(
                step,
                number,
                FixOrigin.PATTERN,
                edits=pattern.edits,
                summary=f"Apply what was learned about {step.places[0].rule}",
                confidence=pattern.confidence,
                pattern_id=pattern.pattern_id,
            )
        return await self._asked(step, number, step.complaint, texts)

    def _none(self, step: Step, number: int, why: str) -> Candidate:
        return Candidate(step, number, FixOrigin.MODEL, failure=why, confidence=0.0)

    async def _asked(
        self, step: Step, number: int, complaint: str | None, texts: Sequence[Text] | None = None
    ) -> Candidate:
        """What a model suggests, or why it gives nothing. Raises what trying again may mend, and what ends all."""
        if self._gateway is None:
            return self._none(step, number, _NO_MODEL)
        if texts is None:
            texts = await self._copy.process.call(Worktree.show, list(step.files))
        unreadable = [text.path for text in texts if text.lines is None]
        if unreadable:
            return self._none(step, number, f"{unreadable[0]} is no text that could be edited.")
        try:
            given = await propose.suggest(
                step, texts, self._gateway, self._caller, fence=self._copy.snapshot.digest, complaint=complaint
            )
        except OverBudget as error:
            return self._none(step, number, f"{error} (CVA_REMEDIATION_BUDGET_USD adds to it.)")
        except (Transient, Rejected):
            raise
        except LlmError as error:
            return self._none(step, number, str(error))
        if not given.edits:
            return self._none(step, number, f"The model gave no fix. {given.rationale}")
        async with self._work.resources.db.transaction() as session:
            kept, lost = await records.model_outcomes(session, self._work.loaded.whose, step.category)
        return Candidate(
            step,
            number,
            FixOrigin.MODEL,
            edits=given.edits,
            summary=f"Mend: {step.issues[0].statement}"[:200] + f"\n{given.rationale}",
            breaking=given.breaking,
            confidence=patterns.calibrated(given.confidence, kept, lost),
        )

    async def _tried(self, candidates: Sequence[Candidate]) -> list[Trial]:
        """A trial for each, in their order."""
        wanted = [one for one in candidates if one.failure is None]
        tried: tuple[Trial, ...] = ()
        if wanted:
            tried = await self._copy.process.call(
                Worktree.try_all,
                [one.proposal for one in wanted],
                self._bare,
                self._extra_rules,
                seconds=self._seconds_of_analysis,
            )
        by_key = {trial.key: trial for trial in tried}
        return [by_key.get(one.step.key, Trial(one.step.key, refused=one.failure)) for one in candidates]

    async def _keep(self, candidate: Candidate, trial: Trial, cause: uuid.UUID | None) -> None:
        """Write the fix down, or that there is none and why."""
        step = candidate.step
        breaking = candidate.breaking or trial.breaking
        ruling = Ruling(FixAction.MANUAL, (), trial.refused)
        if trial.refused is None:
            ruling = policy.judge(
                trial.changes,
                allowed=step.files,
                category=step.category,
                confidence=candidate.confidence,
                breaking=breaking,
                limits=self._limits,
                unread=trial.unread,
            )
        why = ruling.refused or (None if trial.proven else _wrong(trial))
        if why is None and trial.patch in {
            fix.patch for fix in await self._work.fixes() if fix.status is FixStatus.REVERTED
        }:
            why = "It is what was taken back before."
        rules = sorted({place.rule for place in step.places if place.rule})
        proof = {
            "applies": trial.refused is None,
            "parses": trial.reads,
            "not_parsed": list(trial.unread),
            "findings_gone": trial.checked and not trial.left,
            "left": list(trial.left),
            "brought": list(trial.brought),
            "reversible": trial.reversible,
            "tests": "not run",
            "criteria": sorted({issue.key for issue in step.issues}),
            "rules": rules,
            "places": [[place.path, place.quote] for place in step.places],
            # Of those that are not kept nobody learns, and they may hold anything.
            "edits": [one.__dict__ for one in candidate.edits] if why is None else [],
            "told": _told(trial) if why is None else why,
        }
        fix = NewFix(
            root_cause_id=cause,
            pattern_id=candidate.pattern_id,
            iteration=self._iteration,
            position=self._iteration * 10_000 + candidate.position,
            key=step.key,
            origin=candidate.origin,
            category=step.category,
            is_breaking=breaking,
            action=ruling.action,
            status=FixStatus.PROPOSED if why is None else FixStatus.FAILED,
            confidence=candidate.confidence,
            patch=trial.patch if why is None else "",
            summary=candidate.summary or f"No fix for: {step.issues[0].statement}"[:200],
            reasons=ruling.reasons,
            outcome=why,
            files_changed=len(trial.changes),
            lines_changed=sum(len(change.removed) + len(change.added) for change in trial.changes),
            proof=proof,
            before=trial.before if why is None else (),
        )
        async with self._work.step() as session:
            fix_id = await records.add_fix(session, self._work.id, fix)
            if fix_id is None:
                return
            if why is None:
                await self._work.note(
                    session, Audited.PROPOSED, fix_id=fix_id, origin=fix.origin.value, needs=fix.action.value,
                    confidence=round(fix.confidence, 3), reasons=list(fix.reasons),
                )  # fmt: skip
            else:
                refused = trial.refused is not None or ruling.refused is not None
                await self._work.note(
                    session, Audited.REFUSED if refused else Audited.FAILED, fix_id=fix_id, reason=why
                )


async def _all_of(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """What each gives, in their order; the first error ends the others, and is raised when they have ended."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _better(second: Trial, first: Trial) -> bool:
    """The one that is proven; of two that are or are not, the smaller."""
    if second.proven != first.proven:
        return second.proven
    return second.refused is None and (first.refused is not None or len(second.patch) < len(first.patch))


def _wrong(trial: Trial) -> str:
    """Why a trial proves nothing, in one sentence."""
    if trial.refused is not None:
        return trial.refused
    if not trial.reads:
        return "A file that could be parsed before cannot be parsed any more."
    if trial.left:
        return f"What it was to mend is still found: {', '.join(trial.left[:5])}."
    if trial.brought:
        return f"It brings what was not found before: {', '.join(trial.brought[:5])}."
    return "Taking it back does not give the same bytes."


def _told(trial: Trial) -> str:
    said = ["applies", "can be taken back byte for byte"]
    if trial.checked:
        said.append("the analyzers do not find it any more and nothing new")
    else:
        said.append("the analyzers find nothing new")
    return ", ".join(said)
