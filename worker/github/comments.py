"""One comment of ours at a pull request: found by a mark that nobody sees, updated, never repeated."""

from worker.github.checks import NAME, Check
from worker.github.client import Client

_MARK = "<!-- invariant: verdict -->"
_MOST = 60_000


def body(check: Check) -> str:
    return f"{_MARK}\n**{NAME}** {check.title}\n\n{check.text or check.summary}"[:_MOST]


async def put(client: Client, pull_request: int, check: Check) -> None:
    """https://docs.github.com/en/rest/issues/comments"""
    text = body(check)
    async for found in client.pages(f"issues/{pull_request}/comments"):
        # Whoever quotes the mark is no App.
        if found.get("performed_via_github_app") and (found.get("body") or "").startswith(_MARK):
            if found["body"] != text:
                await client.patch(f"issues/comments/{found['id']}", {"body": text})
            return
    await client.post(f"issues/{pull_request}/comments", {"body": text})
