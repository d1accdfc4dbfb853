"""A commit that was pushed becomes a row, and a run: once, however often and by whomever it is announced.

announced ──▶ queued ──▶ enqueued (its run's id)
                └──────▶ skipped (why): a newer one was there already or came, or there is no constitution
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.ids import new_id
from worker.core.models import ConstitutionVersion, MonitorJob, RepoBranch, RepoConnection, Run
from worker.core.monitoring.repository import RepositorySettings
from worker.core.queue import work_items
from worker.core.queue.jobs import LookAtRepository, ReportCheck
from worker.core.runs import lifecycle, submission
from worker.core.vocabulary import MonitorStatus, RunMode, RunStatus, SkipCause, SourceKind

# After whatever somebody waits for in front of a screen.
_PRIORITY = 0
POLL = "poll"
"""The event of what nobody told: the forge was asked where its branches are."""
BY_API = "api"
"""The event of what somebody announced to the api."""
_REMEMBERED = timedelta(days=1)


@dataclass(frozen=True)
class Commit:
    """`branch` of a pull request is `pull/<number>`. `before`: what the branch was before, where that is known.
    `base`: what it is compared with; without one all of it is verified. `target`: the branch that it is to be merged
    into."""

    branch: str
    sha: str
    event: str
    before: str | None = None
    base: str | None = None
    pull_request: int | None = None
    target: str | None = None
    requested_by: str | None = None


@dataclass(frozen=True)
class Announced:
    """`known`: it had been announced before."""

    job: MonitorJob
    known: bool


def pull_request_branch(number: int) -> str:
    return f"pull/{number}"


async def announce(
    session: AsyncSession,
    repository: RepoConnection,
    commit: Commit,
    *,
    constitution: uuid.UUID | None = None,
) -> Announced:
    """Take note of where a branch is, in the caller's transaction, which holds the repository's row.

    The commit gets a run with `constitution`, by default the repository's newest, unless the branch has gone on from it
    already, by an earlier announcement. What else of its branch has not ended is superseded by it.
    """
    added = insert(MonitorJob).values(_row(repository, commit)).on_conflict_do_nothing().returning(MonitorJob)
    job = (await session.execute(added)).scalar_one_or_none()
    known = job is None
    if job is None:
        job = await _find(session, repository, commit)
        if not _is_back(job, commit):
            return Announced(job, known=True)
        await _forget_where_it_went(session, job)
        job.before_sha = commit.before or job.before_sha
        job.created_at = func.now()
        moved = commit.target is not None and commit.target != job.target
        job.target = commit.target or job.target
    else:
        moved = False
        newer = await _already_left(session, job)
        if newer is not None:
            # Nobody was told that it would be verified.
            _skip(job, SkipCause.SUPERSEDED, f"superseded by {newer}")
            await session.flush()
            return Announced(job, known=False)
    await _supersede(session, repository, job)
    if job.run_id is None or job.cause is not None or moved:
        job.base = commit.base or job.base
        await _start(session, repository, job, constitution)
    await _moved(session, repository.id, commit)
    await session.flush()
    await _reported(session, repository, [job.id])
    return Announced(job, known=known)


async def _find(session: AsyncSession, repository: RepoConnection, commit: Commit) -> MonitorJob:
    same = (MonitorJob.branch == commit.branch, MonitorJob.commit_sha == commit.sha)
    query = select(MonitorJob).where(MonitorJob.repo_id == repository.id, *same)
    return (await session.execute(query)).scalar_one()


def _is_back(job: MonitorJob, commit: Commit) -> bool:
    """Whether a commit that was announced before is where the branch is once more, or only announced once more."""
    if job.cause in (SkipCause.WITHDRAWN, SkipCause.NO_CONSTITUTION):
        return True
    if commit.target is not None and commit.target != job.target:
        return True
    if commit.event == POLL:
        return job.cause is not None
    return commit.before is not None and commit.before != job.before_sha


async def _forget_where_it_went(session: AsyncSession, job: MonitorJob) -> None:
    """What went on from it was before the branch came back."""
    went = (MonitorJob.branch == job.branch, MonitorJob.before_sha == job.commit_sha)
    await session.execute(update(MonitorJob).where(MonitorJob.repo_id == job.repo_id, *went).values(before_sha=None))


async def wanting(session: AsyncSession, repository_id: uuid.UUID, heads: Sequence[Commit]) -> list[Commit]:
    """Those of the branches' heads that are to be announced: nothing is known of them, or they are not verified."""
    query = select(MonitorJob.branch, MonitorJob.commit_sha, MonitorJob.target).where(
        MonitorJob.repo_id == repository_id,
        MonitorJob.branch.in_({head.branch for head in heads}),
        MonitorJob.commit_sha.in_([head.sha for head in heads]),
        MonitorJob.cause.is_(None),
    )
    verified = {(branch, sha, target) for branch, sha, target in await session.execute(query)}
    return [head for head in heads if (head.branch, head.sha, head.target) not in verified]


