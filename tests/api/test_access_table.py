"""Who may do what: every operation and socket, by everybody, and the table of it in docs/access.md.

    CVA_TEST_WRITE_ACCESS=1 python -m pytest tests/api/test_access_table.py

writes the table anew. An operation that is not walked here fails the test.
"""

import asyncio
import io
import json
import os
import random
import uuid
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from api.runs import events
from tests.support import access
from tests.support.access import ADMIN, GUEST, OWNER, READER, ROOT, SOMEBODY, STRANGER, WRITER, World, service
from tests.support.app import resources, served
from tests.support.github.server import SECRET, signed
from tests.support.past import Past
from worker.analytics import rollup

TABLE = Path(__file__).parents[2] / "docs" / "access.md"
Headers = dict[str, str]


def everybody(world: World) -> dict[str, Headers]:
    """Who asks, by the table's column."""
    past, now = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC)
    ended = world.token(OWNER, *access.ALL, revoked_at=now)[0]
    return {
        "no token": {},
        "expired": world.headers(OWNER, expires_at=past),
        "revoked": world.headers(OWNER, revoked_at=now),
        "made by a revoked one": world.headers(OWNER, parent=ended),
        "owner: `runs:read`": world.headers(OWNER, "runs:read"),
        "owner: `runs:write`": world.headers(OWNER, "runs:write"),
        "owner: `remediation:approve`": world.headers(OWNER, "remediation:approve"),
        "owner": world.headers(OWNER),
        "member: read": world.headers(READER),
        "member: write": world.headers(WRITER),
        "member: admin": world.headers(ADMIN),
        "stranger": world.headers(STRANGER),
        "administrator": world.headers("boss", "admin"),
        "service": service(),
        "service for the owner": service(OWNER),
        "service for a member: write": service(WRITER),
        "service for a stranger": service(STRANGER),
        "service for an administrator": service(ROOT),
    }


DEAD = ("no token", "expired", "revoked", "made by a revoked one")
STRANGERS = ("stranger", "service for a stranger")
SAME = {
    "service for the owner": "owner",
    "service for a member: write": "member: write",
    "service for a stranger": "stranger",
    "service for an administrator": "administrator",
}
# What GitHub tells is taken note of as such; what follows from it has lines of its own. A preview changes nothing.
NOT_AUDITED = ("/api/webhooks/github", "/api/constitutions/preview")
OPEN = ("`GET /health`", "`GET /ready`", "`WS /{path:path}`", "`POST /api/webhooks/github`", "`GET /badge/")
NOTHING = ("401", "403", "404", "200: none")


@dataclass
class Request:
    """One request. `seen` is what an answer of 200 may hold or not; `measure` what of it is counted."""

    path: str
    json: Any = None
    params: Mapping[str, str] | None = None
    content: bytes | None = None
    seen: object = None
    measure: Callable[[Any], int] | None = None
    headers: Headers = field(default_factory=dict)


Make = Callable[[World], Request]


@dataclass(frozen=True)
class Case:
    """`what` is asked for; made anew for each who asks. `private`: it is nothing for strangers."""

    what: str
    make: Make
    private: bool = False


def _runs(what: str, *, status: str = "completed", suffix: str = "", **more: Any) -> list[Case]:
    """The operation on a run of the owner's, and on one of somebody else's in the owner's repository."""

    def own(world: World) -> Request:
        return Request(f"/api/runs/{world.run(status=status)}{suffix}", **more)

    def repositorys(world: World) -> Request:
        run_id = world.run(SOMEBODY, repo=world.repository, status=status)
        return Request(f"/api/runs/{run_id}{suffix}", **more)

    return [Case("of the owner", own, True), Case("of the repository", repositorys, True)]


def _of_a_run(request: Callable[[World, uuid.UUID], Request]) -> list[Case]:
    """What is asked of a run of the owner's, and of somebody else's in the owner's repository."""
    return [
        Case("of the owner", lambda world: request(world, world.run()), True),
        Case("of the repository", lambda world: request(world, world.run(SOMEBODY, repo=world.repository)), True),
    ]


