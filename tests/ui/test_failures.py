"""The api is away, slow, failing or refusing: a page says so, tries again by itself, and keeps what was typed."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from invariant.stack import free_port
from tests.support.ui import Reader, csrf, ui
from tests.ui.conftest import NewReader


class Faulty(BaseHTTPRequestHandler):
    """An api that knows who asks, and fails otherwise as it is told to."""

    answer: ClassVar[tuple[int, dict[str, str], Any]] = (200, {}, {})
    seconds: ClassVar[float] = 0.0

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        status, headers, body = self.answer
        if self.path == "/api/me":
            status, headers, body = 200, {}, {"user": "ada", "scopes": [], "is_admin": False}
        else:
            time.sleep(self.seconds)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/problem+json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815  the library calls it so

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def faulty() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Faulty) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def pages(faulty: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ui(tmp_path_factory.mktemp("ui"), faulty) as (url, _):
        yield url


@pytest.fixture
def ada(reader: NewReader, pages: str) -> Reader:
    somebody = reader(pages)
    somebody.log_in("ada")
    return somebody


def problem(status: int, title: str) -> dict[str, Any]:
    return {"type": "x", "title": title, "status": status, "detail": "This is why.", "request_id": "abc"}


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        ((500, {}, problem(500, "Something failed on our side")), 500, "Something failed on our side"),
        ((503, {"Retry-After": "7"}, problem(503, "The service cannot work right now")), 503, "every 7 seconds"),
        ((429, {"Retry-After": "9"}, problem(429, "A limit is reached")), 429, "every 9 seconds"),
        ((401, {}, problem(401, "A valid token is needed")), 502, "CVA_API_TOKEN of the ui"),
        ((502, {"Content-Type": "text/html"}, b"<h1>Bad gateway</h1>"), 502, "Backend connection failed"),
        ((200, {}, b"not json"), 502, "Backend connection failed"),
        ((200, {}, {"items": "of another kind"}), 500, "Something failed on our side"),
    ],
    ids=["500", "503", "429", "401", "a proxy", "no JSON", "another shape"],
)
def test_page_says_what_happened(ada: Reader, answer: tuple[int, dict[str, str], Any], status: int, says: str) -> None:
    Faulty.answer = answer
    shown = ada.get("/runs")
    assert shown.status_code == status and says in shown.text
    assert ">Request " in shown.text and "Traceback" not in shown.text


def test_page_tries_again_by_itself(ada: Reader) -> None:
    Faulty.answer = (429, {"Retry-After": "9"}, problem(429, "A limit is reached"))
    assert '<meta http-equiv="refresh" content="9">' in ada.get("/runs").text
    Faulty.answer = (429, {"Retry-After": "90000"}, problem(429, "A limit is reached"))
    assert '<meta http-equiv="refresh" content="60">' in ada.get("/runs").text


def test_what_was_typed_is_kept_and_can_be_sent_again(ada: Reader) -> None:
    rules = '- Code MUST NOT call "eval()" & <b>.\n\n  Two lines.'
    Faulty.answer = (200, {}, {"items": [], "next_cursor": None})
    page = ada.get("/runs/new").text
    assert "New run" in page
    Faulty.answer = (503, {}, problem(503, "The service cannot work right now"))
    values = {"csrf": csrf(page), "kind": "git", "url": "https://github.com/a/b", "constitution": rules}
    shown = ada.post("/runs", data=values)
    assert shown.status_code == 503 and "What you typed is kept here" in shown.text
    assert "- Code MUST NOT call &#34;eval()&#34; &amp; &lt;b&gt;.\n\n  Two lines.</textarea>" in shown.text
    assert 'action="/runs"' in shown.text and 'http-equiv="refresh"' not in shown.text


def test_api_that_is_away(reader: NewReader, ada: Reader, pages: str, tmp_path: Path) -> None:
    with ui(tmp_path, f"http://127.0.0.1:{free_port()}") as (url, process):
        somebody = reader(url)
        assert somebody.get("/health").status_code == 200
        shown = somebody.log_in("ada")
        assert shown.status_code == 502 and "Backend connection failed" in shown.text
        process.wait_for("Backend connection failed")


def test_api_that_refuses_a_form_has_its_words_beside_what_was_typed(ada: Reader) -> None:
    Faulty.answer = (200, {}, {"items": [], "next_cursor": None})
    token = csrf(ada.get("/repositories/new").text)
    Faulty.answer = (422, {}, problem(422, "The request is not acceptable"))
    shown = ada.post("/repositories", data={"csrf": token, "clone_url": "https://example.com/x"})
    assert shown.status_code == 422
    assert "This is why." in shown.text and 'value="https://example.com/x"' in shown.text


def test_api_that_is_slow(faulty: str, reader: NewReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Faulty.answer = (200, {}, {"items": [], "next_cursor": None})
    with ui(tmp_path, faulty, CVA_UI_API_SECONDS="1.5") as (url, _):
        somebody = reader(url)
        somebody.log_in("ada")
        monkeypatch.setattr(Faulty, "seconds", 0.3)
        assert "Nothing has been verified yet" in somebody.get("/runs").text
        monkeypatch.setattr(Faulty, "seconds", 3.0)
        shown = somebody.get("/runs")
    assert shown.status_code == 502 and 'http-equiv="refresh"' in shown.text
