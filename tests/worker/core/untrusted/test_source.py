"""Where code may come from."""

import pytest

from tests.support.app import settings
from worker.core.untrusted import source
from worker.core.untrusted.source import SourceRejected

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
        source.check_git_url(url, settings(**given))


@pytest.mark.parametrize("url", HOSTILE_IN_PRODUCTION)
def test_production_takes_https_of_allowed_hosts_only(url: str) -> None:
    with pytest.raises(SourceRejected):
        source.check_git_url(url, settings(**PRODUCTION))


@pytest.mark.parametrize("url", ["https://github.com/a/b", "https://GitHub.com/a/b.git", "https://gitlab.com/a/b/c"])
def test_ordinary_urls_are_taken(url: str) -> None:
    source.check_git_url(url, settings(**PRODUCTION))
    source.check_git_url(url, settings())


@pytest.mark.parametrize("url", ["/srv/repo", "file:///srv/repo", "git@host:a/b.git", "ssh://git@host/a", "./here"])
def test_development_takes_local_repositories(url: str) -> None:
    source.check_git_url(url, settings())


def test_paths_are_for_development() -> None:
    found = source.PathSource(kind="path", path="/srv")
    source.check(found, settings())
    with pytest.raises(SourceRejected):
        source.check(found, settings(**PRODUCTION))


@pytest.mark.parametrize("ref", ["-x", "a..b", "a b", "a:b", "x.", "a~1", "a^", "refs/", "@{u}", ""])
def test_refs_are_names_only(ref: str) -> None:
    with pytest.raises(ValueError, match="ref"):
        source.GitSource(kind="git", url="https://github.com/a/b", ref=ref)