def _remediations(suffix: str = "", *, status: str = "awaiting_approval", **more: Any) -> list[Case]:
    return _of_a_run(
        lambda world, run_id: Request(f"/api/remediations/{world.remediation(run_id, status)[0]}{suffix}", **more)
    )


def _fixes(suffix: str = "", **more: Any) -> list[Case]:
    """The operation on a fix that waits for an approval."""
    return _of_a_run(lambda world, run_id: Request(f"/api/fixes/{world.remediation(run_id)[1]}{suffix}", **more))


def _listed(path: str, add: Callable[[World], object], what: str) -> Case:
    return Case(what, lambda world: Request(path, seen=add(world)), True)


def _repository(what: str, suffix: str = "", **more: Any) -> list[Case]:
    return [Case(what, lambda world: Request(f"/api/repositories/{world.connect()}{suffix}", **more), True)]


def _anybody(path: str, what: str = "", **more: Any) -> list[Case]:
    return [Case(what, lambda _: Request(path, **more))]


def _feedback(world: World, repo: bool) -> Request:
    run_id = world.run(SOMEBODY, repo=world.repository) if repo else world.run()
    return Request(f"/api/runs/{run_id}/feedback/{world.feedback(run_id)}")


def _start(source: Callable[[World], dict[str, Any]]) -> Make:
    return lambda world: Request("/api/runs", json={"source": source(world), "constitution": "- Be good."})


def _against(version: Callable[[World], object]) -> Make:
    return lambda world: Request("/api/runs", json={"source": FILES, "constitution_version_id": str(version(world))})


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.py", "x = 1\n")
    return file.getvalue()


FILES = {"kind": "files", "files": {"a.py": "x = 1\n"}}
MARK = {"subject": "criterion", "key": "k", "mark": "accepted"}
PERIOD = {"start": (datetime.now(UTC) - timedelta(days=40)).date().isoformat()}


def _token(user: str | None, *scopes: str) -> Make:
    return lambda _: Request("/api/tokens", json={"name": "n", "scopes": scopes, **({"user": user} if user else {})})


def _figure(endpoint: str, measure: Callable[[Any], int]) -> list[Case]:
    request = Request(f"/api/analytics/{endpoint}", params=PERIOD, measure=measure)
    return [Case("", lambda _: request, True)]


def _count(document: Any) -> int:
    """All the whole numbers that a document holds."""
    if isinstance(document, dict):
        return sum(_count(value) for value in document.values())
    if isinstance(document, list):
        return sum(_count(value) for value in document)
    return document if isinstance(document, int) and not isinstance(document, bool) else 0


