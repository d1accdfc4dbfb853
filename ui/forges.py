"""Where a commit's lines stand at the forge that it came from."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

Link = Callable[[str, int, int], str | None]
"""Of a path and its first and last line; None where nobody knows."""


def repository_url(source: dict[str, Any]) -> str | None:
    """The page of a git source's repository; None where its address is none of the web."""
    url = source.get("url")
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    path = parts.path.rstrip("/").removesuffix(".git")
    return f"{parts.scheme}://{parts.hostname}{port}{quote(path)}"


def places(run: dict[str, Any], commit: str | None) -> Link:
    """Links into the run's commit."""
    base = repository_url(run["source"])
    host = (urlsplit(base).hostname or "") if base else ""

    def link(path: str, start: int, end: int) -> str | None:
        if base is None or commit is None:
            return None
        where = quote(path)
        if "bitbucket" in host:
            return f"{base}/src/{commit}/{where}#lines-{start}:{end}"
        if "gitlab" in host:
            return f"{base}/-/blob/{commit}/{where}#L{start}-{end}"
        if "github" in host or host in ("codeberg.org", "gitea.com"):
            view = "blob" if "github" in host else "src/commit"
            return f"{base}/{view}/{commit}/{where}#L{start}-L{end}"
        return None

    return link
