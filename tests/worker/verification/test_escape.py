"""Text of strangers in a report: what a forge would make of it when the report is pasted there."""

import re

import pytest
from markdown_it import MarkdownIt

from worker.verification.reports.escape import code, fence, inline

# What GitHub and GitLab look for in the rendered text, outside of code.
LIVE = re.compile(
    r"https?://|ftp://|www\.|mailto:|xmpp:|@[\w-]|#\w|\bGH-\d|[!%$&~]\d|\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{7,40}\b",
    re.IGNORECASE,
)
HOSTILE = [
    "see https://evil.example/x and HTTP://EVIL.example", "ftp://evil.example/", "www.evil.example", "WWW.evil.example",
    "<https://evil.example>", "[click](https://evil.example)", "![x](https://evil.example/p.png)", "[x]: https://evil.example",
    "@octocat look", "thanks@octocat", "(@org/team)", "\\@octocat", "&#64;octocat", "&commat;octocat", "mail a.b@c.example",
    "mailto:a@b.example", "xmpp:a@b.example", "fixes #123", "closes org/repo#1", "GH-77", "gh-77", "!12", "%3", "$5", "~1",
    "&12", "a5c3785ed8d6a35868bc169f07e40e889087fd2e", "org/repo@a5c3785", "a5c3785",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!-- x", "</details>", "<b>x</b>", "&lt;b&gt;",
    "**bold** _it_ ~~gone~~", "# title", "| a | b |", "$$x$$", "`` ` `` `@octocat`", "`<b>` @x", "\u202eevil\u202c", "a\x1b[31mb",
    "https:/\\/evil.example", "http&#58;//evil.example", "@\u200boctocat", "x" * 3 + "@" * 50 + "y",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_it_is_live(text: str) -> None:
    parser = MarkdownIt("gfm-like", {"linkify": False, "html": True})
    (_, line, _) = parser.parse(f"x {inline(text)}")
    for token in line.children or []:
        assert token.type in ("text", "code_inline"), token
        if token.type == "text":
            assert not LIVE.search(token.content), token.content
    shown = "".join(token.content for token in line.children or [])
    assert not re.search("[\x00-\x1f\x80-\x9f\u202a-\u202e]", shown)
    plain = shown.replace("\u200b", "").removeprefix("x ")
    if "`" not in text and "\x1b" not in text and "\u202e" not in text:
        assert plain == text.replace("\u200b", "")


def test_code_shows_what_it_is_given() -> None:
    assert code("a\x1b[2Jb") == "`a\\x1b[2Jb`"
    assert list(fence("a\n\u202eb\tc")) == ["```", "a\n\\u202eb\tc", "```"]
    assert inline("plain text, as it is: a-b (c) 100% \"d\" 'e' 2026-11-23 1.2.3") == (
        "plain text, as it is: a-b (c) 100% \"d\" 'e' 2026-11-23 1.2.3"
    )
