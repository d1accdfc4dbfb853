"""`invariant github-app`: make the GitHub App of this installation in one step, by GitHub's manifest flow.

A page on this machine sends the browser to GitHub with what the App asks for; GitHub asks once, and sends it back with
a code, which is exchanged for the App's number, key and secret. They are written to a file that only you can read.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

import argparse
import contextlib
import html
import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

_EVENTS = ("push", "pull_request", "check_run", "check_suite", "merge_group")
# `contents` and `pull_requests` are written for fixes alone: a branch of its own, and one pull request.
_PERMISSIONS = {
    "metadata": "read",
    "contents": "write",
    "checks": "write",
    "pull_requests": "write",
    "security_events": "write",
    "merge_queues": "read",
}
_API_VERSION = "2022-11-28"


@dataclass
class _Flow:
    """One run of the flow; `made` is GitHub's answer, `failed` why there is none."""

    github: str
    api: str
    organization: str | None
    manifest: Mapping[str, Any]
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    made: Mapping[str, Any] | None = None
    failed: str | None = None

    @property
    def ended(self) -> bool:
        return self.made is not None or self.failed is not None

    @property
    def target(self) -> str:
        whose = f"organizations/{self.organization}/settings" if self.organization else "settings"
        return f"{self.github}/{whose}/apps/new?state={self.state}"

    def exchange(self, query: Mapping[str, list[str]]) -> None:
        """What GitHub sent the browser back with, for the App."""
        if query.get("state") != [self.state]:
            self.failed = "GitHub's answer belongs to another attempt; begin again."
            return
        code = query.get("code", [""])[0]
        try:
            answer = httpx.post(
                f"{self.api}/app-manifests/{code}/conversions",
                headers={"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": _API_VERSION},
                timeout=30,
                trust_env=False,
            )
            self.made = answer.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            self.failed = f"GitHub gave no App for the code ({error}); begin again."


def manifest(name: str, url: str, redirect: str, *, members: bool) -> dict[str, Any]:
    """What the App asks for. `members`: also who may do what, for CVA_GITHUB_LOGINS."""
    return {
        "name": name,
        "url": url,
        "hook_attributes": {"url": f"{url.rstrip('/')}/api/webhooks/github", "active": True},
        "redirect_url": redirect,
        "public": False,
        "default_permissions": {**_PERMISSIONS, **({"members": "read"} if members else {})},
        "default_events": [*_EVENTS, *(["member"] if members else [])],
    }


def command(arguments: argparse.Namespace) -> int:
    """0 when the App is made and its file written."""
    output = Path(arguments.output)
    if output.exists():
        sys.stderr.write(f"{output} is there already; it may hold another App's key. Name another with --output.\n")
        return 1
    with HTTPServer(("127.0.0.1", arguments.port), BaseHTTPRequestHandler) as server:
        here = f"http://127.0.0.1:{server.server_port}"
        wanted = manifest(arguments.name, arguments.url, f"{here}/made", members=arguments.members)
        github = arguments.github.rstrip("/")
        api = "https://api.github.com" if github == "https://github.com" else f"{github}/api/v3"
        flow = _Flow(github, api, arguments.organization, wanted)
        server.RequestHandlerClass = _handler(flow)
        sys.stdout.write(f"Open {here} in your browser, and confirm at GitHub. Ctrl-C ends it.\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            while not flow.ended:
                server.handle_request()
    if flow.made is None:
        sys.stderr.write(f"{flow.failed or 'No App was made.'}\n")
        return 1
    _write(output, flow, flow.made)
    sys.stdout.write(
        f"The App is there: {flow.made['html_url']}\n"
        f"1. Set the variables of {output} for the api and the workers, and keep the file secret.\n"
        f"2. Install it on your repositories: {flow.made['html_url']}/installations/new\n"
    )
    return 0


def _write(output: Path, flow: _Flow, made: Mapping[str, Any]) -> None:
    key = str(made["pem"]).strip().replace("\n", "\\n")
    lines = [
        f"CVA_GITHUB_APP_ID={made['id']}",
        f"CVA_GITHUB_PRIVATE_KEY={key}",
        f"CVA_GITHUB_WEBHOOK_SECRET={made['webhook_secret']}",
    ]
    if flow.api != "https://api.github.com":
        lines.append(f"CVA_GITHUB_API_URL={flow.api}")
    with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")


def _handler(flow: _Flow) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/made":
                flow.exchange(parse_qs(parts.query))
                self._answer(flow.failed or "The App is made. You can close this page and go back to the terminal.")
            elif parts.path == "/":
                self._answer(_form(flow))
            else:
                self.send_error(404)

        def _answer(self, body: str) -> None:
            page = f"<!doctype html><meta charset=utf-8><title>Invariant</title><body>{body}".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: the code is in the address."""

    return Handler


def _form(flow: _Flow) -> str:
    asked = html.escape(json.dumps(flow.manifest), quote=True)
    return (
        f'<form id="f" action="{html.escape(flow.target, quote=True)}" method="post">'
        f'<input type="hidden" name="manifest" value="{asked}"><button>Make the App at GitHub</button></form>'
        '<script>document.getElementById("f").submit()</script>'
    )
