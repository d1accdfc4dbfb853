"""The App in one step: what the browser is sent with, and what is made of what it comes back with."""

import html
import json
import re
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.app import settings
from tests.support.github.server import APP_ID, PRIVATE_KEY, SECRET, GitHub, github

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hub() -> Iterator[GitHub]:
    with github() as found:
        yield found


@contextmanager
def _running(hub: GitHub, output: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    argv = ["bash", str(ROOT / "start.sh"), "github-app", "--url", "https://cva.example.com", "--github", hub.url]
    process = subprocess.Popen(
        [*argv, "--output", str(output), "--organization", "acme"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        yield found[0], process
    finally:
        process.kill()
        process.communicate()


def _attribute(name: str, page: str) -> str:
    found = re.search(f'{name}="([^"]+)"', page)
    assert found is not None
    return html.unescape(found[1])


def test_an_app_is_made_in_one_step(hub: GitHub, tmp_path: Path) -> None:
    output = tmp_path / "app.env"
    with _running(hub, output) as (page, process):
        body = httpx.get(page).text
        action, manifest = _attribute("action", body), json.loads(_attribute("value", body))
        assert urlsplit(action).path == "/organizations/acme/settings/apps/new"
        assert manifest["hook_attributes"]["url"] == "https://cva.example.com/api/webhooks/github"
        assert set(manifest["default_events"]) == {"push", "pull_request", "check_run", "check_suite", "merge_group"}
        state = parse_qs(urlsplit(action).query)["state"][0]
        httpx.get(manifest["redirect_url"], params={"code": "the-code", "state": state})
        assert process.wait(20) == 0
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    given = dict(line.split("=", 1) for line in output.read_text().splitlines())
    config = settings(**given)
    assert config.github_app_id == APP_ID and config.github_api_url == f"{hub.url}/api/v3"
    assert config.github_webhook_secret is not None and config.github_webhook_secret.get_secret_value() == SECRET
    assert config.github_private_key is not None
    assert config.github_private_key.get_secret_value().replace("\\n", "\n").strip() == PRIVATE_KEY.strip()
    assert hub.undocumented == []


@pytest.mark.parametrize("query", [{"code": "the-code", "state": "another"}, {"code": "wrong"}])
def test_what_is_not_ours_makes_none(hub: GitHub, tmp_path: Path, query: dict[str, str]) -> None:
    output = tmp_path / "app.env"
    with _running(hub, output) as (page, process):
        state = re.search(r"state=([\w-]+)", httpx.get(page).text)
        assert state is not None
        httpx.get(f"{page}/made", params={"state": state[1], **query})
        assert process.wait(20) == 1
    assert not output.exists()
