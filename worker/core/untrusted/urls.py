"""Outgoing HTTP to addresses that strangers chose: resolved once, public only, no redirects."""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit


class AddressRejected(ValueError):
    """The URL is not one this deployment calls. The message says why."""


@dataclass(frozen=True)
class Target:
    """Connect to `url`, whose host is an address, in the name of `host`."""

    url: str
    host: str
    header: str


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
    if production and _address(host) is not None:
        raise AddressRejected("It must name its host, not an address.")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


async def resolve(url: str, *, production: bool) -> Target:
    """Look the host up once. Raises AddressRejected, or OSError when it cannot be resolved."""
    check_url(url, production=production)
    parts = urlsplit(url)
    assert parts.hostname
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    address = ipaddress.ip_address(found[0][4][0])
    if production and (not address.is_global or address.is_multicast):
        raise AddressRejected("Its host is not a public address.")
    literal = f"[{address}]" if address.version == 6 else str(address)
    return Target(parts._replace(netloc=f"{literal}:{port}").geturl(), parts.hostname, parts.netloc)
