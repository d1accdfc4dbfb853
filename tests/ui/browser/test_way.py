"""The guide's way through the pages: by hand in a browser, without scripts, on a narrow screen, by keys alone."""

import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from invariant.stack import clean_environment
from tests.support.browser import cut_off, violations
from tests.ui.browser.conftest import FILES, Stack, log_in, picture

RULES = "- Code MUST NOT call `eval(`.\n- Code MUST NOT call `os.system(`.\n- Code SHOULD NOT hold `TODO`.\n"


def archive(folder: Path) -> Path:
    """What somebody drops on the page."""
    path = folder / "shop.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def test_guide_s_way(new_context: Any, stack: Stack, tmp_path: Path) -> None:
    """Log in, connect a repository, run, watch, read the verdict, open a citation, mark it wrong, see the figures, make a
    token, use it with the command line."""
    page: Page = new_context(viewport={"width": 1200, "height": 900})
    page.goto("/runs")
    picture(page, "login")
    log_in(page, "ada")
    expect(page.get_by_text("Nothing has been verified yet")).to_be_visible()
    page.goto("/repositories")
    page.get_by_role("link", name="Connect a repository").click()
    page.get_by_label("URL", exact=True).fill("https://github.com/acme/shop")
    picture(page, "connect")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("heading", name="acme/shop", exact=True)).to_be_visible()
    page.get_by_label("Text").fill(RULES)
    expect(page.get_by_text("3 criteria would be read")).to_be_visible()
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_role("link", name="Version 1")).to_be_visible()
    picture(page, "repository")
    page.get_by_role("link", name="Version 1").click()
    expect(page.get_by_text("What it changed")).to_be_visible()

    page.keyboard.press("n")
    page.wait_for_url("**/runs/new")
    page.get_by_label("An archive").check()
    page.set_input_files("#archive", archive(tmp_path))
    page.get_by_role("textbox", name="Constitution").fill(RULES)
    expect(page.locator("#preview").get_by_text("static analysis").first).to_be_visible()
    picture(page, "new-run")
    page.get_by_role("button", name="Verify").click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile("FAIL|VETO"), timeout=60_000)
    expect(page.locator(".reason")).not_to_be_empty()

    page.locator("summary", has_text="eval(").click()
    citation = page.locator(".place").first
    expect(citation).to_contain_text("app/main.py:5")
    expect(citation.locator(".hit")).to_contain_text("return eval(x)")
    expect(citation).to_contain_text("quotation found in the file")
    expect(page.get_by_role("heading", name="architect")).to_be_visible()
    picture(page, "run")
    page.get_by_label("Reason").first.fill("It is a calculator.")
    page.get_by_role("button", name="This is wrong").first.click()
    expect(page.locator(".said")).to_contain_text("Wrong by ada")
    expect(page.locator(".said")).to_contain_text("It is a calculator.")
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator(".said")).to_have_count(0)

    page.goto("/runs")
    picture(page, "runs")
    page.goto("/figures")
    expect(page.locator(".cards li").first).to_contain_text("1")
    expect(page.locator(".uplot").first).to_be_visible()
    picture(page, "figures")

    page.goto("/settings")
    page.get_by_label("What it is for").fill("laptop")
    page.get_by_role("button", name="Make a token").click()
    token = page.locator("#token").inner_text()
    assert token.startswith("inv_")
    page.locator("#token").evaluate("(element) => { element.textContent = 'inv_shown-once'; }")
    picture(page, "settings")
    page.goto("/settings")
    assert token not in page.content()
    assert uses(token, stack, tmp_path) in (1, 2)


