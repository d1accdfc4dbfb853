"""What a run knows of runs before it: nothing that its readers may not see."""

import json
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.support.access import OWNER, SOMEBODY, STRANGER, World
from tests.support.app import resources
from tests.support.past import insert
from worker.core import models
from worker.core.ids import new_id
from worker.core.vocabulary import JudgeRole
from worker.verification import history
from worker.verification.history import History

GITHUB, GITLAB = "https://github.com/acme/shop", "https://gitlab.com/acme/shop"


@pytest.fixture
def world(url: str) -> Iterator[World]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield World(connection)


def of(world: World, owner: str | None, url: str = GITHUB, repo: uuid.UUID | None = None) -> uuid.UUID:
    """A completed run of the branch main of what both hosts call acme/shop."""
    run_id = world.run(owner, repo=repo)
    change = "UPDATE runs SET repo_full_name = 'acme/shop', branch = 'main', source = %s WHERE id = %s"
    world.connection.execute(change, [json.dumps({"kind": "git", "url": url}), run_id])
    return run_id


async def known(url: str, run_id: uuid.UUID) -> History:
    async with resources(url) as found, found.db.transaction() as session:
        return await history.load(session, await session.get_one(models.Run, run_id), "x")


async def test_the_run_before_is_of_the_same_people_and_the_same_address(url: str, world: World) -> None:
    before = {
        (owner, address, repo): of(world, owner, address, repo)
        for owner, repo in ((OWNER, None), (STRANGER, None), (None, None), (SOMEBODY, world.repository))
        for address in (GITHUB, GITLAB)
    }
    for (owner, address, repo), run_id in before.items():
        spelled = address.upper().replace("HTTPS", "https").replace("ACME/SHOP", "acme/shop.git")
        previous = (await known(url, of(world, owner, spelled, repo))).previous
        assert previous is not None
        assert previous.run_id == str(run_id)
    assert (await known(url, of(world, "new"))).previous is None


async def test_how_far_people_agree_with_judges_is_of_ones_own_marks(url: str, world: World) -> None:
    for owner, repo in ((OWNER, None), (SOMEBODY, world.repository)):
        run_id = world.run(owner, repo=repo)
        opinion = {"id": new_id(), "run_id": run_id, "key": "k", "role": "security", "model": "m", "vote": "FAIL"}
        insert(world.connection, "opinions", [{**opinion, "rationale": ""}])
        feedback = world.feedback(run_id)
        world.connection.execute("UPDATE feedback SET outcome = 'FAIL' WHERE id = %s", [feedback])
    marked = [
        (await known(url, world.run(owner, repo=repo))).agreement[JudgeRole.SECURITY].marked
        for owner, repo in ((OWNER, None), (STRANGER, world.repository), (STRANGER, None), (None, None))
    ]
    assert marked == [1, 1, 0, 0]
