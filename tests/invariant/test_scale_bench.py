"""The benchmark of a hundred workers, in small: every figure is there, and each of them can fail."""

import argparse
import re

import pytest

from invariant.bench import claimer, crowded, scale

SMALL = argparse.Namespace(queued=20_000, finished=3000, seconds=2.0)


def test_every_figure_is_measured_and_an_unreachable_one_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"_PROCESSES": 2, "_CLAIMERS": 2, "_TIMES": 2, "_CLAIMS_WANTED": 1e9}.items():
        monkeypatch.setattr(scale, name, value)
    monkeypatch.setattr(claimer, "WARM_SECONDS", 1.0)
    monkeypatch.setattr(crowded, "_TENANTS", 10)
    assert scale.command(SMALL) == 1
    table = capsys.readouterr().out
    for figure in ("order of tenants", "reaper", "upkeep: jobs", "GET /api/queue (service)", "GET /api/runs (user)"):
        assert re.search(rf"{re.escape(figure)}\s*│\s*p50 [\d.]+ ms", table), table
    rate = re.search(r"claims a second\s*│\s*(\d+)", table)
    assert rate is not None
    assert int(rate[1]) > 0