OPERATIONS: dict[tuple[str, str], list[Case]] = {
    ("GET", "/health"): _anybody("/health"),
    ("GET", "/ready"): _anybody("/ready"),
    ("GET", "/"): _anybody("/"),
    ("GET", "/metrics"): _anybody("/metrics"),
    ("GET", "/api/me"): _anybody("/api/me"),
    ("GET", "/openapi.json"): _anybody("/openapi.json"),
    ("POST", "/api/runs"): [
        Case("of files", _start(lambda _: FILES)),
        Case(
            "of the owner's upload",
            _start(lambda world: {"kind": "upload", "upload_id": str(world.upload())}),
            True,
        ),
        Case(
            "of the repository",
            _start(lambda world: {"kind": "repository", "repository_id": str(world.repository)}),
            True,
        ),
        Case("against the owner's constitution", _against(lambda world: world.constitution()), True),
        Case("against the repository's constitution", _against(lambda world: world.version), True),
    ],
    ("GET", "/api/runs"): [
        _listed("/api/runs", lambda world: world.run(), "of the owner"),
        _listed("/api/runs", lambda world: world.run(SOMEBODY, repo=world.repository), "of the repository"),
    ],
    ("GET", "/api/runs/{run_id}"): _runs("a run"),
    ("DELETE", "/api/runs/{run_id}"): _runs("a run", status="queued"),
    ("POST", "/api/runs/{run_id}/retry"): _runs("a run", suffix="/retry"),
    ("GET", "/api/runs/{run_id}/verdict"): _runs("a run", suffix="/verdict"),
    ("GET", "/api/runs/{run_id}/report"): _runs("a run", suffix="/report"),
    ("GET", "/api/runs/{run_id}/sarif"): _runs("a run", suffix="/sarif"),
    ("GET", "/api/runs/{run_id}/criteria"): _runs("a run", suffix="/criteria"),
    ("GET", "/api/runs/{run_id}/artifacts/{name}"): _runs("a run", suffix="/artifacts/REPORT.md"),
    ("GET", "/api/runs/{run_id}/calls"): _runs("a run", suffix="/calls"),
    ("GET", "/api/runs/{run_id}/events"): _runs("a run", suffix="/events"),
    ("GET", "/api/runs/{run_id}/feedback"): _runs("a run", suffix="/feedback"),
    ("POST", "/api/runs/{run_id}/feedback"): _runs("a run", suffix="/feedback", json=MARK),
    ("DELETE", "/api/runs/{run_id}/feedback/{feedback_id}"): [
        Case("of the owner", lambda world: _feedback(world, repo=False), True),
        Case("of the repository", lambda world: _feedback(world, repo=True), True),
    ],
    ("POST", "/api/uploads"): _anybody("/api/uploads", content=_zip(), headers={"Content-Type": "application/zip"}),
    ("POST", "/api/repositories"): [
        Case(
            "", lambda world: Request("/api/repositories", json={"clone_url": f"https://github.com/a/{world.upload()}"})
        )
    ],
    ("GET", "/api/repositories"): [_listed("/api/repositories", lambda world: world.repository, "")],
    ("GET", "/api/repositories/{repository_id}"): _repository(""),
    ("PATCH", "/api/repositories/{repository_id}"): _repository("", json={"default_branch": "other"}),
    ("DELETE", "/api/repositories/{repository_id}"): _repository(""),
    ("GET", "/api/repositories/{repository_id}/branches"): _repository("", "/branches"),
    ("PUT", "/api/repositories/{repository_id}/branches"): _repository(
        "", "/branches", json={"name": "main", "monitored": True}
    ),
    ("POST", "/api/constitutions/preview"): [
        Case("", lambda world: Request("/api/constitutions/preview", json={"content": world.preview()}))
    ],
    ("GET", "/api/constitutions/{constitution_id}"): [
        Case("of the owner", lambda world: Request(f"/api/constitutions/{world.constitution()}"), True),
        Case("of the repository", lambda world: Request(f"/api/constitutions/{world.version}"), True),
    ],
    ("GET", "/api/repositories/{repository_id}/constitution"): _repository("", "/constitution"),
    ("PUT", "/api/repositories/{repository_id}/constitution"): _repository(
        "", "/constitution", json={"content": "- Be better."}
    ),
    ("GET", "/api/repositories/{repository_id}/constitution/{version}/diff"): [
        Case("", lambda world: Request(f"/api/repositories/{world.repository}/constitution/2/diff?since=2"), True)
    ],
    ("GET", "/api/repositories/{repository_id}/members"): _repository("", "/members"),
    ("PUT", "/api/repositories/{repository_id}/members"): _repository(
        "", "/members", json={"user": STRANGER, "role": "admin"}
    ),
    ("DELETE", "/api/repositories/{repository_id}/members"): _repository(
        "of another member", "/members", params={"user": GUEST}
    ),
    ("POST", "/api/tokens"): [
        Case("`runs:read` for oneself", _token(None, "runs:read")),
        Case("`admin` for oneself", _token(None, "admin")),
        Case("`runs:read` for somebody else", _token(SOMEBODY, "runs:read")),
    ],
    ("GET", "/api/tokens"): [_listed("/api/tokens", lambda world: world.token(OWNER, "runs:read")[0], "the owner's")],
    ("DELETE", "/api/tokens/{token_id}"): [
        Case(
            f"the owner's, {' and '.join(f'`{scope}`' for scope in scopes)}",
            lambda world, scopes=scopes: Request(f"/api/tokens/{world.token(OWNER, *scopes)[0]}"),  # type: ignore[misc]  # a default binds the loop's value
            True,
        )
        for scopes in (("runs:read",), ("runs:read", "runs:write"), ("admin",))
    ],
    ("POST", "/api/remediations"): [
        Case("of the owner's run", lambda world: Request("/api/remediations", json={"run_id": str(world.run())}), True),
        Case(
            "of the repository's run",
            lambda world: Request(
                "/api/remediations", json={"run_id": str(world.run(SOMEBODY, repo=world.repository))}
            ),
            True,
        ),
    ],
    ("GET", "/api/remediations"): [
        _listed("/api/remediations", lambda world: world.remediation(world.run())[0], "of the owner"),
        _listed(
            "/api/remediations",
            lambda world: world.remediation(world.run(SOMEBODY, repo=world.repository))[0],
            "of the repository",
        ),
    ],
    ("GET", "/api/remediations/{remediation_id}"): _remediations(),
    ("GET", "/api/remediations/{remediation_id}/issues"): _remediations("/issues"),
    ("GET", "/api/remediations/{remediation_id}/fixes"): _remediations("/fixes"),
    ("GET", "/api/remediations/{remediation_id}/audit"): _remediations("/audit"),
    ("GET", "/api/remediations/{remediation_id}/patch"): _remediations("/patch", status="completed"),
    ("GET", "/api/remediations/{remediation_id}/mailbox"): _remediations("/mailbox", status="completed"),
    ("POST", "/api/remediations/{remediation_id}/stop"): _remediations("/stop", json={"reason": "because"}),
    ("POST", "/api/remediations/{remediation_id}/rollback"): _remediations(
        "/rollback", status="completed", json={"reason": "because"}
    ),
    ("GET", "/api/fixes/{fix_id}"): _fixes(),
    ("GET", "/api/fixes/{fix_id}/patch"): _fixes("/patch"),
    ("POST", "/api/fixes/{fix_id}/approve"): _fixes("/approve", json={"reason": "because"}),
    ("POST", "/api/fixes/{fix_id}/reject"): _fixes("/reject", json={"reason": "because"}),
    ("GET", "/api/remediations/kill-switch"): _anybody("/api/remediations/kill-switch"),
    ("PUT", "/api/remediations/kill-switch"): _anybody(
        "/api/remediations/kill-switch", json={"engaged": False, "reason": "because"}
    ),
    ("GET", "/api/remediations/patterns"): _anybody("/api/remediations/patterns"),
    ("GET", "/api/remediations/stats"): [
        Case(
            "",
            lambda world: Request("/api/remediations/stats", measure=lambda found: sum(found["remediations"].values())),
            True,
        )
    ],
    ("POST", "/api/monitor/enqueue"): [
        Case(
            "",
            lambda world: Request(
                "/api/monitor/enqueue",
                json={"repository_id": str(world.connect()), "branch": "main", "commit": "a" * 40},
            ),
            True,
        )
    ],
    ("GET", "/api/monitor/jobs"): [_listed("/api/monitor/jobs", lambda world: world.commit(), "of the repository")],
    ("POST", "/api/webhooks/github"): [Case("", lambda _: Request("/api/webhooks/github", **signed("ping", {})))],
    ("GET", "/badge/{host}/{owner}/{name}.svg"): [
        Case("that is public", lambda world: Request(f"/badge/github.com/acme/{world.badge()}.svg")),
        Case("that is not", lambda _: Request("/badge/github.com/acme/shop.svg")),
    ],
    ("GET", "/api/callbacks"): [
        _listed("/api/callbacks", lambda world: world.callback(), "of the owner"),
        _listed("/api/callbacks", lambda world: world.callback(repo=world.repository), "of the repository"),
    ],
    ("POST", "/api/callbacks/{callback_id}/replay"): [
        Case("of the owner", lambda world: Request(f"/api/callbacks/{world.callback()}/replay"), True),
        Case(
            "of the repository",
            lambda world: Request(f"/api/callbacks/{world.callback(repo=world.repository)}/replay"),
            True,
        ),
    ],
    ("POST", "/api/callbacks/test"): _anybody("/api/callbacks/test", json={"url": "http://localhost/hook"}),
    ("GET", "/api/audit"): _anybody("/api/audit"),
    ("GET", "/api/queue"): _anybody("/api/queue"),
    ("GET", "/api/jobs"): _anybody("/api/jobs"),
    ("POST", "/api/jobs/{job_id}/retry"): [Case("", lambda world: Request(f"/api/jobs/{world.failed_job()}/retry"))],
    ("POST", "/api/queue/{name}/pause"): _anybody("/api/queue/monitoring/pause"),
    ("POST", "/api/queue/{name}/resume"): _anybody("/api/queue/monitoring/resume"),
    ("GET", "/api/analytics/summary"): _figure("summary", lambda found: _count(found["current"])),
    ("GET", "/api/analytics/trends"): _figure("trends", lambda found: _count(found["points"])),
    ("GET", "/api/analytics/repos"): _figure("repos", lambda found: _count(found["items"])),
    ("GET", "/api/analytics/judges"): _figure("judges", lambda found: _count(found["items"])),
    ("GET", "/api/analytics/rules"): _figure("rules", lambda found: _count(found["items"])),
    ("GET", "/api/analytics/health"): _figure("health", lambda found: _count(found["current"])),
}
SOCKETS: dict[str, list[Case]] = {
    "/ws": [
        Case("of the owner", lambda world: Request("/ws", seen=world.run()), True),
        Case("of the repository", lambda world: Request("/ws", seen=world.run(SOMEBODY, repo=world.repository)), True),
    ],
    "/ws/{run_id}": [
        Case("of the owner", lambda world: Request(f"/ws/{world.run()}"), True),
        Case("of the repository", lambda world: Request(f"/ws/{world.run(SOMEBODY, repo=world.repository)}"), True),
    ],
    "/{path:path}": [Case("", lambda _: Request("/anything/else"))],
}


