"""Bring what a remediation has kept to a branch of its own, with one pull request.

The commits are made from what each fix writes; git names objects by their contents, so that making them twice is making
them once. The branch is ours alone, by its name, and never the default one; a pull request that is open for it is
updated, and closed when nothing is kept any more.

https://docs.github.com/en/rest/git, https://docs.github.com/en/rest/pulls/pulls
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core import audit
from worker.core.linear import pattern
from worker.core.models import RemediationRun, RepoConnection, Run
from worker.core.monitoring.announce import pull_request_branch
from worker.core.remediation import switch
from worker.core.telemetry import logs
from worker.core.vocabulary import RemediationStatus
from worker.github import access
from worker.github.access import Connected
from worker.github.client import Client, NotConfigured
from worker.github.errors import Conflicting, GitHubFailure, Missing
from worker.runtime.resources import Resources

log = logs.get(__name__)

_PREFIX = "invariant/"
_WHO = {"name": "Invariant", "email": "invariant@users.noreply.github.com"}
_MOST_BODY = 60_000
_PULL = pull_request_branch(0).removesuffix("0")


@dataclass(frozen=True)
class Kept:
    """What a remediation leaves: commits on top of `base`, for the branch that the run was of."""

    id: uuid.UUID
    repository: Connected
    run_id: uuid.UUID
    base: str
    target: str
    commits: Sequence[Mapping[str, Any]]
    heads: frozenset[str]
    """What was brought there before: anything else on the branch is somebody else's."""


# A later remediation of the branch has brought its own there, or will.
_NEWER = text(
    """
    SELECT EXISTS (
        SELECT FROM remediation_runs m JOIN runs r ON r.id = m.run_id
        WHERE r.repo_id = :repo_id AND r.branch = :branch AND m.id > :id AND m.commits IS NOT NULL
            AND m.commits <> '[]')
    """
)
_HEADS = text(
    """
    SELECT m.head_sha FROM remediation_runs m JOIN runs r ON r.id = m.run_id
    WHERE r.repo_id = :repo_id AND r.branch = :branch AND m.head_sha IS NOT NULL
    """
)


async def open_one(remediation_id: uuid.UUID, resources: Resources) -> str:
    """Returns what came of it, for the log. Raises Later."""
    async with resources.db.transaction() as session:
        kept = await _load(session, remediation_id)
        if kept is None:
            return "nothing to propose"
        engaged = await switch.engaged(session, resources.settings)
    if engaged is not None:
        return f"remediation is stopped: {engaged.reason}"
    try:
        with access.patiently():
            client = access.repository(resources, kept.repository)
            target = await _target(client, kept)
            if target is None:
                return "it is of no branch of this repository"
            branch = branch_for(target)
            if branch == kept.repository.default_branch:
                return "the default branch is nobody's to push to"
            url, head = await _bring(client, kept, target, branch, resources)
    except NotConfigured as error:
        return str(error)
    except GitHubFailure as error:
        log.warning("no pull request", remediation_id=str(remediation_id), reason=str(error))
        return str(error)
    async with resources.db.transaction() as session:
        values = {"branch": branch, "pull_request_url": url, "head_sha": head}
        await session.execute(update(RemediationRun).where(RemediationRun.id == remediation_id).values(values))
        line = audit.Line("system", "github.pull_request", f"remediation:{remediation_id}", data={**values, "url": url})
        await audit.write(session, line)
    return url or "nothing is kept"


def branch_for(target: str) -> str:
    """The one branch for fixes of `target`."""
    return f"{_PREFIX}{target}"


async def _load(session: AsyncSession, remediation_id: uuid.UUID) -> Kept | None:
    row = await session.get(RemediationRun, remediation_id)
    if row is None or not RemediationStatus(row.status).is_final:
        return None
    commits = await session.scalar(select(RemediationRun.commits).where(RemediationRun.id == remediation_id))
    run = await session.get_one(Run, row.run_id)
    if run.repo_id is None or run.commit_sha is None or run.branch is None or commits is None:
        return None
    if not commits and row.pull_request_url is None:
        return None
    repository = access.connected(await session.get(RepoConnection, run.repo_id))
    if repository is None or await session.scalar(_NEWER, {"id": row.id, "repo_id": run.repo_id, "branch": run.branch}):
        return None
    heads = await session.scalars(_HEADS, {"repo_id": run.repo_id, "branch": run.branch})
    return Kept(row.id, repository, run.id, run.commit_sha, run.branch, commits, frozenset(heads))


