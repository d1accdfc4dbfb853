"""What Slack's incoming webhooks take, and those who speak as they do:
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks."""

from collections.abc import Mapping
from typing import Any

from worker.core.monitoring import callbacks

_MARKS = {"PASS": "✅", "FAIL": "❌", "VETO": "⛔", "PARTIAL": "🟡", "ERROR": "⚠️"}


def message(event: str, body: Mapping[str, Any]) -> dict[str, str]:
    """One line, with nothing of the repository's that Slack would take for its own markup."""
    return {"text": _text(event, body)}


def _text(event: str, body: Mapping[str, Any]) -> str:
    if event == callbacks.TEST:
        return "Invariant can reach you here."
    where = _escaped(body.get("repository") or "a repository")
    if body.get("branch"):
        where += f" {_escaped(body['branch'])}"
    if body.get("commit"):
        where += f" `{_escaped(body['commit'])[:12]}`"
    if event == callbacks.REMEDIATION_ENDED:
        url = body.get("pull_request_url")
        return f"🔧 {where}: remediation {_escaped(body.get('status'))}" + (f" <{url}|pull request>" if url else "")
    verdict = body.get("verdict") or str(body.get("status")).upper()
    score = "" if body.get("score") is None else f" ({body['score']:.1f} of 10)"
    reason = "" if body.get("error_message") is None else f": {_escaped(body['error_message'])}"
    return f"{_MARKS.get(verdict, '')} *{_escaped(verdict)}* {where}{score}{reason}".strip()


def _escaped(value: object) -> str:
    """https://docs.slack.dev/messaging/formatting-message-text#escaping"""
    return str(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "ʼ")