def spoken(client: httpx.Client, world: World, method: str, case: Case, who: Headers, everything: int) -> str:
    """What comes of one request, as the table says it."""
    request = case.make(world)
    answer = client.request(
        method,
        request.path,
        headers={**who, **request.headers},
        json=request.json,
        params=request.params,
        content=request.content,
    )
    assert answer.status_code < 500, answer.text
    if method not in ("GET", "WS") and answer.status_code < 300 and request.path not in NOT_AUDITED:
        assert world.audited(answer.headers["X-Request-ID"]) == 1, f"no line in the audit log: {method} {request.path}"
    if answer.status_code != 200:
        return str(answer.status_code)
    if request.seen is not None:
        return "200: shown" if str(request.seen) in answer.text else "200: none"
    if request.measure is not None:
        figure = request.measure(answer.json())
        return "200: all" if figure == everything else "200: theirs" if figure else "200: none"
    return "200"


def listened(client: httpx.Client, world: World, case: Case, who: Headers, user: str) -> str:
    """What comes of opening a socket. On the socket of all runs an event of one's own follows, to end the waiting."""
    row = world.connection.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())").fetchone()
    assert row is not None
    request = case.make(world)
    end = world.run(user)
    path = f"/ws?after={row[0]}-0" if request.path == "/ws" else request.path
    try:
        with connect(f"{str(client.base_url).replace('http', 'ws')}{path}", additional_headers=who) as socket:
            told = {json.loads(socket.recv(20))["run_id"]}
            while request.seen is not None and str(end) not in told:
                told.add(json.loads(socket.recv(20))["run_id"])
    except InvalidStatus as refused:
        return str(refused.response.status_code)
    if request.seen is not None:
        return "open: shown" if str(request.seen) in told else "open: none"
    return "open"


