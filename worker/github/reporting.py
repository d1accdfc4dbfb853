"""Tell GitHub how it stands with a commit: one check for each run of it, from queued to its conclusion.

Each step can be repeated: a check that was made and not written down is found by its `external_id`, annotations that
were told are counted by GitHub, and the last request alone completes the check.
"""

import base64
import gzip
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.models import Artifact, MonitorJob, RepoConnection, Run
from worker.core.monitoring.repository import RepositorySettings
from worker.core.settings import Settings
from worker.core.telemetry import logs
from worker.core.vocabulary import RunStatus, SkipCause, Verdict
from worker.github import access, comments
from worker.github.access import Connected
from worker.github.checks import NAME, Check, Ended, Status, check, name_of
from worker.github.client import Client, NotConfigured
from worker.github.errors import Conflicting, Denied, GitHubFailure, Missing, Rejected
from worker.runtime.resources import Resources

log = logs.get(__name__)

_SARIF = "verdict.sarif"
_REPORT = "REPORT.md"


_NEWER = text(
    """
    SELECT EXISTS (
        SELECT FROM monitor_jobs j, monitor_jobs mine
        WHERE mine.id = :id AND j.repo_id = :repo_id AND j.branch = :branch
            AND (j.created_at, j.id) > (mine.created_at, mine.id) AND j.run_id IS NOT NULL AND j.cause IS NULL)
    """
)


@dataclass(frozen=True)
class Told:
    """What a commit's check is made of."""

    job_id: uuid.UUID
    repository: Connected
    wishes: RepositorySettings
    sha: str
    branch: str
    pull_request: int | None
    run_id: uuid.UUID | None
    check_run_id: int | None
    check: Check
    sarif: bytes | None
    name: str
    newest: bool
    """Nothing newer of its branch is verified: what is told of the branch is told of this commit."""

    @property
    def external_id(self) -> str:
        return str(self.run_id or self.job_id)


async def report(job_id: uuid.UUID, resources: Resources) -> str:
    """Bring the check to where the run is; returns what was told, for the log. Raises Later."""
    async with resources.db.transaction() as session:
        told = await _load(session, job_id)
    if told is None:
        return "nothing to tell"
    try:
        with access.patiently():
            client = access.repository(resources, told.repository)
            await _bring(client, told, resources)
            if told.check.status is Status.COMPLETED and told.run_id is not None and told.newest:
                await _beside(client, told)
        await _note(resources, told, told=told.check.status.value)
    except NotConfigured as error:
        return str(error)
    except GitHubFailure as error:
        log.warning("check not reported", job_id=str(job_id), reason=str(error))
        return str(error)
    return told.check.status.value


async def _load(session: AsyncSession, job_id: uuid.UUID) -> Told | None:
    job = await session.get(MonitorJob, job_id)
    if job is None:
        return None
    row = await session.get_one(RepoConnection, job.repo_id)
    repository = access.connected(row)
    if repository is None:
        return None
    run = None if job.run_id is None else await session.get(Run, job.run_id)
    status = None if run is None else RunStatus(run.status)
    ended, sarif = None, None
    if run is not None and run.verdict is not None:
        kept = select(Artifact.name, Artifact.content).where(
            Artifact.run_id == run.id, Artifact.name.in_((_SARIF, _REPORT))
        )
        files: dict[str, bytes] = {row.name: row.content for row in await session.execute(kept)}
        sarif = files.get(_SARIF)
        ended = _ended(run, sarif, files.get(_REPORT))
    return Told(
        job_id=job.id,
        repository=repository,
        wishes=RepositorySettings.model_validate(row.settings),
        sha=job.commit_sha,
        branch=job.branch,
        pull_request=job.pull_request,
        run_id=None if run is None else run.id,
        check_run_id=job.check_run_id,
        check=check(
            None if job.cause is None else SkipCause(job.cause),
            job.reason,
            status,
            ended,
            # Of a merge queue's group there is nothing to fix: its branch goes with it.
            fixable=job.base is None or job.pull_request is not None,
        ),
        sarif=sarif,
        name=name_of(job.target),
        newest=not await session.scalar(_NEWER, {"repo_id": job.repo_id, "branch": job.branch, "id": job.id}),
    )


