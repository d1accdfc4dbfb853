"""`invariant check-deployment`: the deployment checklist, gone through against a running installation.

Each line is tried as those try it who use it; where one fails it says what to do. Lines that need another one are left
out when that fails.
"""

import argparse
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import websockets.exceptions
from rich.console import Console
from websockets.sync.client import connect

from client.http import FINAL
from invariant.printable import printable
from invariant.waiting import until
from worker.core import settings as environment

_SECONDS = 20.0
_RUN_SECONDS = 600.0
_CALLBACK_SECONDS = 60.0
_EVERY_SECONDS = 0.5
_USER = "check-deployment"
_SOURCE = {"kind": "files", "files": {"app.py": "def run(text):\n    return eval(text)\n"}}
_RULES = "- Code MUST NOT call `eval()`.\n"


class Wrong(Exception):
    """The line does not hold; the message says what to do."""


class LeftOut(Exception):
    """The line was not asked for; the message says how it is."""


@dataclass
class Deployment:
    """What is looked at. `run` is the verification that was made for it."""

    api: httpx.Client
    ui: httpx.Client | None
    callback: str | None
    token: str
    seconds: float
    run: str | None = None


@dataclass(frozen=True)
class Line:
    """One line of the checklist. `needs` are lines without which it says nothing."""

    title: str
    check: Callable[[Deployment], str]
    needs: tuple[str, ...] = ()


def command(arguments: argparse.Namespace) -> int:
    """Goes through every line; 0 when all hold, 1 otherwise."""
    console = Console(highlight=False)
    config = environment.load()
    token = config.api_token.get_secret_value() if config.api_token else ""
    with (
        httpx.Client(base_url=arguments.url.rstrip("/"), timeout=_SECONDS) as api,
        httpx.Client(base_url=(arguments.ui or arguments.url).rstrip("/"), timeout=_SECONDS) as ui,
    ):
        deployment = Deployment(
            api, ui if arguments.ui else None, arguments.callback, token, arguments.seconds or _RUN_SECONDS
        )
        failed = [line.title for line, said in go_through(deployment) if _show(console, line, said)]
    if failed:
        console.print(f"\n[bold]{len(failed)} of {len(LINES)} lines do not hold.[/bold]")
    return 1 if failed else 0


def _show(console: Console, line: Line, said: "str | Wrong | LeftOut | None") -> bool:
    """Prints a line; whether it failed."""
    if isinstance(said, Wrong):
        console.print(f"[red]✗[/red] {line.title}\n    {printable(str(said))}", soft_wrap=True)
        return True
    if isinstance(said, LeftOut):
        console.print(f"[dim]– {line.title}: left out; {said}[/dim]", soft_wrap=True)
    elif said is None:
        console.print(f"[dim]– {line.title}: not looked at, another line comes first[/dim]")
    else:
        console.print(f"[green]✓[/green] {line.title}[dim]: {printable(said)}[/dim]", soft_wrap=True)
    return False


def go_through(deployment: Deployment) -> Iterator[tuple[Line, "str | Wrong | LeftOut | None"]]:
    """Each line with what it said, why it does not hold, or None where it was not looked at."""
    without: set[str] = set()
    for line in LINES:
        if without.intersection(line.needs):
            without.add(line.title)
            yield line, None
            continue
        try:
            yield line, line.check(deployment)
        except (Wrong, LeftOut) as said:
            without.add(line.title)
            yield line, said
        except (httpx.HTTPError, OSError, ValueError, KeyError, TypeError) as error:
            without.add(line.title)
            yield line, Wrong(f"It could not be tried: {type(error).__name__}: {error}")


def _headers(deployment: Deployment, user: str | None = None) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {deployment.token}"}
    return headers if user is None else {**headers, "X-CVA-User": user}


def _ask(deployment: Deployment, method: str, path: str, *, user: str | None = None, body: Any = None) -> Any:
    """The answer's JSON. Raises Wrong with the problem's words."""
    answer = deployment.api.request(method, path, headers=_headers(deployment, user), json=body)
    if answer.is_success:
        return answer.json() if answer.content else None
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError):
        detail = answer.text[:200]
    raise Wrong(f"{method} {path} answered {answer.status_code}: {detail}")


def health(deployment: Deployment) -> str:
    try:
        answer = deployment.api.get("/health")
    except httpx.HTTPError as error:
        raise Wrong(
            f"Nothing answers at {deployment.api.base_url} ({type(error).__name__}). Is the service deployed, is its "
            "start command `bash start.sh`, and is this its address? A private one is reached from within the project."
        ) from None
    if answer.status_code != httpx.codes.OK or answer.json().get("status") != "ok":
        raise Wrong(f"GET /health answered {answer.status_code}; this is not the api's address.")
    return f"version {answer.json()['version']}"


