"""Who may work on a remediation, and how much it may apply without a person."""

import asyncio

from tests.support.remediation import (
    IMPORTS,
    UNUSED,
    statuses,
)
from tests.worker.remediation.conftest import Driving


async def test_two_workers_do_not_work_on_one_remediation(driving: Driving) -> None:
    async with driving() as driver:
        remediation = await driver.begin(await driver.run(IMPORTS, UNUSED))
        ended = await asyncio.gather(*(driver.step(remediation) for _ in range(4)))
        assert sorted(ended) == ["done", "nothing to do", "nothing to do", "nothing to do"]
        assert await statuses(driver, remediation) == ["applied"]


async def test_two_workers_do_not_overshoot_the_hours_limit_together(driving: Driving) -> None:
    async with driving(CVA_REMEDIATION_FIXES_PER_HOUR="1") as driver:
        remediations = [await driver.begin(await driver.run(IMPORTS, UNUSED)) for _ in range(3)]
        await asyncio.gather(*(driver.step(one) for one in remediations))
        found = [(await driver.fixes(one))[0] for one in remediations]
        assert sorted(one["status"] for one in found) == ["applied", "proposed", "proposed"]
        (waiting, _) = [one for one in found if one["status"] == "proposed"]
        assert waiting["needs"] == "CONFIRM"
        assert "CVA_REMEDIATION_FIXES_PER_HOUR" in waiting["reasons"][0]
        assert (await driver.decide(waiting["id"])).status_code == 200
        assert (await driver.go_on(waiting["remediation_id"]))["status"] == "completed"


async def test_after_repeated_reverts_a_person_decides(driving: Driving) -> None:
    async with driving(CVA_REMEDIATION_LOCKOUT="2") as driver:
        run_id = await driver.run(IMPORTS, UNUSED)
        for expected in ("completed", "completed", "awaiting_approval"):
            remediation = await driver.begin(run_id)
            assert (await driver.go_on(remediation))["status"] == expected
            if expected == "completed":
                answered = await driver.client.post(f"/api/remediations/{remediation}/rollback", json={"reason": "no"})
                assert answered.json()["status"] == "rolled_back"
        assert "CVA_REMEDIATION_LOCKOUT" in (await driver.fixes(remediation))[0]["reasons"][0]
