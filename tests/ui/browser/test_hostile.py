"""What strangers write is shown as text, everywhere: no script of theirs runs, and nothing turns a line around."""

import json
import uuid
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect

from invariant.bench.pages import verdict
from tests.support.browser import cut_off
from tests.ui.browser.conftest import Stack, log_in
from worker.core.db.database import libpq_url
from worker.core.ids import sha256

MARKUP = [
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    '"><svg onload=window.hacked=1>',
    "' autofocus onfocus=window.hacked=1 '",
    "javascript:window.hacked=1",
    "{{ 7 * 7 }}{% raw %}",
    "</textarea><script>window.hacked = 1</script>",
    "</code></pre><iframe srcdoc='<script>parent.hacked = 1</script>'>",
    "\u202eevil\u202c \u2066x\u2069 \u200b\u0007",
]
HOSTILE = " ".join(MARKUP)


@pytest.fixture
def run(stack: Stack) -> str:
    """A run in which every word is hostile."""
    labels = {"a": MARKUP[0], "b": MARKUP[1][:256]}
    constitution = f"- Code MUST NOT {HOSTILE}.\n"
    body = {
        "source": {"kind": "files", "files": {"a.py": "x = 1\n"}},
        "constitution": constitution,
        "labels": labels,
    }
    with stack.as_user("mallory") as api:
        found = str(api.post("/api/runs", json=body).json()["id"])
        api.delete(f"/api/runs/{found}")
    with psycopg.connect(libpq_url(stack.database), autocommit=True) as connection:
        document = json.dumps(hostile_verdict()).encode()
        connection.execute(
            "UPDATE runs SET status = 'completed', verdict = 'FAIL', score = 3, finished_at = now(), started_at = now(),"
            " repo_full_name = %s, branch = %s, commit_sha = %s, source = %s WHERE id = %s",
            [
                f"acme/{MARKUP[1]}",
                MARKUP[0],
                "a" * 40,
                json.dumps({"kind": "git", "url": "javascript:window.hacked=1//github.com/a/b"}),
                found,
            ],
        )
        connection.execute("DELETE FROM artifacts WHERE run_id = %s", [found])
        connection.execute(
            "INSERT INTO artifacts (run_id, name, media_type, size, sha256, content)"
            " VALUES (%s, 'verdict.json', 'application/json', %s, %s, %s)",
            [found, len(document), sha256(document), document],
        )
    return found


def hostile_verdict() -> dict[str, Any]:
    document = verdict()
    document["reason"] = HOSTILE
    document["notes"] = [HOSTILE]
    document["analyzers"] = [
        {"name": HOSTILE, "version": HOSTILE, "files_wanted": 1, "files_covered": 1, "findings": 1, "problem": HOSTILE}
    ]
    document["lines"] = [
        {"line": 1, "text": HOSTILE, "became": "not read", "criteria": [], "why": HOSTILE, "requires": True}
    ]
    for item in document["criteria"][:6]:
        place = {**item["evidence"][0], "path": f"src/{HOSTILE}.py", "quote": f"{HOSTILE}\n{'x' * 1_000_000}"}
        item |= {"key": f"key-{uuid.uuid4().hex}", "statement": HOSTILE, "reason": HOSTILE, "evidence": [place]}
        for opinion in item["opinions"]:
            opinion |= {"rationale": HOSTILE + "y" * 1_000_000, "model": HOSTILE, "evidence": [place], "void": HOSTILE}
    document["criteria"][0]["key"] = MARKUP[2]
    for finding in document["findings"][:20]:
        finding |= {"message": HOSTILE, "path": HOSTILE, "rule": HOSTILE, "quote": HOSTILE + "z" * 1_000_000}
    document["findings"] = document["findings"][:20]
    document["criteria"] = document["criteria"][:6]
    return document


def test_hostile_words_are_text_everywhere(new_context: Any, stack: Stack, run: str) -> None:
    page: Page = new_context(viewport={"width": 360, "height": 800})
    page.goto("/login?to=//evil.example/")
    log_in(page, "mallory")
    for path in (
        "/runs",
        f"/runs?repo={MARKUP[1]}&branch={MARKUP[0]}",
        f"/runs/{run}",
        f"/runs/{run}/findings",
        f"/runs/{run}/findings?rule={MARKUP[2]}&path={MARKUP[0]}",
        f"/runs/new?again={run}",
        f"/runs/new?url={MARKUP[4]}&constitution={MARKUP[6]}&kind={MARKUP[3]}",
        "/figures",
        f"/figures?repo={MARKUP[1]}&tz=UTC&period={MARKUP[2]}",
        "/repositories",
    ):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        for opened in page.locator("details summary").all()[:8]:
            opened.click()
        page.wait_for_timeout(300)
        assert page.evaluate("window.hacked") is None, path
        assert page.locator("iframe, object, embed, img").count() == 0, path
        assert not page.locator("a[href^='javascript' i]").count(), path
        text = page.inner_text("body")
        assert not any(mark in text for mark in "\u202e\u2066\u200b\u0007"), path
        assert cut_off(page) == [], path
    page.goto(f"/runs/{run}")
    expect(page.locator(".reason")).to_contain_text("<script>window.hacked = 1</script>")
    expect(page.locator(".reason")).to_contain_text("⟨U+202E⟩evil")
    assert len(page.content()) < 400_000


def test_key_of_a_criterion_is_no_path(new_context: Any, stack: Stack, run: str) -> None:
    page: Page = new_context()
    log_in(page, "mallory")
    page.goto(f"/runs/{run}")
    first = page.locator("details[data-key]").first
    first.locator("summary").click()
    expect(first.locator(".judges")).to_be_visible()
    assert page.evaluate("window.hacked") is None


def test_user_s_name_is_text(new_context: Any, stack: Stack) -> None:
    page: Page = new_context()
    name = "<img/src=x/onerror=window.hacked=1>"
    log_in(page, name)
    expect(page.locator(".who .name")).to_have_text(name)
    page.goto("/settings")
    page.get_by_label("What it is for").fill(MARKUP[0])
    page.get_by_role("button", name="Make a token").click()
    expect(page.locator(".note.good")).to_contain_text(MARKUP[0])
    assert page.evaluate("window.hacked") is None
