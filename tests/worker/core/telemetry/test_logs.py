"""Log lines hold no secret, wherever in an event it stands."""

import json
import logging

import pytest
import structlog

from tests.support.app import settings
from worker.core.telemetry import logs

# Drawn by lot, in two parts, so that no scanner takes them for somebody's.
GITHUB = "ghp_" + "a8Kq2LmX9vRt4ZbN7cWe1YhU5oPs3DfG6jTi"
BEARER = "Bearer " + "q7Xv2Nd81mZk4Rw9Tb6Yc3Hs5Lp0Gf"


def test_a_log_line_holds_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    handlers = logging.getLogger().handlers[:]
    logs.configure(settings(CVA_API_TOKEN="my-own-service-token", CVA_LOG_FORMAT="json"), service="test")
    try:
        logs.get("x").info(
            "calling", url="https://u:pw-of-u@h/", deep={"list": ["my-own-service-token", GITHUB]}, header=BEARER
        )
    finally:
        structlog.reset_defaults()
        logging.getLogger().handlers[:] = handlers
    line = capsys.readouterr().out.strip().splitlines()[-1]
    assert json.loads(line)["event"] == "calling"
    for secret in ("my-own-service-token", "pw-of-u", GITHUB, BEARER.split()[1]):
        assert secret not in line


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_stranger_writes_no_line_of_its_own(capsys: pytest.CaptureFixture[str], form: str) -> None:
    handlers = logging.getLogger().handlers[:]
    logs.configure(settings(CVA_LOG_FORMAT=form), service="test")
    hostile = "a\x1b[2J\x9b31mb\n2026 [info] forged\r\u202ec\u2028d\x00"
    try:
        logs.get("x").info(hostile, path=hostile, deep={hostile: [hostile]})
        logging.getLogger("somebody.elses").warning("%s", hostile)
        try:
            raise ValueError(hostile)
        except ValueError:
            logs.get("x").exception("it failed")
    finally:
        structlog.reset_defaults()
        logging.getLogger().handlers[:] = handlers
    out = capsys.readouterr().out
    for char in "\x1b\x9b\r\u202e\u2028\x00":
        assert char not in out
    first, second, *rest = out.splitlines()
    assert "forged" in first
    assert "forged" in second
    assert "it failed" in "".join(rest)
