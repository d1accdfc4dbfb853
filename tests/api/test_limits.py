"""What one user may use, asked over real HTTP of real api processes, of which there are two where it matters."""

import contextlib
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from api.limits import requests
from api.limits.bodies import Bodies
from tests.support import hostile, processes
from tests.worker.core.untrusted.test_archives import make_zip

BODY = {
    "source": {"kind": "files", "files": {"a.py": "x = 1\n"}},
    "constitution": "# Rules\n\n- Code MUST NOT call `eval()`.\n",
}
ZIP = {"Content-Type": "application/zip"}


@pytest.fixture
def replicas(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> Iterator[list[httpx.Client]]:
    """Two api processes on one database, with the settings that the test names."""
    settings: dict[str, str] = request.param
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(processes.api(url, tmp_path, **settings))[0] for _ in range(2)]


def token(api: httpx.Client, user: str = "ann") -> dict[str, str]:
    """The headers of a new token of the user's."""
    made = api.post("/api/tokens", json={"name": "t", "user": user, "scopes": ["runs:read", "runs:write"]})
    return {"Authorization": f"Bearer {made.json()['token']}"}


def of(user: str) -> dict[str, str]:
    return {"X-CVA-User": user}


def within_a_minute(seconds: float) -> None:
    """Wait for the next minute where less than `seconds` of this one is left: limits begin anew with it."""
    left = 60 - time.time() % 60
    if left < seconds:
        time.sleep(left + 0.1)


@pytest.mark.parametrize(
    "replicas", [{"CVA_USER_REQUESTS_PER_MINUTE": "60", "CVA_TOKEN_REQUESTS_PER_MINUTE": "40"}], indirect=True
)
def test_requests_are_counted_over_all_replicas(replicas: list[httpx.Client]) -> None:
    first, second = token(replicas[0]), token(replicas[0])
    within_a_minute(30)
    answers: list[httpx.Response] = []
    for number in range(50):
        answers.append(replicas[number % 2].get("/api/runs", headers=first))
    statuses = Counter(answer.status_code for answer in answers)
    # Of a handful that one replica took the other may be left without; never more than the limit.
    assert 36 <= statuses[200] <= 40
    assert statuses[200] + statuses[429] == 50
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["type"] == "urn:invariant:problem:too-many-requests"
    assert "CVA_TOKEN_REQUESTS_PER_MINUTE" in refused.json()["detail"]
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit-policy"] == '"token";q=40;w=60'
    assert refused.headers["ratelimit"].startswith('"token";r=0;t=')
    granted = answers[0]
    assert granted.headers["ratelimit-policy"] == '"user";q=60;w=60, "token";q=40;w=60'
    # Another token is the same user; another user is not.
    more = Counter(replicas[n % 2].get("/api/runs", headers=second).status_code for n in range(30))
    assert more[200] <= 60 - statuses[200]
    assert more[429] >= 1
    assert replicas[0].get("/api/runs", headers=of("bob")).status_code == 200
    assert replicas[1].get("/api/runs").headers.get("ratelimit") is None


def test_a_user_who_asks_all_at_once_is_paced(url: str, tmp_path: Path) -> None:
    """600 a minute are ten a second, beyond fifty at once."""
    with processes.api(url, tmp_path, CVA_TOKEN_REQUESTS_PER_MINUTE="600") as (api, _):
        headers = token(api)
        within_a_minute(20)
        statuses: list[int] = []
        began = time.monotonic()
        hostile.together(lambda _: statuses.append(api.get("/api/runs", headers=headers).status_code), 70)
        took = time.monotonic() - began
        assert statuses == [200] * 70
        assert took >= 1.8


def test_a_flood_is_logged_by_its_number_and_what_is_served_by_its_line(url: str, tmp_path: Path) -> None:
    with processes.api(url, tmp_path, CVA_TOKEN_REQUESTS_PER_MINUTE="40", CVA_LOG_FORMAT="json") as (api, process):
        headers = token(api)
        within_a_minute(20)
        statuses = Counter(api.get("/api/runs", headers=headers).status_code for _ in range(52))
        lines = [json.loads(line) for line in process.log.splitlines() if line.startswith("{")]
    assert statuses[429] >= 12
    assert [line["refused"] for line in lines if line["event"] == "requests refused"] == [1, 10]
    served = Counter(line["status"] for line in lines if line["event"] == "request" and line["method"] == "GET")
    assert served == {200: statuses[200]}