_ENDS = text(
    """
    -- Where the branch went from the newest commit that has a run, push by push, as far as is known.
    WITH RECURSIVE recent AS MATERIALIZED (
        SELECT id, commit_sha, before_sha, run_id, cause FROM monitor_jobs
        WHERE repo_id = :repo_id AND branch = :branch AND created_at > now() - interval '1 day'
    ), went AS (
        (SELECT id, commit_sha, cause, ARRAY[commit_sha] AS way FROM recent
            WHERE run_id IS NOT NULL ORDER BY run_id DESC LIMIT 1)
        UNION ALL
        SELECT r.id, r.commit_sha, r.cause, went.way || r.commit_sha
        FROM went JOIN recent r ON r.before_sha = went.commit_sha AND r.commit_sha <> ALL (went.way)
    )
    SELECT id, cause FROM went WHERE cardinality(way) > 1 ORDER BY cardinality(way) DESC LIMIT 1
    """
)


async def catch_up(session: AsyncSession, repository: RepoConnection, branch: str) -> bool:
    """Verify the end of the branch, where a push was told of later than the one after it and another was taken for the
    newest meanwhile; in the caller's transaction, which holds the repository."""
    end = (await session.execute(_ENDS, {"repo_id": repository.id, "branch": branch})).first()
    if end is None:
        return False
    job = await session.get_one(MonitorJob, end.id, populate_existing=True)
    await _supersede(session, repository, job)
    if end.cause is not None and repository.installation_id is not None:
        # What it is to be judged by has to be asked for: whoever looks finds that it is the head, and not verified.
        await work_items.wake(session, LookAtRepository(str(repository.id)))
    elif end.cause is not None:
        await _start(session, repository, job, None)
    await session.flush()
    await _reported(session, repository, [job.id])
    return True


async def superseded(session: AsyncSession, repository: RepoConnection, commits: Sequence[tuple[Commit, str]]) -> int:
    """Take note of commits that are not the newest of their branch any more, each with the one that is; returns how
    many had not been known. Nobody is told of them."""
    if not commits:
        return 0
    rows = [
        {
            **_row(repository, commit),
            "status": MonitorStatus.SKIPPED.value,
            "cause": SkipCause.SUPERSEDED.value,
            "reason": f"superseded by {newer}",
        }
        for commit, newer in commits
    ]
    added = insert(MonitorJob).values(rows).on_conflict_do_nothing().returning(MonitorJob.id)
    return len((await session.execute(added)).all())


def _row(repository: RepoConnection, commit: Commit) -> dict[str, object]:
    return {
        "id": new_id(),
        "repo_id": repository.id,
        "branch": commit.branch,
        "commit_sha": commit.sha,
        "event": commit.event,
        "before_sha": commit.before,
        "base": commit.base,
        "pull_request": commit.pull_request,
        "target": commit.target,
        "requested_by": commit.requested_by,
    }


async def again(session: AsyncSession, repository: RepoConnection, job: MonitorJob, *, by: str | None) -> bool:
    """Verify a commit once more, in the caller's transaction; False while its run has not ended."""
    status = None if job.run_id is None else await session.scalar(select(Run.status).where(Run.id == job.run_id))
    if status is not None and not RunStatus(status).is_final:
        return False
    job.requested_by = by
    await _start(session, repository, job, None)
    await session.flush()
    await _reported(session, repository, [job.id])
    return True


async def withdraw(session: AsyncSession, repository: RepoConnection, branch: str, *, reason: str) -> int:
    """Nobody waits for a branch's runs any more: cancel those that have not ended; returns how many."""
    jobs = await _unfinished(session, repository.id, branch)
    for job, _ in jobs:
        assert job.run_id is not None
        await lifecycle.request_cancel(session, job.run_id)
        _skip(job, SkipCause.WITHDRAWN, reason)
    await session.flush()
    await _reported(session, repository, [job.id for job, _ in jobs])
    return len(jobs)


def _skip(job: MonitorJob, cause: SkipCause, reason: str) -> None:
    job.status, job.cause, job.reason = MonitorStatus.SKIPPED.value, cause.value, reason


async def _already_left(session: AsyncSession, job: MonitorJob) -> str | None:
    """The commit that the branch went to from this one, where that was announced before it."""
    later = select(MonitorJob.commit_sha).where(
        MonitorJob.repo_id == job.repo_id,
        MonitorJob.branch == job.branch,
        MonitorJob.before_sha == job.commit_sha,
        MonitorJob.created_at > func.now() - _REMEMBERED,
        # From there it came: of two pushes back and forth the one that is told of last is the last.
        MonitorJob.commit_sha != (job.before_sha or ""),
    )
    found: str | None = await session.scalar(later.limit(1))
    return found


