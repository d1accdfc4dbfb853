"""What the pages make of values, without a page."""

import re
import time
from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from client.http import Event
from ui import changes, diffs, forges, highlight, rendering
from ui.backend import Documents
from ui.progress import Progress
from ui.session import Sealer, User, begin, csrf_token, user_of
from ui.settings import Settings
from ui.timing import union


@given(st.text())
def test_shown_text_cannot_move_what_stands_around_it(text: str) -> None:
    shown = rendering.visible(text)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u200e\u200f\x00\x1b\r")
    assert rendering.visible(shown) == shown


@pytest.mark.parametrize(
    ("filtered", "shown"),
    [
        (rendering.seconds(None), "–"),
        (rendering.seconds(0.04), "0.0 s"),
        (rendering.seconds(59.6), "1 min 00 s"),
        (rendering.seconds(3599.7), "1 h 00 min"),
        (rendering.seconds(200_000), "2 days"),
        (rendering.money(0), "$0"),
        (rendering.money(0.00042), "$0.0004"),
        (rendering.money("1234.5"), "$1,234.50"),
        (rendering.percent(0.125, 1), "12.5 %"),
        (rendering.plural(1, "criterion", "criteria"), "1 criterion"),
        (rendering.plural(1200, "run"), "1,200 runs"),
        (rendering.clipped("x" * 50, 10), "xxxxxxxxxx… (40 more characters)"),
        (rendering.words("user_proxy"), "user proxy"),
    ],
)
def test_values_are_written_as_people_do(filtered: str, shown: str) -> None:
    assert filtered == shown


def test_instant_is_an_element_that_a_script_can_read() -> None:
    assert rendering.moment("2026-11-27T10:00:00+01:00") == Markup(
        '<time datetime="2026-11-27T09:00:00+00:00">2026-11-27 09:00 UTC</time>'
    )


def test_template_s_values_are_escaped_and_cut() -> None:
    made = rendering.environment().from_string('<p title="{{ a }}">{{ b }}</p>{{ c | exact }}')
    shown = made.render(a='"><script>', b="x" * 100_000, c="</textarea>\u202e")
    assert "<script>" not in shown and "</textarea>" not in shown
    assert len(shown) < 5000 and "\u202e" in shown


@pytest.mark.parametrize(
    ("path", "code", "marked"),
    [
        ("a.py", "def f(x):  # no", '<span class="keyword">def</span> f(x):  <span class="comment"># no</span>'),
        ("a.go", 'return "a" // b', '<span class="keyword">return</span> <span class="string">&#34;a&#34;</span>'),
        ("a.txt", "def <b>", "def &lt;b&gt;"),
        ("a.py", "'<script>", '<span class="string">&#39;&lt;script&gt;</span>'),
    ],
)
def test_code_is_marked_and_escaped(path: str, code: str, marked: str) -> None:
    assert marked in highlight.highlighted(code, path)


@given(
    st.text(alphabet="'\"\\`/*#-<>! \nab1", max_size=300),
    st.sampled_from(["a.py", "a.js", "a.sql", "a.html", "a.yaml"]),
)
def test_marked_code_says_what_the_code_says(code: str, path: str) -> None:
    marked = str(highlight.highlighted(code, path))
    assert unescape(re.sub(r"</?span[^>]*>", "", marked)) == rendering.visible(code)
    assert "<script" not in marked


@pytest.mark.parametrize(
    "code", ["'" * 20_000, '"\\' * 10_000, "/*" * 10_000, '"""' * 7000, "(" * 20_000, "<!--" * 5000]
)
def test_hostile_code_is_marked_in_time(code: str) -> None:
    began = time.perf_counter()
    for path in ("a.py", "a.js", "a.sql", "a.html"):
        highlight.highlighted(code, path)
    assert time.perf_counter() - began < 2


DIFF = """--- a/app/main.py
+++ b/app/main.py
@@ -1,4 +1,5 @@
 import json
-import os
+import re
+import sys
·
 x = 1
@@ -9 +10,0 @@
--- a
--- /dev/null
+++ b/new.py
@@ -0,0 +1 @@
++++ b
\\ No newline at end of file
""".replace("·", " ")


def test_diff_stands_side_by_side() -> None:
    first, second = diffs.side_by_side(DIFF)
    rows = [(row.kind, row.old_line, row.old, row.new_line, row.new) for row in first.hunks[0].rows]
    assert (first.path, second.path) == ("app/main.py", "new.py")
    assert rows == [
        ("same", 1, "import json", 1, "import json"),
        ("changed", 2, "import os", 2, "import re"),
        ("new", None, None, 3, "import sys"),
        ("same", 3, "", 4, ""),
        ("same", 4, "x = 1", 5, "x = 1"),
    ]
    assert [row.old for row in first.hunks[1].rows] == ["-- a"]
    assert [row.new for row in second.hunks[0].rows] == ["+++ b"]


@given(st.text(alphabet="+-@ \n1,ab\\", max_size=400))
def test_any_text_is_a_diff_of_something(text: str) -> None:
    diffs.side_by_side(text)


def _outcome(key: str, outcome: str) -> dict[str, Any]:
    return {"key": key, "outcome": outcome}


