"""A token goes to its own host alone, and is in no process, file or log that reads what strangers wrote."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tests.support.github.driver import Driver
from tests.support.github.server import PRIVATE_KEY, GitHub, github
from tests.worker.github.conftest import Shop


def _commands() -> str:
    """The command lines and environments of all processes that can be read."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            for name in ("cmdline", "environ"):
                try:
                    found.append((process / name).read_bytes().decode(errors="replace"))
                except OSError:
                    continue
    return "\n".join(found)


def _folders(drive: Driver) -> str:
    """What stands in the files of the work folders, git's objects apart."""
    found = []
    for folder, _, names in os.walk(drive.resources.settings.snapshots_dir):
        for name in names:
            if name != "credential" and "objects" not in folder:
                try:
                    found.append((Path(folder) / name).read_text(errors="replace"))
                except OSError:
                    continue
    return "\n".join(found)


async def test_a_token_is_on_no_command_line_and_in_no_file_but_its_own(
    drive: Driver, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[str, str]] = []
    shop.hub.on_request = lambda name: seen.append((_commands(), _folders(drive))) if name == "git" else None
    await drive.deliver("installation", shop.installed())
    await drive.work()
    tokens = set(shop.hub.tokens)
    assert len(tokens) == 2 and len(seen) >= 2
    for commands, files in seen:
        for token in tokens:
            assert token not in commands and token not in files
    readers = [given for given in shop.hub.authorizations if given.startswith("Basic")]
    assert [base64.b64decode(given.partition(" ")[2]).decode().partition(":")[0] for given in readers] == [
        "x-access-token"
    ]
    rows: list[Any] = []
    tables = ("runs", "run_events", "work_items", "webhook_deliveries", "audit_log", "monitor_jobs", "repo_connections")
    for table in tables:
        rows += await drive.rows(f"SELECT to_jsonb(t) AS row FROM {table} t")
    rows += await drive.rows("SELECT convert_from(content, 'UTF8') AS row FROM artifacts")
    kept = json.dumps([row.row for row in rows], default=str)
    told = capsys.readouterr()
    secrets = [*tokens, *(base64.b64encode(f"x-access-token:{token}".encode()).decode() for token in tokens)]
    for secret in (*secrets, PRIVATE_KEY[100:160]):
        assert secret not in kept and secret not in told.out and secret not in told.err
    # The file is gone with its folder.
    assert not list(drive.resources.settings.snapshots_dir.glob("*/credential"))


async def test_the_file_with_the_token_is_gone_before_anything_is_looked_at(drive: Driver, shop: Shop) -> None:
    """A file of the repository's own that is called so is a file like any other."""
    shop.commit({"app.py": "import os\n", "credential": "x\n"})
    await drive.deliver("installation", shop.installed())
    await drive.work()
    (run,) = await drive.rows("SELECT status, verdict FROM runs")
    assert (run.status, run.verdict) == ("completed", "PASS")


async def test_a_redirect_to_elsewhere_gets_no_token(drive: Driver, hub: GitHub, shop: Shop) -> None:
    """The other host is another port: git keeps credentials by scheme, host and port."""
    with github() as elsewhere:

        async def redirect(request: Request) -> Response:
            return RedirectResponse(f"{elsewhere.url}{request.url.path}?{request.url.query}", 302)

        hub.instead_of_git = redirect
        await drive.deliver("installation", shop.installed())
        await drive.work()
        # Where the walls let it connect to one port alone it does not even get there.
        assert all(not given for given in elsewhere.authorizations), elsewhere.authorizations


async def test_an_address_that_a_member_changed_gets_no_token(drive: Driver, shop: Shop) -> None:
    with github() as elsewhere:
        await drive.deliver("installation", shop.installed())
        await drive.work()
        (repository,) = (await drive.api.get("/api/repositories")).json()["items"]
        changed = {"clone_url": f"{elsewhere.url}/acme/shop.git"}
        await drive.api.patch(f"/api/repositories/{repository['id']}", json=changed)
        body = {"source": {"kind": "repository", "repository_id": repository["id"]}, "constitution": "- Be kind."}
        run = (await drive.api.post("/api/runs", json=body)).json()
        await drive.work()
        ended = (await drive.api.get(f"/api/runs/{run['id']}")).json()
        assert ended["status"] in ("failed", "queued"), ended
        assert elsewhere.requests and all(not given for given in elsewhere.authorizations)
