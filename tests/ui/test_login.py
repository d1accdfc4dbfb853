"""Logging in: one gets in, and nobody else, by an OpenID provider and a GitHub over real HTTP."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from tests.support.openid import CLIENT, SECRET, Forge, forge
from tests.support.ui import Reader, csrf, there, ui
from tests.ui.conftest import NewReader

ANOTHER_KEY = RSAKey.generate_key(2048, {"kid": "one"})


def ways(issuer: str) -> dict[str, str]:
    """Settings of a ui with both ways in."""
    return {
        "CVA_OIDC_ISSUER": issuer,
        "CVA_OIDC_CLIENT_ID": CLIENT,
        "CVA_OIDC_CLIENT_SECRET": SECRET,
        "GITHUB_CLIENT_ID": CLIENT,
        "GITHUB_CLIENT_SECRET": SECRET,
        "CVA_GITHUB_API_URL": f"{issuer}/api/v3",
        "CVA_UI_ALLOW": "Ada@example.com, @trusted.example, ada, org:Acme",
    }


@pytest.fixture(scope="module")
def one_provider() -> Iterator[Forge]:
    with forge() as found:
        yield found


@pytest.fixture
def provider(one_provider: Forge) -> Forge:
    """As it was at its beginning."""
    for name, value in vars(Forge(one_provider.issuer, key=one_provider.key)).items():
        setattr(one_provider, name, value)
    return one_provider


@pytest.fixture(scope="module")
def _pages(backend: str, one_provider: Forge, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ui(tmp_path_factory.mktemp("ui"), backend, **ways(one_provider.issuer)) as (url, _):
        yield url


@pytest.fixture
def pages(_pages: str, provider: Forge) -> str:
    return _pages


def log_in(somebody: Reader, way: str) -> httpx.Response:
    left = somebody.send_form("/login?to=/figures", f"/login/{way}", {"to": "/figures"})
    return somebody.get(there(left.text)) if left.status_code == 200 else left


def is_in(somebody: Reader) -> bool:
    return somebody.get("/runs", follow_redirects=False).status_code == 200


@pytest.mark.parametrize("way", ["oidc", "github"])
def test_login_leads_back_to_where_one_wanted_to_go(reader: NewReader, pages: str, provider: Forge, way: str) -> None:
    somebody = reader(pages)
    answer = log_in(somebody, way)
    assert answer.status_code == 200 and answer.url.path == "/figures"
    assert ("ada@example.com" if way == "oidc" else "ada") in answer.text
    assert provider.asked[-1]["code_challenge_method"] == "S256"
    assert is_in(somebody)


def test_login_asks_openid_for_a_nonce_and_github_for_no_scope_beyond_organizations(
    reader: NewReader, pages: str, provider: Forge
) -> None:
    log_in(reader(pages), "oidc")
    assert provider.asked[-1]["nonce"]
    log_in(reader(pages), "github")
    assert provider.asked[-1].get("scope") == "read:org"


@pytest.mark.parametrize(
    "lie",
    [
        {"change": {"nonce": "another"}},
        {"change": {"nonce": None}},
        {"change": {"iss": "https://accounts.example.com"}},
        {"change": {"aud": "somebody-else"}},
        {"change": {"exp": 1_000_000_000}},
        {"change": {"email_verified": False}},
        {"change": {"email_verified": "true"}},
        {"change": {"email": None}},
        {"change": {"email": "eve@example.com"}},
        {"change": {"email": "ada"}},
        {"change": {"email": "@example.com"}},
        {"change": {"email": "x@y@trusted.example"}},
        {"change": {"email": "mar\u212a@trusted.example"}},
        {"change": {"email": "ad\u00e4@trusted.example"}},
        {"change": {"email": " ada@example.com"}},
        {"change": {"email": "a" * 200 + "@trusted.example"}},
        {"change": {"email": "ada@example.com.evil.example"}},
        {"change": {"email": "ada@sub.trusted.example"}},
        {"signs_with": ANOTHER_KEY},
    ],
    ids=lambda lie: "another key" if "signs_with" in lie else str(lie),
)
def test_openid_that_is_not_as_it_should_be_lets_nobody_in(
    reader: NewReader, pages: str, provider: Forge, lie: dict[str, object]
) -> None:
    for name, value in lie.items():
        setattr(provider, name, value)
    somebody = reader(pages)
    answer = log_in(somebody, "oidc")
    assert answer.status_code == 403
    assert not is_in(somebody)


def test_openid_whose_metadata_names_another_issuer_is_not_asked(
    reader: NewReader, backend: str, provider: Forge, tmp_path: Path
) -> None:
    provider.metadata = {"issuer": "https://accounts.example.com"}
    with ui(tmp_path, backend, **ways(provider.issuer)) as (url, _):
        somebody = reader(url)
        answer = log_in(somebody, "oidc")
        assert answer.status_code == 403 and not provider.asked and not is_in(somebody)


def test_domain_is_allowed_whole(reader: NewReader, pages: str, provider: Forge) -> None:
    provider.claims = {"email": "Grace@Trusted.Example", "email_verified": True}
    somebody = reader(pages)
    log_in(somebody, "oidc")
    assert is_in(somebody)


@pytest.mark.parametrize(
    ("login", "organizations", "comes_in"),
    [("ADA", (), True), ("eve", (), False), ("eve", ("acme",), True), ("eve", ("acme-evil",), False)],
)
def test_github_is_allowed_by_login_or_organization(
    reader: NewReader, pages: str, provider: Forge, login: str, organizations: tuple[str, ...], comes_in: bool
) -> None:
    provider.login, provider.organizations = login, organizations
    somebody = reader(pages)
    log_in(somebody, "github")
    assert is_in(somebody) is comes_in


def test_address_at_github_s_place_is_nobody_s_login(reader: NewReader, pages: str, provider: Forge) -> None:
    """An entry that is an address counts for those whose address was verified."""
    provider.login = "trusted.example"
    somebody = reader(pages)
    answer = log_in(somebody, "github")
    assert answer.status_code == 403 and not is_in(somebody)


def begin(somebody: Reader) -> str:
    """Somebody is sent to the provider; where it sends them back to."""
    token = csrf(somebody.get("/login").text)
    left = somebody.post("/login/oidc", data={"csrf": token})
    back: str = httpx.get(there(left.text)).headers["location"]
    return back


def test_state_of_another_session_is_refused(reader: NewReader, pages: str) -> None:
    back = begin(reader(pages))
    stranger = reader(pages)
    assert stranger.get(back).status_code == 403
    assert not is_in(stranger)
    other = reader(pages)
    begin(other)
    assert other.get(back).status_code == 403
    assert not is_in(other)


def test_state_that_was_changed_is_refused(reader: NewReader, pages: str) -> None:
    somebody = reader(pages)
    back = begin(somebody)
    state = parse_qs(urlsplit(back).query)["state"][0]
    assert somebody.get(back.replace(state, state[:-1] + ("A" if state[-1] != "A" else "B"))).status_code == 403
    assert not is_in(somebody)


def test_code_is_taken_once(reader: NewReader, pages: str) -> None:
    somebody = reader(pages)
    back = begin(somebody)
    cookies = dict(somebody.cookies)
    assert somebody.get(back).status_code == 200
    assert is_in(somebody)
    replaying = reader(pages)
    replaying.cookies.update(cookies)
    assert replaying.get(back).status_code == 403
    assert not is_in(replaying)


def test_error_of_the_provider_is_not_shown(reader: NewReader, pages: str) -> None:
    somebody = reader(pages)
    back = begin(somebody)
    state = parse_qs(urlsplit(back).query)["state"][0]
    answer = somebody.get(f"/login/oidc/back?error=<script>&error_description=call+0900&state={state}")
    assert answer.status_code == 403 and "0900" not in answer.text and not is_in(somebody)


def test_login_leads_nowhere_else(reader: NewReader, pages: str) -> None:
    for to in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/runs\n//x"):
        somebody = reader(pages)
        answer = somebody.get(there(somebody.send_form("/login", "/login/oidc", {"to": to}).text))
        assert answer.url.path == "/runs" and answer.url.host == "127.0.0.1"


def test_logout_ends_the_session(reader: NewReader, pages: str) -> None:
    somebody = reader(pages)
    log_in(somebody, "oidc")
    assert somebody.send_form("/runs", "/logout", {}).url.path == "/login"
    assert not is_in(somebody)


def test_name_of_one_s_own_choice_is_for_developers_alone(reader: NewReader, pages: str) -> None:
    somebody = reader(pages)
    assert "User name" not in somebody.get("/login").text
    assert somebody.send_form("/login", "/login", {"name": "root"}).status_code == 404
    assert not is_in(somebody)


def test_administrator_sees_the_operation(reader: NewReader, backend: str, tmp_path: Path) -> None:
    with ui(tmp_path, backend) as (url, _):
        root, ada = reader(url), reader(url)
        assert "/operation" in root.log_in("root").text
        assert "/operation" not in ada.log_in("ada").text
        assert root.get("/operation").status_code == 200
        assert ada.get("/operation").status_code == 403