def test_changes_between_runs_are_new_fixed_and_still_there() -> None:
    old = {
        "criteria": [_outcome("a", "FAIL"), _outcome("b", "FAIL"), _outcome("c", "PASS"), _outcome("gone", "FAIL")],
        "findings": [{"fingerprint": "1"}, {"fingerprint": "2"}],
    }
    new = {
        "criteria": [_outcome("a", "PASS"), _outcome("b", "FAIL"), _outcome("c", "FAIL"), _outcome("d", "FAIL")],
        "findings": [{"fingerprint": "2"}, {"fingerprint": "3"}],
    }
    found = changes.compare({}, old, new)
    assert [item["key"] for item in found.fixed] == ["a"]
    assert [item["key"] for item in found.still] == ["b"]
    assert [item["key"] for item in found.broken] == ["c", "d"]
    assert (found.new_findings, found.gone_findings, found.same_findings) == (1, 1, 1)


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://github.com/acme/shop.git", "https://github.com/acme/shop/blob/abc/a%20b.py#L3-L4"),
        ("https://token@github.com/acme/shop", "https://github.com/acme/shop/blob/abc/a%20b.py#L3-L4"),
        ("https://gitlab.example.com/g/s/p", "https://gitlab.example.com/g/s/p/-/blob/abc/a%20b.py#L3-4"),
        ("https://git.example.com/x", None),
        ("javascript:alert(1)//github.com/a/b", None),
        ("git@github.com:acme/shop.git", None),
        (None, None),
    ],
)
def test_citation_leads_to_the_forge(url: str | None, link: str | None) -> None:
    assert forges.places({"source": {"kind": "git", "url": url}}, "abc")("a b.py", 3, 4) == link


def _told(*events: tuple[str, dict[str, Any]]) -> Progress:
    progress = Progress()
    for number, (kind, data) in enumerate(events):
        progress.add(Event(str(number), kind, data))
    return progress


def test_progress_counts_what_is_done() -> None:
    found = _told(
        ("queued", {}),
        ("claimed", {"attempt": 1}),
        ("step", {"step": "snapshot"}),
        ("step", {"step": "judging", "criteria": 6, "criteria_judged": 2}),
    )
    assert found.sentence == "Judges answer: 2 of 6."
    states = {title: state for title, state, _ in found.steps}
    assert (states["Take a snapshot"], states["Read the constitution"]) == ("done", "skipped")
    assert (states["Judges answer"], states["Write the verdict"]) == ("now", "next")


def test_progress_says_what_a_run_waits_for_and_begins_again() -> None:
    found = _told(
        ("claimed", {"attempt": 1}),
        ("step", {"step": "judging", "criteria": 6, "criteria_judged": 2}),
        ("requeued", {"reason": "provider_rate_limited", "provider": "openai", "until": "2026-11-27T10:00:00+00:00"}),
    )
    assert found.sentence == "It waits for openai (rate limited)."
    found.add(Event("9", "claimed", {"attempt": 2}))
    assert found.attempt == 2 and not found.counts and {state for _, state, _ in found.steps} == {"next"}


def test_events_that_nobody_knows_change_nothing() -> None:
    found = _told(("step", {"step": "a-new-one"}), ("remediation", {}), ("cancel_requested", {}))
    assert found.step is None


def _sealer(secret: str, seconds: int = 3600) -> Sealer:
    return Sealer(Settings(CVA_UI_SECRET=secret, CVA_UI_SESSION_SECONDS=seconds))


def test_session_opens_with_the_secret_it_was_sealed_with() -> None:
    session: dict[str, Any] = {"csrf": "before"}
    begin(session, User("ada", "Ada"))
    assert "csrf" not in session
    session |= {"until": time.time() + 60}
    token = csrf_token(session)
    sealed = _sealer("one").seal(session)
    opened = _sealer("one").open(sealed)
    assert user_of(opened) == User("ada", "Ada") and csrf_token(opened) == token
    assert user_of(_sealer("two,one").open(sealed)) == User("ada", "Ada")
    assert _sealer("two").open(sealed) == {}
    assert _sealer("one").open(sealed[:-4] + "AAAA") == {}
    assert _sealer("one").open("") == {} and _sealer("one").open("\u20ac") == {}


def test_session_that_is_over_is_none() -> None:
    assert _sealer("one").open(_sealer("one").seal({"until": time.time() - 1, "user": {}})) == {}


def test_waits_that_overlap_count_once() -> None:
    assert union([(0, 2), (1, 3), (5, 6), (5.5, 5.7)]) == 4


async def test_documents_are_kept_as_long_as_they_fit() -> None:
    from client.asynchronous import Document

    class Api:
        asked = 0

        async def document(self, path: str, etag: str | None = None) -> Document:
            self.asked += etag is None
            return Document(None if etag else b'{"a": "' + b"x" * 400 + b'"}', "1")

    kept, api = Documents(most=1000), Api()
    for path in ("/1", "/1", "/2", "/1", "/3"):
        assert (await kept.get(api, path))["a"]
    assert api.asked == 3
    await kept.get(api, "/2")
    assert api.asked == 4