def measure(url: str) -> None:
    """Runs of the owner, of the repository and of somebody else, as dashboards see them."""
    past = Past(url, random.Random(7))
    runs = [past.happens(datetime.now(UTC) - timedelta(days=day)) for day in range(1, 25)]
    with psycopg.connect(url) as connection:
        repository = connection.execute("SELECT id FROM repo_connections").fetchone()
        assert repository is not None
        for place, run_id in enumerate(runs):
            owner, repo = ((OWNER, None), (SOMEBODY, repository[0]), (SOMEBODY, None))[place % 3]
            connection.execute("UPDATE runs SET created_by = %s, repo_id = %s WHERE id = %s", [owner, repo, run_id])

    async def catch_up() -> None:
        async with resources(url) as found:
            await rollup.catch_up(found.db)

    asyncio.run(catch_up())


def walk(client: httpx.Client, world: World) -> dict[str, dict[str, str]]:
    """The table: what comes of each operation, by who asks."""
    found: dict[str, dict[str, str]] = {}
    people = everybody(world)
    for (method, path), cases in OPERATIONS.items():
        for case in cases:
            request = case.make(world)
            everything = 0
            if request.measure is not None:
                whole = client.get(request.path, params=request.params, headers=service())
                everything = request.measure(whole.json())
                assert everything > 0, path
            row = {who: spoken(client, world, method, case, people[who], everything) for who in people}
            found[_name(method, path, case)] = row
    names = {who: headers.get("X-CVA-User") or _user(who) for who, headers in people.items()}
    for path, cases in SOCKETS.items():
        for case in cases:
            row = {who: listened(client, world, case, people[who], names[who]) for who in people}
            found[_name("WS", path, case)] = row
    return found


