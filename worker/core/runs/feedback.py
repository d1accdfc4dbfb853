"""To whom a person's word applies.

What is accepted must not leave the hands of those who may accept it. In a connected repository these are its members,
and the word applies to that repository at that address: `gitlab.com/acme/shop` is not `github.com/acme/shop`. Without
one it is who made the run, and the word applies to their own runs of the same address or, of files and uploads, against
the same constitution.
"""

import uuid
from urllib.parse import SplitResult, urlsplit

_PORTS = {"https": 443, "http": 80, "ssh": 22, "git": 9418}


def applies_to(*, repo_id: uuid.UUID | None, owner: str | None, url: object, constitution_sha256: str | None) -> str:
    """Runs for which this is the same share what was accepted. `url` is the one of the stored source, if any.

    A user's name holds no space, so nobody's can be read as another's.
    """
    place = address(url) or f"constitution {constitution_sha256}"
    if repo_id is not None:
        return f"repository {repo_id} {place}"
    return f"service {place}" if owner is None else f"user {owner} {place}"


def address(url: object) -> str | None:
    """`host/path` of a git URL, however it is spelled; the URL itself for a local one. None: there is no URL."""
    if not isinstance(url, str):
        return None
    parts = urlsplit(url)
    if not parts.hostname:
        return url
    return f"{_host(parts)}/{parts.path.strip('/').removesuffix('.git')}"


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    return host if parts.port in (None, _PORTS.get(parts.scheme)) else f"{host}:{parts.port}"