async def _target(client: Client, kept: Kept) -> str | None:
    """The branch that the fixes are for; of a pull request the one that it comes from, where that is of this
    repository."""
    if not kept.target.startswith(_PULL):
        return kept.target
    number = int(kept.target.removeprefix(_PULL))
    async for asked in client.pages("pulls", params={"state": "open"}):
        if asked["number"] == number:
            head = asked["head"]
            at_home = (head.get("repo") or {}).get("id") == kept.repository.forge_id
            return str(head["ref"]) if at_home else None
    return None


async def _bring(
    client: Client, kept: Kept, target: str, branch: str, resources: Resources
) -> tuple[str | None, str | None]:
    """The pull request's address and the commit that it proposes; None where nothing is kept."""
    owner = kept.repository.full_name.split("/")[0]
    params = {"head": f"{owner}:{branch}", "state": "open"}
    number = None
    async for asked in client.pages("pulls", params=params):
        number = int(asked["number"])
    if not kept.commits:
        if number is not None and await _at(client, branch) in kept.heads:
            await client.patch(f"pulls/{number}", {"state": "closed"})
        return None, None
    head = await _committed(client, kept)
    # Before it is there: what is found on the branch afterwards is known as ours.
    async with resources.db.transaction() as session:
        await session.execute(update(RemediationRun).where(RemediationRun.id == kept.id).values(head_sha=head))
    await _point(client, kept, branch, head)
    words = {"title": _title(kept), "body": _body(kept)}
    if number is None:
        made = await client.post("pulls", {**words, "head": branch, "base": target})
    else:
        made = await client.patch(f"pulls/{number}", words)
    return str(made.data["html_url"]), head


async def _committed(client: Client, kept: Kept) -> str:
    """The last of the commits."""
    head = kept.base
    tree = str((await client.get(f"git/commits/{head}")).data["tree"]["sha"])
    for commit in kept.commits:
        entries = []
        for file in commit["files"]:
            sha = None
            if file["content"] is not None:
                blob = {"content": file["content"], "encoding": "base64"}
                sha = (await client.post("git/blobs", blob)).data["sha"]
            entries.append({"path": file["path"], "mode": file["mode"], "type": "blob", "sha": sha})
        tree = str((await client.post("git/trees", {"base_tree": tree, "tree": entries})).data["sha"])
        who = {**_WHO, "date": datetime.fromtimestamp(commit["at"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
        made = {"message": commit["message"], "tree": tree, "parents": [head], "author": who, "committer": who}
        head = str((await client.post("git/commits", made)).data["sha"])
    return head


async def _at(client: Client, branch: str) -> str | None:
    """Where the branch is; None where there is none."""
    try:
        return str((await client.get(f"git/ref/{quote(f'heads/{branch}')}")).data["object"]["sha"])
    except Missing:
        return None


async def _point(client: Client, kept: Kept, branch: str, sha: str) -> None:
    """Raises Conflicting where somebody has gone on from what was proposed: that is not thrown away."""
    at = await _at(client, branch)
    if at is None:
        await client.post("git/refs", {"ref": f"refs/heads/{branch}", "sha": sha})
    elif at != sha and at not in kept.heads:
        raise Conflicting(f"{branch} has commits that are not ours; merge or delete it")
    elif at != sha:
        await client.patch(f"git/refs/{quote(f'heads/{branch}')}", {"sha": sha, "force": True})


def _title(kept: Kept) -> str:
    count = len(kept.commits)
    return f"Invariant: {count} proven fix{'es' if count > 1 else ''}"


def _body(kept: Kept) -> str:
    parts = [
        f"Proven fixes for what failed in run `{kept.run_id}` of `{kept.base[:12]}`, one commit each.",
        *(_quoted(commit["message"]) for commit in kept.commits),
    ]
    return "\n\n".join(parts)[:_MOST_BODY]


def _quoted(message: str) -> str:
    """As it stands: nothing in it is Markdown, and nobody is called."""
    longest = max((len(run) for run in pattern(r"`+").findall(message)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{message}\n{fence}"
