"""What is masked, and what is left readable."""

import json
import logging
import time

import pytest
import structlog

from tests.support.app import settings
from worker.core.telemetry import logs
from worker.core.telemetry.masking import mask, mask_code

# Joined here, so that no scanner takes the test's shapes for real ones.
SHAPES = [
    "sk-" + "a1B2" * 6,
    "ghp_" + "x" * 36,
    "github_pat_" + "y" * 30,
    "glpat-" + "z" * 20,
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "AIza" + "b" * 35,
    "xoxb-" + "1234567890-abc",
    "inv_" + "c" * 43,
    "eyJ" + "hbGciOiJIUzI1" + ".eyJ" + "zdWIiOiIxMjM0" + "." + "s3cr3tSignature",
]


@pytest.mark.parametrize("secret", SHAPES)
def test_known_shapes_are_masked(secret: str) -> None:
    assert secret not in mask(f"the key is {secret}, keep it")
    assert "keep it" in mask(f"the key is {secret}, keep it")


def test_credentials_in_a_url_are_masked_and_the_host_is_kept() -> None:
    assert mask("postgresql://me:pa55@db.internal/x") == "postgresql://***@db.internal/x"


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ('password = "hunter22"', 'password = "***"'),
        ("db_password: str = 'hunter22'", "db_password: str = '***'"),
        ('connect(api_key="abc", port=1)', 'connect(api_key="***", port=1)'),
        ('password = """hunter22"""', 'password = """***"""'),
        ("password = '''hunter\\n22", "password = '''***"),
        ('passwd = ("hunter22")', 'passwd = ("***")'),
        ('secret = "ab\\"rest"', 'secret = "***"'),
        ('token = "abc" "rest"', 'token = "***" "***"'),
        ('token = "it\'s"', 'token = "***"'),
        ('"password": "hunter22",', '"password": "***",'),
        ('password = ""', 'password = ""'),
        ('config["secret"] = "abc"', 'config["secret"] = "***"'),
        ("Possible hardcoded password: 'hunter22'", "Possible hardcoded password: '***'"),
        ('title = "hunter22"', 'title = "hunter22"'),
    ],
)
def test_literals_given_to_secret_names_are_masked(line: str, masked: str) -> None:
    assert mask_code(line) == masked


@pytest.mark.parametrize(
    "text",
    [
        "token:" + " " * 500_000,
        "a." * 250_000 + "token",
        "1." * 500_000,
        "token " + '"\\' * 300_000,
        "token='" * 90_000,
    ],
)
def test_masking_takes_linear_time(text: str) -> None:
    # The time of this process alone: what else the machine does is no matter.
    began = time.process_time()
    mask_code(text)
    mask(text)
    assert time.process_time() - began < 2


def test_a_log_line_holds_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    handlers = logging.getLogger().handlers[:]
    logs.configure(settings(CVA_API_TOKEN="my-own-service-token", CVA_LOG_FORMAT="json"), service="test")
    try:
        logs.get("x").info(
            "calling", url="https://u:p@h/", deep={"list": ["my-own-service-token", SHAPES[0]]}, header=SHAPES[1]
        )
    finally:
        structlog.reset_defaults()
        logging.getLogger().handlers[:] = handlers
    line = capsys.readouterr().out.strip().splitlines()[-1]
    assert json.loads(line)["event"] == "calling"
    for secret in ("my-own-service-token", "u:p", *SHAPES[:2]):
        assert secret not in line