async def _unfinished(session: AsyncSession, repo_id: uuid.UUID, branch: str) -> Sequence[tuple[MonitorJob, str]]:
    query = (
        select(MonitorJob, Run.status)
        .join(Run, Run.id == MonitorJob.run_id)
        .where(Run.repo_id == repo_id, Run.finished_at.is_(None))
        .where(MonitorJob.repo_id == repo_id, MonitorJob.branch == branch)
    )
    return [(job, status) for job, status in await session.execute(query)]


async def _supersede(session: AsyncSession, repository: RepoConnection, newest: MonitorJob) -> None:
    settings = RepositorySettings.model_validate(repository.settings)
    superseded = []
    for job, status in await _unfinished(session, repository.id, newest.branch):
        if job.id == newest.id:
            continue
        if status == RunStatus.RUNNING and not settings.cancel_superseded:
            continue
        assert job.run_id is not None
        await lifecycle.request_cancel(session, job.run_id)
        _skip(job, SkipCause.SUPERSEDED, f"superseded by {newest.commit_sha}")
        superseded.append(job.id)
    await session.flush()
    await _reported(session, repository, superseded)


async def _start(
    session: AsyncSession, repository: RepoConnection, job: MonitorJob, constitution: uuid.UUID | None
) -> None:
    settings = RepositorySettings.model_validate(repository.settings)
    version = await _constitution(session, repository.id, constitution or job.constitution_version_id)
    if version is None:
        _skip(job, SkipCause.NO_CONSTITUTION, "the repository has no constitution yet")
        return
    job.constitution_version_id = version
    run = submission.NewRun(
        source_kind=SourceKind.REPOSITORY,
        source={
            "kind": SourceKind.REPOSITORY.value,
            "repository_id": str(repository.id),
            "branch": job.branch,
            "commit": job.commit_sha,
            "url": repository.clone_url,
            "ref": job.commit_sha,
        },
        repo_id=repository.id,
        repo_full_name=repository.full_name,
        branch=job.branch,
        commit_sha=job.commit_sha,
        constitution_version_id=version,
        mode=RunMode.FULL if job.base is None else RunMode.DIFF,
        base=job.base,
        # What is compared is no branch: a pull request, or the group of a merge queue.
        remediate=settings.remediate and job.base is None,
        # Who asks for it by the api has it counted as theirs.
        created_by=job.requested_by if job.event == BY_API else repository.created_by,
        priority=_PRIORITY,
    )
    job.run_id, _ = await submission.accept(session, run)
    job.status, job.check_run_id = MonitorStatus.ENQUEUED.value, None
    job.cause = job.reason = None


async def _constitution(session: AsyncSession, repository_id: uuid.UUID, wanted: uuid.UUID | None) -> uuid.UUID | None:
    """The version, if it is there still; otherwise the repository's newest."""
    known = select(ConstitutionVersion.id)
    if wanted is not None:
        found: uuid.UUID | None = await session.scalar(known.where(ConstitutionVersion.id == wanted))
        if found is not None:
            return found
    newest = known.where(ConstitutionVersion.repo_id == repository_id).order_by(ConstitutionVersion.version.desc())
    found = await session.scalar(newest.limit(1))
    return found


async def _moved(session: AsyncSession, repo_id: uuid.UUID, commit: Commit) -> None:
    """Take note of where the branch is; a pull request is none."""
    if commit.pull_request is None:
        await session.execute(
            update(RepoBranch)
            .where(RepoBranch.repo_id == repo_id, RepoBranch.name == commit.branch)
            .values(last_commit=commit.sha)
        )


async def _reported(session: AsyncSession, repository: RepoConnection, jobs: Sequence[uuid.UUID]) -> None:
    """Whoever reads the commits' checks is told."""
    if repository.installation_id is not None:
        for job_id in jobs:
            await work_items.wake(session, ReportCheck(str(job_id)))


async def job_of(session: AsyncSession, run_id: uuid.UUID) -> uuid.UUID | None:
    """The commit whose newest run this is, None for any other run."""
    found: uuid.UUID | None = await session.scalar(select(MonitorJob.id).where(MonitorJob.run_id == run_id).limit(1))
    return found


async def locked(session: AsyncSession, repository_id: uuid.UUID) -> RepoConnection | None:
    """The repository, whose commits nobody else announces until the transaction ends; None once it is removed."""
    query = (
        select(RepoConnection)
        .where(RepoConnection.id == repository_id, RepoConnection.removed_at.is_(None))
        .with_for_update(key_share=True)
    )
    return (await session.execute(query)).scalar_one_or_none()


async def monitor(session: AsyncSession, repo_id: uuid.UUID, branch: str) -> None:
    """Have a branch monitored, unless somebody has said before whether it is."""
    values = {"id": new_id(), "repo_id": repo_id, "name": branch, "monitored": True}
    await session.execute(insert(RepoBranch).values(values).on_conflict_do_nothing())