def token(deployment: Deployment) -> str:
    if not deployment.token:
        raise Wrong("Set CVA_API_TOKEN here to the api's, to look further.")
    if deployment.api.get("/").status_code != httpx.codes.UNAUTHORIZED:
        raise Wrong("The api answers without a token: set CVA_PRODUCTION=true and CVA_API_TOKEN on it.")
    answer = deployment.api.get("/", headers=_headers(deployment))
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise Wrong("The api does not take CVA_API_TOKEN: set it here and on the api to the same value.")
    return str(answer.raise_for_status().json()["name"])


_REMEDIES = {
    "database": "link PostgreSQL to the service, so that DATABASE_URL appears",
    "migrations": "set CVA_APPLY_MIGRATIONS=true on the api and deploy it again, or run `bash start.sh migrate`",
    "queue": "set CVA_APPLY_MIGRATIONS=true on the api and deploy it again",
}


def ready(what: str) -> Callable[[Deployment], str]:
    def check(deployment: Deployment) -> str:
        answer = deployment.api.get("/ready", headers=_headers(deployment))
        said = answer.json()["checks"][what]
        if said != "ok":
            raise Wrong(f"The {what}: {said}. Do this: {_REMEDIES[what]}.")
        return "in order"

    return check


def tables(deployment: Deployment) -> str:
    for path in ("/api/analytics/summary", "/api/analytics/rules", "/api/remediations", "/api/monitor/jobs"):
        _ask(deployment, "GET", path)
    return "analytics, remediations and monitored commits answer"


def workers(deployment: Deployment) -> str:
    count: int = _ask(deployment, "GET", "/api/queue")["workers"]
    if not count:
        raise Wrong(
            "No worker has been seen within the last minute: start the service with `bash start.sh worker`, or set "
            "CVA_MONITOR_WORKER=true on the api. Its log says what it lacks, such as a provider's key."
        )
    return f"{count} at work"


def repository(deployment: Deployment) -> str:
    name = f"{_USER}/{int(time.time())}"
    body = {"clone_url": "https://github.com/octocat/Hello-World", "full_name": name}
    made = _ask(deployment, "POST", "/api/repositories", user=_USER, body=body)
    _ask(deployment, "DELETE", f"/api/repositories/{made['id']}", user=_USER)
    return "connected and disconnected again"


def run(deployment: Deployment) -> str:
    body = {"source": _SOURCE, "constitution": _RULES, "labels": {"from": _USER}}
    made = _ask(deployment, "POST", "/api/runs", user=_USER, body=body)
    deployment.run = str(made["id"])
    path = f"/api/runs/{deployment.run}"
    found: dict[str, Any] = made

    def ended() -> bool | None:
        nonlocal found
        found = _ask(deployment, "GET", path)
        return found["finished_at"] is not None or None

    try:
        until(ended, deployment.seconds, lambda: "the run", every=_EVERY_SECONDS)
    except TimeoutError:
        raise Wrong(
            f"The run {deployment.run} is still {found['status']} after {deployment.seconds:.0f} s: look at the "
            "worker's log, and at GET /api/queue for what waits or is paused."
        ) from None
    if found["verdict"] not in ("PASS", "FAIL", "VETO", "PARTIAL"):
        why = (found["error"] or {}).get("message", found["status"])
        raise Wrong(f"The run ended without a verdict: {why} A provider's key may be wrong, or its account empty.")
    return str(found["verdict"])


def socket(deployment: Deployment) -> str:
    parts = urlsplit(str(deployment.api.base_url))
    scheme = "wss" if parts.scheme == "https" else "ws"
    url = f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/ws/{deployment.run}"
    count = 0
    try:
        with connect(url, additional_headers=_headers(deployment), open_timeout=_SECONDS) as stream:
            for message in stream:
                count += 1
                if json.loads(message)["type"] in FINAL:
                    return f"{count} events"
    except (websockets.exceptions.WebSocketException, TimeoutError) as error:
        raise Wrong(
            f"No WebSocket at /ws ({type(error).__name__}): a proxy in front must let `Upgrade: websocket` through."
        ) from None
    raise Wrong("The socket closed before the run's last event.")


def user_token(deployment: Deployment) -> str:
    body = {"name": _USER, "scopes": ["runs:read"]}
    made = _ask(deployment, "POST", "/api/tokens", user=_USER, body=body)
    answer = deployment.api.get(f"/api/runs/{deployment.run}", headers={"X-API-Token": made["token"]})
    _ask(deployment, "DELETE", f"/api/tokens/{made['id']}", user=_USER)
    if not answer.is_success:
        raise Wrong(f"A token that was just made is answered with {answer.status_code}.")
    again = deployment.api.get(f"/api/runs/{deployment.run}", headers={"X-API-Token": made["token"]})
    if again.status_code != httpx.codes.UNAUTHORIZED:
        raise Wrong("A token that was revoked is still taken.")
    return "made, used and revoked"