def _name(method: str, path: str, case: Case) -> str:
    return f"`{method} {path}`{f' {case.what}' if case.what else ''}"


def _user(who: str) -> str:
    members = {"member: read": READER, "member: write": WRITER, "member: admin": ADMIN, "stranger": STRANGER}
    return members.get(who, OWNER if who.startswith("owner") else SOMEBODY)


HEAD = """# Who may do what

Written by `tests/api/test_access_table.py`, which asks for each cell and fails when it is another. The owner made the runs,
uploads and constitutions that are «of the owner», and connected the repository; members have their role there; a stranger
has nothing to do with any of it. Tokens without a scope named have all of a user's: `runs:read`, `runs:write`,
`remediation:approve`.

Where something of others is asked for as a list, a stream or a figure, `none` says that nothing of it is in the answer,
`shown` that it is; `theirs` are sums over what the asker may see, and `all` over everything.
"""


def rendered(found: Mapping[str, Mapping[str, str]]) -> str:
    people = list(next(iter(found.values())))
    lines = [HEAD, f"| | {' | '.join(people)} |", f"|{'---|' * (len(people) + 1)}"]
    lines += [f"| {name} | {' | '.join(row[who] for who in people)} |" for name, row in found.items()]
    return "\n".join(lines) + "\n"


def test_everything_is_walked_and_is_as_the_table_says(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        # Fifteen hundred requests, each with a world of its own.
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET synchronous_commit = off")
        connection.execute("SET synchronous_commit = off")
        world = World(connection)
        measure(url)
        with served(url, **access.GIVEN, CVA_GITHUB_WEBHOOK_SECRET=SECRET) as client:
            document: Any = client.get("/openapi.json", headers=service()).json()
            there = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
            assert there == set(OPERATIONS)
            assert {route.path for route in events.sockets} == set(SOCKETS)
            found = walk(client, world)
    _check_rules(found)
    table = rendered(found)
    if os.environ.get("CVA_TEST_WRITE_ACCESS"):
        TABLE.write_text(table)
    assert TABLE.read_text() == table


def _check_rules(found: Mapping[str, Mapping[str, str]]) -> None:
    """What holds of every row, whatever the table says."""
    private = {
        _name(method, path, case)
        for (method, path), cases in (*OPERATIONS.items(), *((("WS", path), cases) for path, cases in SOCKETS.items()))
        for case in cases
        if case.private
    }
    for name, row in found.items():
        if not name.startswith(OPEN):
            assert {row[who] for who in DEAD} == {"401"}, name
        for who, as_whom in SAME.items():
            assert row[who] == row[as_whom], (name, who)
        if name in private:
            for who in STRANGERS:
                assert row[who] in (*NOTHING, "open: none"), (name, who)
            assert row["service"] not in NOTHING, name
        if not name.startswith(("`GET", "`WS", "`POST /api/webhooks")):
            assert row["owner: `runs:read`"] in (*NOTHING, "200"), name