def uses(token: str, stack: Stack, folder: Path) -> int:
    """Verify a folder by the command line with the token; the exit code."""
    work = folder / "work"
    for name, text in {**FILES, "CONSTITUTION.md": RULES}.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    env = {**clean_environment(), "CVA_BACKEND_URL": stack.api, "CVA_API_TOKEN": token, "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "invariant", "verify", str(work)]
    return subprocess.run(command, env=env, timeout=120, capture_output=True).returncode


@pytest.fixture(scope="module")
def run(stack: Stack) -> str:
    stack.verified("grace")
    return stack.verified("grace", labels={"branch": "main"})


def every_page(stack: Stack, run: str) -> list[str]:
    with stack.as_user("grace") as api:
        repositories = api.get("/api/repositories").json()["items"]
        if not repositories:
            body = {"clone_url": "https://github.com/acme/library"}
            repositories = [api.post("/api/repositories", json=body).json()]
            api.put(f"/api/repositories/{repositories[0]['id']}/constitution", json={"content": RULES})
        key = api.get(f"/api/runs/{run}/verdict").json()["criteria"][0]["key"]
    repository = f"/repositories/{repositories[0]['id']}"
    return [
        "/runs", "/runs?verdict=PASS", "/runs/new", f"/runs/{run}", f"/runs/{run}/criteria/{key}",
        f"/runs/{run}/findings", f"/runs/{run}/calls", "/figures", "/repositories", "/repositories/new", repository,
        f"{repository}/constitution/1", "/fixes", "/settings", "/nothing",
    ]  # fmt: skip


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_every_page_can_be_used_by_everybody(new_context: Any, stack: Stack, run: str, scheme: str, width: int) -> None:
    page: Page = new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
    page.goto("/login")
    assert violations(page) == []
    log_in(page, "grace")
    for path in every_page(stack, run):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        if path == f"/runs/{run}":
            page.locator("details[data-key] summary").first.click()
            expect(page.locator(".judges").first).to_be_visible()
        assert violations(page) == [], path
        assert cut_off(page) == [], path
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []


def test_operation_can_be_used_by_everybody(new_context: Any, stack: Stack, run: str) -> None:
    page: Page = new_context(viewport={"width": 360, "height": 800})
    log_in(page, "root")
    for path in ("/operation", "/operation/audit", "/fixes"):
        page.goto(path)
        assert violations(page) == [], path
        assert cut_off(page) == [], path
    page.goto("/operation")
    picture(page, "operation")
    page.get_by_role("row", name=re.compile("^github")).get_by_role("button", name="Pause").click()
    expect(page.get_by_role("row", name=re.compile("^github"))).to_contain_text("paused by root")
    page.get_by_role("row", name=re.compile("^github")).get_by_role("button", name="Resume").click()
    expect(page.get_by_role("row", name=re.compile("^github"))).to_contain_text("open")


def test_without_scripts_one_logs_in_starts_a_run_and_reads_it(new_context: Any, stack: Stack, tmp_path: Path) -> None:
    page: Page = new_context(java_script_enabled=False, viewport={"width": 360, "height": 800})
    log_in(page, "linus", "/runs/new")
    page.get_by_label("An archive").check()
    page.set_input_files("#archive", archive(tmp_path))
    page.get_by_role("textbox", name="Constitution").fill(RULES)
    page.get_by_role("button", name="Verify").click()
    # The page reloads itself.
    expect(page.locator(".reason")).to_be_visible(timeout=60_000)
    page.locator("summary", has_text="eval(").click()
    page.get_by_role("link", name="What the judges say").first.click()
    expect(page.locator(".place").first).to_contain_text("app/main.py:5")
    page.get_by_label("Reason").fill("no")
    page.get_by_role("button", name="Accept it").click()
    expect(page.locator(".said")).to_contain_text("Accepted by linus")


def test_by_keys_alone(new_context: Any, stack: Stack, run: str) -> None:
    page: Page = new_context()
    page.goto("/login")
    page.keyboard.type("grace")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("a.run").first).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}$"))
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator(".judges").first).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("f")
    page.wait_for_url("**/figures")
    page.keyboard.press("/")
    expect(page.get_by_label("Repository")).to_be_focused()
    page.get_by_role("button", name="Shortcuts").click()
    page.get_by_label("Single keys do this").uncheck()
    page.get_by_role("button", name="Close").click()
    page.goto("/runs")
    page.keyboard.press("n")
    # That nothing happens can only be waited for.
    page.wait_for_timeout(500)
    assert page.url.endswith("/runs")


def test_first_page_is_light_and_asks_nobody_else(new_context: Any, stack: Stack, run: str) -> None:
    page: Page = new_context()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[int] = []
    hosts: set[str] = set()
    session.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.add_init_script(
        "new PerformanceObserver((list) => { for (const shift of list.getEntries()) window.shifted = "
        "(window.shifted ?? 0) + shift.value; }).observe({type: 'layout-shift', buffered: true});"
    )
    log_in(page, "grace")
    page.wait_for_load_state("networkidle")
    assert sum(sizes) <= 120_000, sizes
    for path in ("/runs", f"/runs/{run}", "/figures"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.shifted ?? 0") < 0.01, path
    assert hosts == {stack.pages.split("/")[2]}