def _ended(run: Run, sarif: bytes | None, report: bytes | None) -> Ended:
    assert run.verdict is not None
    document: Mapping[str, Any] = {} if sarif is None else json.loads(sarif)
    reason = run.error_message
    for part in document.get("runs", ()):
        reason = part.get("properties", {}).get("reason", reason)
    return Ended(
        Verdict(run.verdict),
        reason or "The run has ended.",
        None if report is None else report.decode(errors="replace"),
        document,
    )


def _details(settings: Settings, told: Told) -> dict[str, str]:
    """Where a person reads on."""
    if settings.public_url is None or told.run_id is None:
        return {}
    return {"details_url": f"{settings.public_url.rstrip('/')}/runs/{told.run_id}"}


async def _bring(client: Client, told: Told, resources: Resources) -> None:
    wanted = told.check
    number = told.check_run_id
    if number is None:
        number = await _made(client, told) or await _make(client, told, resources.settings)
        await _note(resources, told, check_run_id=number)
    found = (await client.get(f"check-runs/{number}")).data
    if found["status"] == Status.COMPLETED:
        # Of this run nothing more is to be said.
        return
    path = f"check-runs/{number}"
    if wanted.status is not Status.COMPLETED:
        if found["status"] != wanted.status:
            await client.patch(path, {"status": wanted.status.value, "output": wanted.output()})
        return
    assert wanted.conclusion is not None
    *first, last = wanted.batches(int(found["output"]["annotations_count"]))
    for batch in first:
        await client.patch(path, {"status": Status.IN_PROGRESS.value, "output": wanted.output(batch)})
    end = {"status": Status.COMPLETED.value, "conclusion": wanted.conclusion.value, "output": wanted.output(last)}
    await client.patch(path, {**end, "actions": wanted.buttons()})


async def _made(client: Client, told: Told) -> int | None:
    """The check that an attempt made which could not write its number down."""
    path, params = f"commits/{told.sha}/check-runs", {"check_name": told.name, "filter": "all"}
    async for found in client.pages(path, params=params, items="check_runs"):
        if found["external_id"] == told.external_id:
            return int(found["id"])
    return None


async def _make(client: Client, told: Told, settings: Settings) -> int:
    # Whatever it is by now: that it has ended is told last.
    status = Status.QUEUED if told.check.status is Status.QUEUED else Status.IN_PROGRESS
    body = {"name": told.name, "head_sha": told.sha, "external_id": told.external_id, "status": status.value}
    return int((await client.post("check-runs", {**body, **_details(settings, told)})).data["id"])


async def _note(resources: Resources, commit: Told, **values: Any) -> None:
    """Unless the commit has another run by now, which has a check of its own."""
    same_run = MonitorJob.run_id.is_(None) if commit.run_id is None else MonitorJob.run_id == commit.run_id
    async with resources.db.transaction() as session:
        await session.execute(update(MonitorJob).where(MonitorJob.id == commit.job_id, same_run).values(**values))


async def _beside(client: Client, told: Told) -> None:
    """What the repository wants besides the check. That it cannot be had keeps nothing from its end."""
    try:
        if told.wishes.comment and told.pull_request is not None:
            await comments.put(client, told.pull_request, told.check)
        if told.wishes.sarif and told.sarif is not None:
            await _upload(client, told, told.sarif)
    except (Denied, Missing, Rejected, Conflicting) as error:
        log.warning("told less than wanted", job_id=str(told.job_id), reason=str(error))


async def _upload(client: Client, told: Told, sarif: bytes) -> None:
    """https://docs.github.com/en/rest/code-scanning/code-scanning#upload-an-analysis-as-sarif-data"""
    ref = f"refs/heads/{told.branch}" if told.pull_request is None else f"refs/pull/{told.pull_request}/head"
    packed = base64.b64encode(gzip.compress(sarif, mtime=0)).decode()
    await client.post("code-scanning/sarifs", {"commit_sha": told.sha, "ref": ref, "sarif": packed, "tool_name": NAME})
