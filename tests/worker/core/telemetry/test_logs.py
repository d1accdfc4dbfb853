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
