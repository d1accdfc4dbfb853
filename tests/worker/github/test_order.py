"""Pushes of one branch, told in whatever order and in whatever pieces: in the end its last commit has the one run."""

import random

import pytest
from sqlalchemy import text

from tests.support.app import resources
from worker.core.models import ConstitutionVersion, RepoConnection
from worker.core.monitoring import announce
from worker.core.monitoring.announce import Commit
from worker.core.monitoring.repository import RepositorySettings
from worker.github import commits
from worker.github.taking import newest

_STATE = text(
    "SELECT m.commit_sha FROM monitor_jobs m JOIN runs r ON r.id = m.run_id WHERE r.status <> 'cancelled' ORDER BY r.id"
)


def _sha(number: int) -> str:
    return f"{number:040x}"


@pytest.mark.parametrize("seed", range(60))
async def test_the_last_commit_has_the_one_run(url: str, seed: int) -> None:
    chance = random.Random(seed)
    count = chance.randint(2, 9)
    told = [Commit("main", _sha(n + 1), "push", before=_sha(n)) for n in range(count)]
    chance.shuffle(told)
    told += chance.sample(told, chance.randint(0, 2))
    async with resources(url) as found:
        async with found.db.transaction() as session:
            row = RepoConnection(full_name="acme/shop", clone_url="https://x/y")
            session.add(row)
            await session.flush()
            session.add(ConstitutionVersion(repo_id=row.id, version=1, content="- Be kind.", sha256="x"))
            repository_id = row.id
        while told:
            piece = [told.pop(0) for _ in range(min(len(told), chance.randint(1, 4)))]
            prepared = await commits.prepare(piece, newest(piece), None, RepositorySettings())
            async with found.db.transaction() as session:
                repository = await announce.locked(session, repository_id)
                assert repository is not None
                await commits.write(session, repository, prepared)
        async with found.db.transaction() as session:
            waiting = list(await session.scalars(_STATE))
            noted = await session.scalar(text("SELECT count(*) FROM monitor_jobs"))
    assert waiting == [_sha(count)] and noted == count


def test_a_branch_that_was_pushed_back_is_where_it_was_pushed_to() -> None:
    a, b = (Commit("main", _sha(1), "push", before=_sha(2)), Commit("main", _sha(2), "push", before=_sha(1)))
    assert newest([b, a])["main"] == a.sha
