"""What protects who looks at the pages: forms, headers, whose things are shown."""

import io
import re
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.processes import TOKEN
from tests.support.ui import SECRET, Reader, csrf, ui
from tests.ui.conftest import NewReader

RULES = "- Code MUST NOT call `eval(`.\n"


@pytest.fixture(scope="module")
def pages(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ui(tmp_path_factory.mktemp("ui"), backend) as (url, _):
        yield url


@pytest.fixture
def ada(reader: NewReader, pages: str) -> Reader:
    somebody = reader(pages)
    somebody.log_in("ada")
    return somebody


def as_user(backend: str, user: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {TOKEN}", "X-CVA-User": user}
    return httpx.Client(base_url=backend, headers=headers, timeout=30)


def new_run(backend: str, user: str) -> str:
    with as_user(backend, user) as api:
        body = {"source": {"kind": "files", "files": {"a.py": "x = 1\n"}}, "constitution": RULES}
        return str(api.post("/api/runs", json=body).json()["id"])


def new_repository(backend: str, user: str) -> str:
    with as_user(backend, user) as api:
        url = f"https://github.com/{user}/{uuid.uuid4().hex}"
        return str(api.post("/api/repositories", json={"clone_url": url}).json()["id"])


def forms(run: str, repository: str) -> list[tuple[str, dict[str, str]]]:
    """Every form of the pages, and something to send with it."""
    some = str(uuid.uuid4())
    one, its = f"/repositories/{repository}", f"/runs/{run}"
    return [
        ("/logout", {}),
        ("/runs", {"kind": "git", "url": "https://github.com/a/b", "constitution": RULES}),
        (f"{its}/cancel", {}),
        (f"{its}/again", {}),
        (f"{its}/fix", {}),
        (f"{its}/feedback", {"subject": "criterion", "key": "x", "mark": "wrong"}),
        (f"{its}/feedback/{some}/undo", {}),
        ("/constitutions/preview", {"constitution": RULES}),
        ("/repositories", {"clone_url": "https://github.com/a/b"}),
        (one, {"default_branch": "evil"}),
        (f"{one}/branches", {"name": "evil", "monitored": "true"}),
        (f"{one}/constitution", {"constitution": "- Evil MUST win."}),
        (f"{one}/members", {"user": "eve", "role": "admin"}),
        (f"{one}/members/remove", {"user": "ada"}),
        (f"{one}/remove", {}),
        (f"/fixes/{some}/stop", {"reason": "x"}),
        (f"/fixes/{some}/rollback", {"reason": "x"}),
        (f"/fixes/{some}/{some}/approve", {"reason": "x"}),
        (f"/fixes/{some}/{some}/reject", {"reason": "x"}),
        ("/fixes/kill-switch", {"engaged": "true", "reason": "x"}),
        ("/settings/tokens", {"name": "evil", "scopes": "runs:read"}),
        (f"/settings/tokens/{some}/revoke", {}),
        ("/operation/queues/verification/pause", {}),
        ("/operation/jobs/1/retry", {}),
    ]


def test_forms_above_are_all_there_are() -> None:
    from ui.app import create_app
    from ui.settings import Settings

    taken = {path for path, _ in forms("1" * 8, "2" * 8)}
    posts = [route for route in create_app(Settings()).routes if "POST" in (getattr(route, "methods", None) or ())]
    # Logging in stands in tests of its own, and so does the other word for a queue.
    elsewhere = {"/login", "/login/{way}", "/operation/queues/{name}/resume"}
    assert len(taken) == len({route.path for route in posts} - elsewhere)


@pytest.mark.parametrize("how", ["none", "stale", "another", "origin", "site", "header"])
def test_form_of_another_origin_or_session_changes_nothing(
    backend: str, pages: str, ada: Reader, reader: NewReader, how: str
) -> None:
    run, repository = new_run(backend, "ada"), new_repository(backend, "ada")
    token, headers = csrf(ada.get("/runs/new").text), {}
    if how == "none":
        token = ""
    elif how == "stale":
        before = token
        ada.send_form("/runs", "/logout", {})
        ada.log_in("ada")
        token = before
    elif how == "another":
        eve = reader(pages)
        eve.log_in("eve")
        token = csrf(eve.get("/runs/new").text)
    elif how == "origin":
        headers = {"Origin": "https://evil.example"}
    elif how == "site":
        headers = {"Sec-Fetch-Site": "cross-site"}
    else:
        headers = {"HX-Request": "true", "X-CSRF-Token": "wrong"}
    for path, values in forms(run, repository):
        answer = ada.post(path, data={**values, "csrf": token}, headers=headers, follow_redirects=False)
        assert answer.status_code == 403, path
    assert ada.get("/runs", follow_redirects=False).status_code == 200
    with as_user(backend, "ada") as api:
        assert api.get(f"/api/runs/{run}").json()["cancel_requested"] is False
        assert api.get(f"/api/repositories/{repository}").json()["default_branch"] == "main"


def test_form_without_a_session_is_refused_or_leads_to_the_login(pages: str, reader: NewReader) -> None:
    nobody = reader(pages)
    for path, values in forms(str(uuid.uuid4()), str(uuid.uuid4())):
        answer = nobody.post(path, data=values, follow_redirects=False)
        assert answer.status_code == 403 or answer.headers.get("location", "").startswith("/login"), path


def test_what_is_another_s_is_not_there(backend: str, pages: str, ada: Reader, reader: NewReader) -> None:
    run, repository = new_run(backend, "ada"), new_repository(backend, "ada")
    token = ada.send_form("/settings", "/settings/tokens", {"name": "laptop", "scopes": "runs:read"})
    assert "inv_" in token.text
    with as_user(backend, "ada") as api:
        token_id = api.get("/api/tokens").json()["items"][0]["id"]
    eve = reader(pages)
    eve.log_in("eve")
    for path in (
        f"/runs/{run}",
        f"/runs/{run}/findings",
        f"/runs/{run}/calls",
        f"/runs/{run}/criteria/x",
        f"/runs/{run}/events",
        f"/runs/{run}/download/report.md",
        f"/runs/new?again={run}",
        f"/repositories/{repository}",
        f"/repositories/{repository}/constitution/1",
        f"/fixes/{uuid.uuid4()}",
    ):
        assert eve.get(path).status_code == 404, path
    mine = csrf(eve.get("/runs/new").text)
    for path, values in forms(run, repository):
        if run in path or repository in path or path.endswith("/revoke"):
            where = f"/settings/tokens/{token_id}/revoke" if path.endswith("/revoke") else path
            assert eve.post(where, data={**values, "csrf": mine}).status_code == 404, path
    assert ">laptop<" not in eve.get("/settings").text
    assert run not in eve.get("/runs").text and repository not in eve.get("/repositories").text


def test_answers_say_what_a_browser_may_do(pages: str, ada: Reader) -> None:
    for path in ("/runs", "/runs/new", "/nothing", "/assets/x/y", "/runs/00000000-0000-0000-0000-000000000000"):
        headers = ada.get(path).headers
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, path
        assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-store"
        assert headers["x-request-id"]


def test_pages_hold_nothing_inline_and_no_other_host(pages: str, ada: Reader, backend: str) -> None:
    run = new_run(backend, "ada")
    for path in ("/runs", "/runs/new", f"/runs/{run}", "/figures", "/repositories", "/fixes", "/settings"):
        text = ada.get(path).text
        assert "style=" not in text and "<style" not in text and " onclick" not in text, path
        for piece in text.split("<script")[1:]:
            assert ' src="/assets/' in piece.split(">")[0], path


def test_session_cookie_in_production_is_for_https_and_this_host_alone(backend: str, tmp_path: Path) -> None:
    more = {
        "CVA_PRODUCTION": "true",
        "CVA_PUBLIC_URL": "https://cva.example.com",
        "CVA_UI_SECRET": SECRET,
        "GITHUB_CLIENT_ID": "x",
        "GITHUB_CLIENT_SECRET": "y",
        "CVA_UI_ALLOW": "ada",
    }
    with ui(tmp_path, backend, **more) as (url, _), httpx.Client(base_url=url) as stranger:
        answer = stranger.get("/login")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-invariant=")
        for word in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/"):
            assert word in cookie
        assert "strict-transport-security" in answer.headers
        assert "User name" not in answer.text
        assert stranger.post("/login", data={"name": "root"}).status_code in (403, 404)


def test_developer_s_pages_answer_to_names_of_this_machine_alone(pages: str) -> None:
    assert httpx.get(f"{pages}/login", headers={"Host": "evil.example"}).status_code == 421


def test_body_without_end_is_refused(pages: str, ada: Reader) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(300):
            yield b"constitution=" + b"x" * (1 << 20)

    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-CSRF-Token": csrf(ada.get("/runs/new").text)}
    answer = ada.post("/constitutions/preview", content=endless(), headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize("charset", ["punycode", "idna", "unicode_escape", "utf-7", "rot13"])
def test_form_in_another_charset_is_refused_before_it_is_read(pages: str, reader: NewReader, charset: str) -> None:
    """Some of them take minutes for what anybody may send."""
    nobody = reader(pages)
    nobody.get("/login")
    boundary = "x" * 20
    field = "a" * 400_000 + "-" + "a" * 400_000
    body = f'--{boundary}\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{field}\r\n--{boundary}--\r\n'
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}; charset={charset}"}
    for path in ("/login", "/login/github", "/logout", "/runs"):
        answer = nobody.post(path, content=body, headers=headers, follow_redirects=False)
        assert answer.status_code in (303, 403, 404, 413), path
        assert answer.elapsed.total_seconds() < 2


SOME_ID = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    "path",
    [
        "/login?to=//[",
        "/login?to=//a%E2%84%80b",
        f"/repositories/{SOME_ID}/constitution/" + "1" * 5000,
        f"/runs/{SOME_ID}/findings?page=" + "9" * 5000,
        "/operation/queues/%2e%2e/pause",
        "/settings/tokens",
        f"/repositories/{SOME_ID}/members/remove",
    ],
)
def test_odd_addresses_are_no_defects(ada: Reader, path: str) -> None:
    assert ada.get(path).status_code < 500


def test_odd_headers_are_no_defects(ada: Reader) -> None:
    for headers in ({"Origin": "http://["}, {"Origin": "null"}, {"Origin": "http://x:99999"}):
        assert ada.post("/runs", data={"csrf": "x"}, headers=headers).status_code == 403
    assert ada.post("/operation/queues/%2e%2e/pause", data={"csrf": csrf(ada.get("/runs/new").text)}).status_code == 404


@pytest.mark.parametrize("public", ["http://Localhost:80", "http://127.0.0.1:80/", "http://127.0.0.1"])
def test_public_address_is_compared_as_browsers_write_it(public: str) -> None:
    from ui.settings import origin

    assert origin(public) in ("http://localhost", "http://127.0.0.1")
    assert origin("HTTPS://Cva.Example:443/x") == "https://cva.example"
    assert origin("https://[::1]:8443") == "https://[::1]:8443" and origin("javascript:x") is None


def test_address_of_others_is_not_served_without_logins() -> None:
    from ui.settings import Settings

    with pytest.raises(RuntimeError, match="CVA_PRODUCTION=true"):
        Settings(HOST="0.0.0.0")
    with pytest.raises(RuntimeError, match="https"):
        Settings(CVA_PRODUCTION=True, CVA_API_TOKEN="x", CVA_PUBLIC_URL="http://cva.example.com")


def test_archive_that_is_chosen_replaces_the_one_that_was_sent(backend: str, ada: Reader) -> None:
    def zipped(text: str) -> bytes:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("a.py", text)
        return content.getvalue()

    form = {"kind": "upload", "constitution": RULES, "mode": "full"}
    first = ada.send_form("/runs/new", "/runs", form, files={"archive": ("a.zip", zipped("x = 1\n"))})
    with as_user(backend, "ada") as api:
        sent = api.get(f"/api/runs/{first.url.path.rsplit('/', 1)[1]}").json()["source"]["upload_id"]
        again = {**form, "upload_id": sent}
        same = ada.send_form("/runs/new", "/runs", again, files={"archive": ("", b"")})
        other = ada.send_form("/runs/new", "/runs", again, files={"archive": ("b.zip", zipped("x = 2\n"))})
        ids = [
            api.get(f"/api/runs/{answer.url.path.rsplit('/', 1)[1]}").json()["source"]["upload_id"]
            for answer in (same, other)
        ]
    assert ids[0] == sent != ids[1]


def test_token_is_shown_once_and_a_reload_makes_no_other(backend: str, ada: Reader) -> None:
    shown = ada.send_form("/settings", "/settings/tokens", {"name": "once", "scopes": "runs:read"})
    assert shown.url.path == "/settings" and shown.text.count('id="token"') == 1
    again = ada.get("/settings").text
    assert 'id="token"' not in again and again.count(">once<") == 1


@pytest.mark.parametrize(
    ("role", "shown", "hidden"),
    [
        ("read", [], ["Save settings", "Save as a new version", "Make a member", "Disconnect", "Verify it", "Monitor"]),
        ("write", ["Save as a new version", "Verify it", "Monitor"], ["Save settings", "Make a member", "Disconnect"]),
        ("admin", ["Save settings", "Save as a new version", "Make a member", "Disconnect", "Verify it"], []),
    ],
)
def test_member_is_shown_what_they_may_do(
    backend: str, pages: str, reader: NewReader, role: str, shown: list[str], hidden: list[str]
) -> None:
    repository = new_repository(backend, "ada")
    with as_user(backend, "ada") as api:
        api.put(f"/api/repositories/{repository}/members", json={"user": "rita", "role": role}).raise_for_status()
    rita = reader(pages)
    rita.log_in("rita")
    page = rita.get(f"/repositories/{repository}").text
    buttons = " ".join(re.findall(r"<(?:button|a class=\"button main\")[^>]*>([^<]*)<", page))
    assert all(word in buttons for word in shown) and not any(word in buttons for word in hidden)
