"""A real Chromium: Debian's, driven by Playwright."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

# Without these it asks its maker's hosts for things at every start.
_QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
)  # fmt: skip
_AXE = Path(__file__).parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"


def path() -> str | None:
    """Where it is; None where there is none."""
    for name in (os.environ.get("CVA_TEST_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"):
        if name and (found := shutil.which(name)):
            return found
    return None


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path(), args=list(_QUIET))
        try:
            yield browser
        finally:
            browser.close()


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong with the page as it is shown now: the rule, and the elements."""
    page.evaluate(_AXE.read_text())
    found: Sequence[dict[str, Any]] = page.evaluate("axe.run().then((result) => result.violations)")
    return [f"{item['id']}: {[node['html'][:200] for node in item['nodes'][:3]]}" for item in found]


def cut_off(page: Page) -> list[str]:
    """What makes the page wider than the window: the elements that reach beyond it."""
    script = """() => {
        if (document.documentElement.scrollWidth <= innerWidth) return [];
        const beyond = [...document.querySelectorAll("body *")]
            .filter((element) => element.getBoundingClientRect().right > innerWidth);
        return beyond.map((element) => element.outerHTML.slice(0, 120));
    }"""
    found: list[str] = page.evaluate(script)
    return found