def callback(deployment: Deployment) -> str:
    if deployment.callback is None:
        raise LeftOut("--callback URL sends one there")
    sent = _ask(deployment, "POST", "/api/callbacks/test", user=_USER, body={"url": deployment.callback})

    def ended() -> dict[str, Any] | None:
        items = _ask(deployment, "GET", "/api/callbacks", user=_USER)["items"]
        found: dict[str, Any] = next((item for item in items if item["id"] == sent["id"]), sent)
        return found if found["status"] != "waiting" else None

    try:
        found = until(ended, _CALLBACK_SECONDS, lambda: "the callback", every=_EVERY_SECONDS)
    except TimeoutError:
        raise Wrong(
            f"{deployment.callback} was not told within a minute: it must answer with a status of 200 to 299."
        ) from None
    if found["status"] != "delivered":
        raise Wrong(f"{deployment.callback} was not told: {found.get('error') or found.get('answered')}.")
    return "delivered"


def _pages(deployment: Deployment) -> httpx.Client:
    if deployment.ui is None:
        raise LeftOut("--ui URL looks at the pages")
    return deployment.ui


def login_page(deployment: Deployment) -> str:
    pages = _pages(deployment)
    try:
        answer = pages.get("/login")
    except httpx.HTTPError as error:
        raise Wrong(
            f"Nothing answers at {pages.base_url} ({type(error).__name__}): its start command is `bash start.sh ui`."
        ) from None
    if answer.status_code != httpx.codes.OK or "Log in" not in answer.text:
        raise Wrong(f"GET /login answered {answer.status_code}; this is not the ui's address.")
    if 'action="/login"' in answer.text:
        raise Wrong("Anybody may log in under any name: set CVA_PRODUCTION=true on the ui.")
    assets = re.findall(r'(?:src|href)="(/assets/[^"]+)"', answer.text)
    if not any(name.endswith("/htmx.js") for name in assets):
        raise Wrong("htmx is missing: the ui's build command is `bash start.sh assets`.")
    for name in assets:
        pages.get(name).raise_for_status()
    return f"{len(assets)} files load"


def login_ways(deployment: Deployment) -> str:
    pages = _pages(deployment)
    page = pages.get("/login")
    ways = re.findall(r'action="/login/(\w+)"', page.text)
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    if not ways or csrf is None:
        raise Wrong(
            "Nobody can log in: set GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET, or another provider's, on the ui."
        )
    for way in ways:
        answer = pages.post(f"/login/{way}", data={"csrf": csrf[1]})
        there = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', answer.text)
        if answer.status_code != httpx.codes.OK or there is None:
            raise Wrong(
                f"Logging in by {way} answered {answer.status_code}: CVA_PUBLIC_URL of the ui must be the address that "
                "people use, and the provider must be reached from it."
            )
        asked = parse_qs(urlsplit(unescape(there[1])).query)
        if not asked.get("redirect_uri", [""])[0].startswith(str(pages.base_url).rstrip("/")):
            raise Wrong(
                f"{way} would send people back to {asked.get('redirect_uri')}: CVA_PUBLIC_URL of the ui must be "
                f"{str(pages.base_url).rstrip('/')}, and the provider must know the callback below it."
            )
    return ", ".join(ways)


def ui_reaches_api(deployment: Deployment) -> str:
    said = _pages(deployment).get("/ready").json()
    if not said["ready"]:
        raise Wrong(f"The ui: {said['backend']}")
    return "yes"


LINES = (
    Line("The api answers (GET /health)", health),
    Line("The token is the api's, and is asked for", token, ("The api answers (GET /health)",)),
    Line("The database is there", ready("database"), ("The token is the api's, and is asked for",)),
    Line("The migrations are applied", ready("migrations"), ("The database is there",)),
    Line("The queue is there", ready("queue"), ("The database is there",)),
    Line("The tables answer", tables, ("The migrations are applied",)),
    Line("A worker is there", workers, ("The queue is there",)),
    Line("A repository can be connected", repository, ("The migrations are applied",)),
    Line("A run comes to its verdict", run, ("A worker is there",)),
    Line("Its progress is told over a socket", socket, ("A run comes to its verdict",)),
    Line("A user's token works, and ends", user_token, ("A run comes to its verdict",)),
    Line("Callbacks are sent", callback, ("A worker is there",)),
    Line("The ui's login page loads", login_page),
    Line("Logging in leads to a provider and back", login_ways, ("The ui's login page loads",)),
    Line("The ui reaches the api", ui_reaches_api, ("The ui's login page loads",)),
)
