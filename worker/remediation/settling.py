"""What becomes of applied fixes once the run that judges them has ended: kept, or taken back."""

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from worker.core import models
from worker.core.failure import FailureCode, RunFailure
from worker.core.remediation import weighing
from worker.core.remediation.audit import Audited
from worker.core.vocabulary import FixOrigin, FixStatus, RemediationStatus, RunStatus
from worker.remediation import learning, outcome, patterns, records
from worker.remediation.diff import changed_lines
from worker.remediation.edits import Edit
from worker.remediation.outcome import Applied, Fate
from worker.remediation.records import FixRow
from worker.remediation.work import Work


class NotJudged(RunFailure):
    """Nobody judged the fixes, which says nothing of them."""

    code = FailureCode.NOT_JUDGED


async def settle(work: Work) -> bool:
    """Decide every applied fix by the run that judged it, and go on to the next iteration; False while the run has not
    ended. One transaction: a fix is kept with what it teaches, or not at all."""
    run_id = work.loaded.verification_run_id
    async with work.step() as session:
        judged = await session.get(models.Run, run_id) if run_id is not None else None
        if judged is not None and not RunStatus(judged.status).is_final:
            return False
        fixes = [
            fix
            for fix in await records.fixes(session, work.id)
            if fix.status in (FixStatus.APPLIED, FixStatus.VERIFIED)
        ]
        if judged is None or judged.status != RunStatus.COMPLETED:
            why = "was removed" if judged is None else f"ended with {judged.status}. {judged.error_message or ''}"
            raise NotJudged(f"The run that was to judge the fixes {why}".strip())
        accepted = await records.accepted(session, work.loaded.run)
        _, before = await records.results(session, work.loaded.run.id, accepted)
        _, after = await records.results(session, judged.id, accepted)
        more = outcome.brought(
            await records.found_of(session, work.loaded.run.id), await records.found_of(session, judged.id)
        )
        fates = outcome.decide([_applied(fix) for fix in fixes], before, after, more)
        for fix in fixes:
            await _record(work, session, fix, fates[str(fix.id)])
        # A run that judged only what is left of earlier iterations is no iteration of its own.
        done = any(fix.status is FixStatus.APPLIED for fix in fixes)
        iteration = work.loaded.iteration + done
        await records.set_status(session, work.id, RemediationStatus.RUNNING, iteration=iteration)
    return True


def _applied(fix: FixRow) -> Applied:
    return Applied(
        str(fix.id),
        tuple(fix.proof.get("criteria", ())),
        frozenset((path, quote) for path, quote in fix.proof.get("places", ())),
        {path: frozenset(line.strip() for line in added) for path, (_, added) in changed_lines(fix.patch).items()},
        bool(fix.proof.get("findings_gone")),
    )


async def _record(work: Work, session: AsyncSession, fix: FixRow, fate: Fate) -> None:
    if fate.kept and fix.status is FixStatus.VERIFIED:
        return
    status = FixStatus.VERIFIED if fate.kept else FixStatus.REVERTED
    proof = {**fix.proof, "judged": fate.why, "judged_by": str(work.loaded.verification_run_id)}
    pattern_id = fix.pattern_id
    if fate.kept and pattern_id is None and fix.origin is FixOrigin.MODEL:
        pattern_id = await _learned(session, work.loaded.whose, fix)
    if pattern_id is not None:
        await weighing.weigh(session, pattern_id, kept=fate.kept)
    await records.set_fix(session, fix.id, status, outcome=fate.why, proof=proof, pattern_id=pattern_id)
    await work.note(session, Audited.VERIFIED if fate.kept else Audited.REVERTED, fix_id=fix.id, reason=fate.why)


async def _learned(session: AsyncSession, owner: str, fix: FixRow) -> uuid.UUID | None:
    """The pattern that a kept fix of a model teaches, if it is small enough to be one."""
    about = learning.subject(fix.proof.get("rules", ()), fix.proof.get("criteria", ()))
    edits = [Edit(**edit) for edit in fix.proof.get("edits", ())]
    paths = {edit.path for edit in edits}
    template = patterns.learned(paths.pop(), edits) if len(paths) == 1 else None
    if template is None or about is None:
        return None
    return await learning.learn(session, owner, about, template)