def test_an_even_pace_is_never_held_up_and_a_flood_is_told_when_to_come_again() -> None:
    lease = requests._Lease()
    assert [lease.pace(600, now / 10) for now in range(2000)] == [0.0] * 2000
    waits = [lease.pace(600, 1000.0) for _ in range(600)]
    assert waits[:50] == pytest.approx([0.0] * 50, abs=1e-6)
    assert waits[50:99] == pytest.approx([0.1 * number for number in range(1, 50)], abs=1e-6)
    # What would have to wait for too long does not count: the next one is told the same, and the pace is free again soon.
    assert all(4.9 < wait < 5.2 for wait in waits[99:])
    assert lease.pace(600, 1010.1) == 0.0


def test_refusals_are_forgotten_with_the_minutes() -> None:
    lease = requests._Lease(until=60.0, refusals=100_000)
    lease.begin(60, now=61.0)
    assert lease.refusals == 125
    lease.begin(60, now=122.0)
    assert lease.refusals == 62
    lease.begin(60, now=122.0 + 3600)
    assert lease.refusals == 0


@pytest.mark.parametrize("replicas", [{"CVA_USER_RUNS_WAITING": "5"}], indirect=True)
def test_no_more_runs_wait_than_may(replicas: list[httpx.Client], url: str) -> None:
    statuses: list[int] = []

    def ask(number: int) -> None:
        for _ in range(3):
            statuses.append(replicas[number % 2].post("/api/runs", json=BODY, headers=of("ann")).status_code)

    hostile.together(ask, 8)
    assert Counter(statuses) == {202: 5, 429: 19}
    run = replicas[0].get("/api/runs", headers=of("ann")).json()["items"][0]["id"]
    assert replicas[0].post("/api/runs", json=BODY, headers=of("bob")).status_code == 202
    assert replicas[0].post("/api/runs", json=BODY).status_code == 202
    assert replicas[0].delete(f"/api/runs/{run}", headers=of("ann")).status_code == 200
    assert replicas[1].post(f"/api/runs/{run}/retry", headers=of("ann")).status_code == 202
    assert replicas[1].post(f"/api/runs/{run}/retry", headers=of("ann")).status_code == 429


@pytest.mark.parametrize("replicas", [{"CVA_USER_UPLOAD_BYTES": "100000"}], indirect=True)
def test_uploads_hold_no_more_than_they_may(replicas: list[httpx.Client], url: str) -> None:
    content = make_zip({"a": os.urandom(30_000)})
    statuses: list[int] = []

    def send(number: int) -> None:
        answer = replicas[number % 2].post("/api/uploads", content=content, headers=of("ann") | ZIP)
        statuses.append(answer.status_code)

    hostile.together(send, 6)
    assert Counter(statuses) == {201: 3, 429: 3}
    # The files of a run are kept as uploads are.
    large = BODY | {"source": {"kind": "files", "files": {"a.py": "x" * 30_000}}}
    assert replicas[0].post("/api/runs", json=large, headers=of("ann")).status_code == 429
    assert replicas[0].post("/api/runs", json=BODY, headers=of("ann")).status_code == 202
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM upload_parts").fetchone() == (0,)
        stored = connection.execute("SELECT content FROM uploads WHERE format = 'zip'").fetchone()
    assert stored == (content,)


