"""A judge's confidence is told as what it has been worth, or not at all."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invariant.eval import statistics
from tests.support import app, provider
from tests.worker.verification.test_panel import enqueue, verdict_of
from worker.core.vocabulary import JudgeRole
from worker.verification.calibration import Agreement, Calibration

SECURITY = JudgeRole.SECURITY
CURVE = ((0.5, 0.4), (0.9, 0.8))


@pytest.mark.parametrize(("confidence", "told"), [(0.5, 0.4), (0.7, 0.6), (0.1, 0.4), (1.0, 0.8), (None, None)])
def test_it_is_read_from_the_curve(confidence: float | None, told: float | None) -> None:
    found = Calibration({SECURITY: CURVE}).of(SECURITY, confidence)
    assert found == told if told is None else found == pytest.approx(told)


def test_what_people_agreed_with_counts_from_twenty_marks_on() -> None:
    assert Calibration(agreement={SECURITY: Agreement(15, 20)}).of(SECURITY, 0.99) == 0.75
    assert Calibration(agreement={SECURITY: Agreement(19, 19)}).of(SECURITY, 0.99) is None
    assert Calibration({SECURITY: CURVE}, {SECURITY: Agreement(1, 40)}).of(SECURITY, 0.9) == 0.8


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80))
def test_a_suites_curve_rises_and_comes_in_order(pairs: list[tuple[float, bool]]) -> None:
    curve = statistics.isotonic(pairs)
    assert curve == sorted(curve)
    assert all(0 <= value <= 1 for point in curve for value in point)
    assert [right for _, right in curve] == sorted(right for _, right in curve)


async def test_readers_are_told_the_calibrated_number_alone(client: httpx.AsyncClient, url: str) -> None:
    with provider.running(provider.judging(provider.honest)) as server:
        for calibration, words in (({}, None), ({"security": CURVE}, "FAIL 3 (80%)")):
            run_id = await enqueue(client)
            await app.work(url, run_id, **provider.settings(server, CVA_CALIBRATION=calibration))
            report = (await client.get(f"/api/runs/{run_id}/report")).text
            opinions = (await verdict_of(client, run_id))["criteria"][0]["opinions"]
            assert "(90%)" not in report
            assert {o["judge"]: o["calibrated"] for o in opinions} == {
                "architect": None,
                "user_proxy": None,
                "security": None if words is None else 0.8,
            }
            assert (words or "FAIL 3") in report


@pytest.mark.parametrize("points", [[[0.9, 0.5], [0.5, 0.4]], [[0.5, 0.4], [0.5, 0.6]], [[1.5, 0.4]]])
def test_a_curve_out_of_order_is_refused(points: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"in order|less than or equal"):
        app.settings(CVA_CALIBRATION={"security": points})
