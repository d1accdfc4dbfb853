"""Buttons that people press at a check: the commit once more, or fixes for what failed."""

import uuid

from sqlalchemy import or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core import audit
from worker.core.github.payloads import CheckRun, CheckSuite
from worker.core.models import MonitorJob, RepoConnection
from worker.core.monitoring import announce
from worker.core.remediation import switch
from worker.core.remediation.begin import begin
from worker.core.settings import Settings
from worker.core.vocabulary import Verdict
from worker.github.checks import RequestedAction

_FAILED = text("SELECT id, created_by FROM runs WHERE id = ANY(:ids) AND verdict = ANY(:verdicts) AND patch IS NULL")
_FIXABLE = (Verdict.FAIL.value, Verdict.VETO.value)


async def press(
    session: AsyncSession, repository: RepoConnection, facts: CheckRun | CheckSuite, settings: Settings
) -> str:
    """Do what was asked for, in the caller's transaction, which holds the repository; returns what came of it."""
    app = facts.check_run.app if isinstance(facts, CheckRun) else facts.check_suite.app
    if app is None or app.id != settings.github_app_id:
        return "it is another App's"
    jobs = await _jobs(session, repository, facts)
    wanted = RequestedAction.RUN_AGAIN.value
    if isinstance(facts, CheckRun) and facts.requested_action is not None:
        wanted = facts.requested_action.identifier
    if wanted == RequestedAction.RUN_AGAIN:
        begun = [await announce.again(session, repository, job, by=_by(facts)) for job in jobs]
        outcome = f"{sum(begun)} runs begun" if jobs else "the commit is not known"
    elif wanted == RequestedAction.FIX:
        outcome = await _fix(session, jobs, facts, settings)
    else:
        return "no button of ours"
    kind = "check_run" if isinstance(facts, CheckRun) else "check_suite"
    line = audit.Line(
        _by(facts) or "github",
        f"github.{kind}.{facts.action}",
        f"repository:{repository.id}",
        data={"button": wanted, "commit": _sha(facts), "outcome": outcome},
    )
    await audit.write(session, line)
    return outcome


async def _fix(session: AsyncSession, jobs: list[MonitorJob], facts: CheckRun | CheckSuite, settings: Settings) -> str:
    engaged = await switch.engaged(session, settings)
    if engaged is not None:
        return f"remediation is stopped: {engaged.reason}"
    ids = [job.run_id for job in jobs if job.run_id is not None]
    begun = 0
    for run in (await session.execute(_FAILED, {"ids": ids, "verdicts": list(_FIXABLE)})).all():
        begun += await begin(session, run.id, by=run.created_by, actor=_by(facts) or "github") is not None
    return f"{begun} remediations begun"


async def _jobs(session: AsyncSession, repository: RepoConnection, facts: CheckRun | CheckSuite) -> list[MonitorJob]:
    """The commit that a check is of, by the run or the row that it names; all of a suite's commit, which may be the
    head of a branch and of a pull request."""
    query = select(MonitorJob).where(MonitorJob.repo_id == repository.id, MonitorJob.commit_sha == _sha(facts))
    if isinstance(facts, CheckRun) and facts.check_run.external_id:
        try:
            its = uuid.UUID(facts.check_run.external_id)
        except ValueError:
            return []
        query = query.where(or_(MonitorJob.run_id == its, MonitorJob.id == its))
    return list(await session.scalars(query.order_by(MonitorJob.created_at)))


def _sha(facts: CheckRun | CheckSuite) -> str:
    return facts.check_run.head_sha if isinstance(facts, CheckRun) else facts.check_suite.head_sha


def _by(facts: CheckRun | CheckSuite) -> str | None:
    return None if facts.sender is None else f"github:{facts.sender.login}"