@pytest.mark.parametrize("replicas", [{"CVA_USER_STREAMS": "3"}], indirect=True)
def test_no_more_streams_are_open_than_may(replicas: list[httpx.Client], url: str) -> None:
    run = replicas[0].post("/api/runs", json=BODY, headers=of("ann")).json()["id"]
    headers = token(replicas[0])
    sockets = [str(api.base_url).replace("http", "ws") + "/ws" for api in replicas]
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(connect(sockets[n % 2], additional_headers=headers)) for n in range(2)]
        answer = stack.enter_context(replicas[0].stream("GET", f"/api/runs/{run}/events", headers=headers))
        assert answer.status_code == 200
        with pytest.raises(InvalidStatus) as refused:
            stack.enter_context(connect(sockets[0], additional_headers=headers))
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["Retry-After"] == "10"
        assert replicas[1].get(f"/api/runs/{run}/events", headers=headers).status_code == 429
        opened[0].close()

        def again() -> Any:
            with contextlib.suppress(InvalidStatus):
                return stack.enter_context(connect(sockets[1], additional_headers=headers))

        processes.eventually(again, 10)
    with psycopg.connect(url, autocommit=True) as connection:
        left = "SELECT count(*) FROM open_streams"
        processes.eventually(lambda: connection.execute(left).fetchone() == (0,) or None, 10)


def test_large_uploads_at_once_are_never_whole_in_memory(url: str, tmp_path: Path) -> None:
    content = make_zip({f"{n}": os.urandom(1 << 20) for n in range(48)})
    large = json.dumps(BODY | {"source": {"kind": "files", "files": {"a.txt": "x" * (7 << 20)}}}).encode()
    with processes.api(url, tmp_path, CVA_USER_UPLOAD_BYTES="0") as (client, api):
        statuses: list[int] = []

        def send(number: int) -> None:
            headers = of(f"user{number}")
            if number % 3:
                statuses.append(
                    client.post("/api/uploads", content=content, headers=headers | ZIP, timeout=120).status_code
                )
            else:
                json_headers = headers | {"Content-Type": "application/json"}
                statuses.append(client.post("/api/runs", content=large, headers=json_headers, timeout=120).status_code)

        hostile.forget_peak_memory(api.popen.pid)
        with hostile.watching(str(client.base_url)) as watch:
            hostile.together(send, 18)
        assert Counter(statuses) == {201: 12, 202: 6}
        assert watch.failures == []
        assert max(watch.seconds) <= 1.0
        assert hostile.peak_memory(api.popen.pid) <= 300 << 20


def test_an_archive_that_costs_dear_harms_nobody(url: str, tmp_path: Path) -> None:
    from tests.worker.core.untrusted.test_archives import HOSTILE

    with processes.api(url, tmp_path) as (client, api):
        hostile.forget_peak_memory(api.popen.pid)
        with hostile.watching(str(client.base_url)) as watch:
            for name in ("many global headers", "a directory of a million", "headers without end", "tar bomb"):
                answer = client.post("/api/uploads", content=HOSTILE[name], headers=ZIP)
                assert answer.status_code in (201, 422), name
        assert max(watch.seconds) <= 1.0
        assert hostile.peak_memory(api.popen.pid) <= 300 << 20


def test_bodies_of_one_user_are_worked_on_one_after_the_other() -> None:
    arriving = Bodies().arriving
    with arriving("ann") as first, arriving("ann") as second, arriving("bob") as another:
        assert first is second is not another
    with arriving(None) as first, arriving(None) as second:
        # Who names nobody works for everybody.
        assert first is not second


@pytest.mark.parametrize("replicas", [{}], indirect=True)
def test_a_user_who_sends_much_at_once_is_asked_to_wait(replicas: list[httpx.Client]) -> None:
    done = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield b"x" * 100_000
        # Who is refused notices when it goes on, and begins anew.
        while not done.wait(0.2):
            yield b"x"

    def send(user: str, content: Any) -> int:
        return replicas[0].post("/api/uploads", content=content, headers=of(user) | ZIP, timeout=90).status_code

    def held() -> None:
        # One of the questions below may be on its way at the same time, and be one of the four.
        while not done.is_set():
            with contextlib.suppress(httpx.TransportError):
                send("ann", slowly())

    threads = [threading.Thread(target=held) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        processes.eventually(lambda: send("ann", b"x" * 100_000) == 429 or None)
        assert send("bob", b"x" * 100_000) == 422
    finally:
        done.set()
        for thread in threads:
            thread.join()
