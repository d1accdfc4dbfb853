"""URLs that strangers chose: where git may fetch from, and outgoing HTTP, resolved once, public only, no redirects."""

import asyncio
import ipaddress
import re  # noqa: TID251  linear: from the beginning to the first slash or colon
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from worker.core.settings import Settings
from worker.core.untrusted import hosts

_SCP_LIKE = re.compile(r"^[^/:]+:(?!//)")
_WEB = {"http", "https"}
_TRANSPORTS = {"https", "http", "git", "ssh", "file"}


class SourceRejected(ValueError):
    """This deployment does not take code from there. The message says why and what would do."""


class AddressRejected(ValueError):
    """The URL is not one this deployment calls. The message says why."""


@dataclass(frozen=True)
class Target:
    """Connect to `url`, whose host is an address, in the name of `host`."""

    url: str
    host: str
    header: str


def check_git_url(url: str, settings: Settings) -> None:
    """Accept https on an allowed host; in development also http, ssh, git, file and local paths.

    Raises SourceRejected. `CVA_GIT_HOSTS=*` allows every host; addresses are looked at when connecting.
    """
    if any(ord(char) <= 32 or ord(char) == 127 for char in url):
        raise SourceRejected("The git URL contains spaces or control characters.")
    if url.startswith("-"):
        raise SourceRejected("The git URL starts with a dash.")
    if "::" in url.split("/", 1)[0]:
        raise SourceRejected("Remote helpers (transport::address) are not accepted as a git URL.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise SourceRejected("The git URL is not a URL.") from None
    scp_user = url.split("@", 1)[0] if _SCP_LIKE.match(url) and "@" in url else ""
    if parts.password is not None or ":" in scp_user or (parts.username is not None and parts.scheme in _WEB):
        raise SourceRejected("The git URL carries credentials; they would be stored. Leave them out.")
    if parts.scheme in _WEB and (parts.query or parts.fragment):
        raise SourceRejected("The git URL carries a query, where credentials would be stored. Leave it out.")
    if settings.deployed:
        if parts.scheme != "https" or not host:
            raise SourceRejected("Only https git URLs are accepted.")
        if port not in (None, 443):
            raise SourceRejected("Only the standard https port is accepted.")
        if "*" not in settings.git_hosts and host.lower() not in settings.git_hosts:
            raise SourceRejected(f"Host {host} is not allowed. CVA_GIT_HOSTS allows: {', '.join(settings.git_hosts)}.")
        _check_git_host(host)
    if parts.scheme and parts.scheme not in _TRANSPORTS and not _SCP_LIKE.match(url):
        raise SourceRejected(f"The scheme {parts.scheme!r} is not accepted for git.")


def _check_git_host(host: str) -> None:
    """git looks the host up itself: it must be written as we look it up."""
    try:
        if hosts.written(host) != host.lower():
            raise SourceRejected(f"Write the git URL's host as {hosts.written(host)}.")
        hosts.check_name(host.lower())
    except hosts.HostRejected as error:
        raise SourceRejected(f"The git URL is not accepted. {error}") from None


def check_url(url: str, *, production: bool) -> None:
    """The part of the check that needs no look-up. Raises AddressRejected."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise AddressRejected("It is not a URL.") from None
    if any(ord(char) <= 32 or ord(char) == 127 for char in url):
        raise AddressRejected("It contains spaces or control characters.")
    if parts.scheme not in (("https",) if production else ("https", "http")) or not host:
        raise AddressRejected("Only https URLs are called." if production else "Only http(s) URLs are called.")
    if parts.username is not None or parts.password is not None:
        raise AddressRejected("It carries credentials; they would be stored.")
    if production and port not in (None, 443):
        raise AddressRejected("Only the standard https port is called.")
    try:
        name = hosts.written(host)
        if production:
            hosts.check_name(name)
    except hosts.HostRejected as error:
        raise AddressRejected(str(error)) from None


async def resolve(url: str, *, production: bool) -> Target:
    """Look the host up once. Raises AddressRejected, or OSError when it cannot be resolved."""
    check_url(url, production=production)
    parts = urlsplit(url)
    assert parts.hostname
    host = hosts.written(parts.hostname)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = await look_up(host, port)
    if production and not hosts.is_public(address):
        raise AddressRejected("Its host is not a public address.")
    literal = f"[{address}]" if address.version == 6 else str(address)
    named = f"[{host}]" if ":" in host else host
    header = named if parts.port is None else f"{named}:{parts.port}"
    return Target(parts._replace(netloc=f"{literal}:{port}").geturl(), host, header)


async def look_up(host: str, port: int) -> hosts.Address:
    """The host's first address. Raises OSError when it cannot be resolved."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host!r} is not a name that can be looked up") from error
    return ipaddress.ip_address(found[0][4][0])
