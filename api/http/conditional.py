"""Conditional requests: a client that has an answer already need not be sent it (RFC 9110, section 13)."""

from starlette.requests import Request


def matches(request: Request, etag: str) -> bool:
    """Whether the client has this answer already (RFC 9110, section 13.1.2; compared weakly)."""
    given = request.headers.get("if-none-match", "")
    known = {part.strip().removeprefix("W/") for part in given.split(",")}
    return "*" in known or etag.removeprefix("W/") in known
