"""Where git may fetch from, and whom production calls."""

import pytest

from tests.support.app import settings
from worker.core.untrusted import urls
from worker.core.untrusted.urls import SourceRejected

PRODUCTION = {"CVA_PRODUCTION": "true", "DATABASE_URL": "postgresql://x/y", "CVA_API_TOKEN": "t"}

HOSTILE_ALWAYS = [
    "ext::sh -c touch% /tmp/x",
    "--upload-pack=touch /tmp/x",
    "-oProxyCommand=x",
    "https://user:secret@github.com/a/b",
    "https://token@github.com/a/b",
    "https://github.com/a/b\nx",
    "https://[::1",
    "https://github.com:99999/a",
    "fd::17",
    "gopher://github.com/a",
    "user:secret@host:path",
    "https://github.com/a/b?private_token=secret",
]
HOSTILE_IN_PRODUCTION = [
    "http://github.com/a/b",
    "git://github.com/a/b",
    "ssh://git@github.com/a/b",
    "git@github.com:a/b",
    "file:///etc",
    "/etc",
    "../x",
    "https://127.0.0.1/a/b",
    "https://[::1]/a/b",
    "https://169.254.169.254/latest",
    "https://evil.example/a/b",
    "https://github.com.evil.example/a/b",
    "https://github.com:8443/a/b",
    "https:///a/b",
]


@pytest.mark.parametrize("url", HOSTILE_ALWAYS)
@pytest.mark.parametrize("given", [{}, PRODUCTION])
def test_hostile_urls_are_refused(url: str, given: dict[str, str]) -> None:
    with pytest.raises(SourceRejected):
        urls.check_git_url(url, settings(**given))


@pytest.mark.parametrize("url", HOSTILE_IN_PRODUCTION)
def test_production_takes_https_of_allowed_hosts_only(url: str) -> None:
    with pytest.raises(SourceRejected):
        urls.check_git_url(url, settings(**PRODUCTION))


@pytest.mark.parametrize("url", ["https://github.com/a/b", "https://GitHub.com/a/b.git", "https://gitlab.com/a/b/c"])
def test_ordinary_urls_are_taken(url: str) -> None:
    urls.check_git_url(url, settings(**PRODUCTION))
    urls.check_git_url(url, settings())


@pytest.mark.parametrize("url", ["/srv/repo", "file:///srv/repo", "git@host:a/b.git", "ssh://git@host/a", "./here"])
def test_development_takes_local_repositories(url: str) -> None:
    urls.check_git_url(url, settings())


@pytest.mark.parametrize(
    "address",
    ["https://localhost/x", "https://127.0.0.1/x", "http://example.org/", "https://u:p@example.org/", "ftp://x/"],
)
async def test_production_calls_public_addresses_only(address: str) -> None:
    with pytest.raises(urls.AddressRejected):
        await urls.resolve(address, production=True)
