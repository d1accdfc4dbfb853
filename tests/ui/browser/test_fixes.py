"""A remediation in the browser: what is broken, each fix beside what it replaces, somebody decides, and takes it back."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.browser import cut_off, violations
from tests.support.processes import eventually
from tests.support.remediation import FILES, SECURITY
from tests.ui.browser.conftest import Stack, log_in, picture


def test_fix_is_read_approved_and_taken_back(new_context: Any, stack: Stack) -> None:
    run = stack.verified("ada", source={"kind": "files", "files": FILES}, constitution=SECURITY)
    page: Page = new_context(viewport={"width": 1200, "height": 900})
    log_in(page, "ada")
    page.goto(f"/runs/{run}")
    page.get_by_role("button", name="Fix it").click()
    page.wait_for_url(re.compile(r"/fixes/[0-9a-f-]{36}$"))
    remediation = page.url.rsplit("/", 1)[1]

    def is_(status: str) -> bool | None:
        with stack.as_user("ada") as api:
            return api.get(f"/api/remediations/{remediation}").json()["status"] == status or None

    # The page looks again by itself.
    expect(page.get_by_role("heading", level=1)).to_have_text("Awaiting approval")
    fix = page.locator(".fix").first
    expect(fix.locator(".minus").first).to_contain_text("return eval(text)")
    expect(fix.locator(".plus").first).to_contain_text("return json.loads(text)")
    assert violations(page) == []
    page.set_viewport_size({"width": 360, "height": 800})
    assert cut_off(page) == []
    page.set_viewport_size({"width": 1200, "height": 900})
    picture(page, "fixes")
    fix.get_by_label("Reason").fill("It reads better.")
    fix.get_by_role("button", name="Approve").click()
    expect(page.locator(".fix").first).to_contain_text("verified", timeout=90_000)
    eventually(lambda: is_("completed"), 90)
    expect(page.get_by_role("heading", level=1)).to_have_text("Completed")
    expect(page.get_by_role("link", name="The run after it")).to_be_visible()
    fix.get_by_label("Reason").fill("On second thought, no.")
    fix.get_by_role("button", name="Roll back").click()
    expect(page.locator(".fix").first).to_contain_text("reverted")


def test_kill_switch_says_what_it_stops_before_it_does(new_context: Any, stack: Stack) -> None:
    page: Page = new_context()
    log_in(page, "root", "/fixes")
    page.get_by_text("Stop all remediations").click()
    expect(page.get_by_text("Every remediation of everybody ends at its next step")).to_be_visible()
    page.get_by_label("Reason").fill("Look at it first.")
    page.get_by_role("button", name="Stop everything").click()
    expect(page.get_by_role("alert")).to_contain_text("Look at it first.")
    assert violations(page) == []
    page.get_by_text("Let remediations go on").click()
    page.get_by_label("Reason").fill("Looked at it.")
    page.get_by_role("button", name="Turn it off").click()
    expect(page.get_by_role("alert")).to_have_count(0)
