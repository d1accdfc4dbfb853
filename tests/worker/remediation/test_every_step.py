"""Whatever happens at whichever step: an attempt that ends is made again, the kill switch ends it."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.remediation import (
    IMPORTS,
    TIDY,
    UNUSED,
    Driver,
    applied,
    statuses,
)
from tests.worker.remediation.conftest import Driving
from worker.remediation import guard


class Interrupted(BaseException):
    """As if the process had ended there."""


def interrupting(monkeypatch: pytest.MonkeyPatch, at: int, what: Callable[..., Any]) -> Iterator[int]:
    """Have `what` happen before the permit number `at`, counted from 1 over all attempts."""
    asked = 0
    permit = guard.permit

    async def counted(session: Any, *given: Any) -> None:
        nonlocal asked
        asked += 1
        if asked == at:
            await what(session)
        await permit(session, *given)

    monkeypatch.setattr(guard, "permit", counted)
    while True:
        yield asked


STEPS = range(1, 8)
"""A remediation by tools alone asks so often whether it may go on; the last step has a rest."""


@pytest.mark.parametrize("at", STEPS)
async def test_an_attempt_that_ends_at_any_step_is_made_again_from_there(
    driving: Driving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    async def end(session: Any) -> None:
        raise Interrupted

    async with driving(CVA_LEASE_SECONDS="0.3") as driver:
        remediation = await driver.begin(await driver.run(IMPORTS, UNUSED))
        counter = interrupting(monkeypatch, at, end)
        asked = next(counter)
        for _ in range(20):
            try:
                view = await driver.go_on(remediation)
                break
            except Interrupted:
                # Its lease lapses, and somebody takes the work up.
                await asyncio.sleep(0.4)
        asked = next(counter)
        assert asked >= 5
        assert view["status"] == "completed"
        assert applied(await driver.patch(remediation), IMPORTS, tmp_path) == TIDY
        assert await statuses(driver, remediation) == ["verified"]
        async with driver.resources.db.transaction() as session:
            runs = await session.scalar(text("SELECT count(*) FROM runs WHERE patch IS NOT NULL"))
        assert runs == 1


async def _by_the_api(driver: Driver) -> None:
    answered = await driver.client.put("/api/remediations/kill-switch", json={"engaged": True, "reason": "stop it"})
    assert answered.status_code == 200


async def _in_the_database(driver: Driver) -> None:
    async with driver.resources.db.transaction() as session:
        await session.execute(
            text("UPDATE remediation_kill_switch SET engaged = true, reason = 'stop it', changed_by = 'an operator'")
        )


async def _by_the_variable(driver: Driver) -> None:
    stopped = driver.resources.settings.model_copy(update={"remediation_stopped": True})
    object.__setattr__(driver.resources, "settings", stopped)


WAYS = {"api": _by_the_api, "database": _in_the_database, "variable": _by_the_variable}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("at", STEPS)
async def test_the_kill_switch_ends_it_at_any_step(
    driving: Driving, monkeypatch: pytest.MonkeyPatch, way: str, at: int
) -> None:
    async with driving() as driver:
        remediation = await driver.begin(await driver.run(IMPORTS, UNUSED))

        async def throw(session: Any) -> None:
            await WAYS[way](driver)

        counter = interrupting(monkeypatch, at, throw)
        next(counter)
        view = await driver.go_on(remediation)
        if next(counter) < at:
            assert view["status"] == "completed"
            return
        assert view["status"] == "aborted", view
        who = {"api": "service", "database": "an operator", "variable": "the environment"}[way]
        assert who in view["error"]["message"]
        assert await driver.patch(remediation) == "" or "verified" in await statuses(driver, remediation)
        assert "applied" not in await statuses(driver, remediation)
        (ended,) = [entry for entry in await driver.audit(remediation) if entry["action"] == "aborted"]
        assert ended["actor"] == who
        after = [entry["action"] for entry in await driver.audit(remediation) if entry["id"] > ended["id"]]
        assert after == []
        if way != "variable":
            answered = await driver.client.post("/api/remediations", json={"run_id": view["run_id"]})
            assert answered.status_code == 409
            assert "stop it" in answered.json()["detail"]
