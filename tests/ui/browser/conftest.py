"""A whole stack and a browser that looks at it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from invariant.bench import fixer
from invariant.postgres import Server
from tests.support import browser as support
from tests.support import processes, provider
from tests.support.processes import TOKEN, eventually
from tests.support.remediation import MENDED
from tests.support.ui import ui

FILES = {
    **provider.FILES,
    "src/cart.py": "import os\n\n\ndef run(command):\n    os.system(command)\n    # TODO: quote it\n",
}


# A bound, not a hope: a machine that does other things as well takes its time.
expect.set_options(timeout=60_000)


@dataclass
class Stack:
    """A ui, and the api behind it."""

    pages: str
    api: str
    models: provider.Provider
    database: str

    def as_user(self, user: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {TOKEN}", "X-CVA-User": user}
        return httpx.Client(base_url=self.api, headers=headers, timeout=30)

    def verified(self, user: str, **more: Any) -> str:
        """A run that has ended."""
        body = {"source": {"kind": "files", "files": FILES}, "constitution": provider.CONSTITUTION, **more}
        with self.as_user(user) as api:
            answer = api.post("/api/runs", json=body)
            assert answer.status_code == 202, answer.text
            run = str(answer.json()["id"])
            eventually(lambda: api.get(f"/api/runs/{run}").json()["finished_at"], 60)
        return run


# Not for the session: Playwright keeps an event loop running as long as it lasts, beside which no test of another module
# could have one.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if support.path() is None:
        pytest.skip("needs Chromium: apt install chromium, or CVA_TEST_CHROMIUM=/path/to/one")
    with support.chromium() as found:
        yield found


@pytest.fixture(scope="module")
def stack(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    with (
        server.database() as url,
        provider.running(fixer.script(fixer.mending(MENDED), provider.judging(provider.honest))) as models,
        processes.api(url, folder, CVA_ADMINS="root") as (client, _),
        processes.worker(url, folder, **provider.settings(models)),
        ui(folder, str(client.base_url).rstrip("/")) as (pages, _),
    ):
        yield Stack(pages, str(client.base_url).rstrip("/"), models, url)


@pytest.fixture
def new_context(chromium: Browser, stack: Stack) -> Iterator[Any]:
    """Makes a window of its own, which fails the test for an error in a script or a breach of the policy."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def make(**options: Any) -> Page:
        context = chromium.new_context(base_url=stack.pages, **options)
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
        page.on("dialog", lambda dialog: errors.append(f"a dialog: {dialog.message}"))
        return page

    yield make
    for context in contexts:
        context.close()
    assert not errors, errors


def log_in(page: Page, name: str, to: str = "/runs") -> None:
    page.goto(f"/login?to={to}")
    page.fill("#name", name)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"**{to}")


PICTURES = os.environ.get("CVA_TEST_PICTURES")
"""A folder to leave pictures in: `docs/ui` where they are to be made anew."""


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.wait_for_load_state("networkidle")
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)
