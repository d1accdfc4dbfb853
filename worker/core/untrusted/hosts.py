"""Hosts that strangers name: their one written form, and whether they are public."""

import ipaddress
import re  # noqa: TID251  linear: from the beginning, one class, of a bounded label

import idna

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# What resolvers and the numbers' own syntax make of a last label like these is an IPv4 address, in whatever base.
_NUMBER = re.compile(r"^(?:\d+|0x[0-9a-f]*)$")
_LABEL = re.compile(r"^(?!-)[a-z0-9_-]{1,63}(?<!-)$")
# Names that mean a machine of one's own network: RFC 6761, 6762, 8375, 9476, and what routers and clouds use.
_INNER = frozenset(
    {
        *("localhost", "localdomain", "local", "internal", "intranet", "private", "lan", "home", "corp"),
        *("arpa", "alt", "test", "invalid", "example", "onion"),
    }
)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.88.99.0/24",  # relays from 6to4
        "2001::/23",  # protocols' own, Teredo's tunnels among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address within
        "3fff::/20",  # documentation
    )
)
# The lower half of an ISATAP address begins so; an IPv4 address follows.
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)


class HostRejected(ValueError):
    """The host is not one that is called. The message says why."""


def is_public(address: Address) -> bool:
    """Whether it is an address of the public internet, and hides none that is not.

    Of IPv6 that is global unicast alone: what maps, translates (NAT64) or tunnels IPv4 lies outside, or is named here.
    """
    if any(address in network for network in _NOT_PUBLIC if network.version == address.version):
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast and not address.is_reserved
    isatap = int(address) >> 32 & 0xFFFF_FFFF in _ISATAP
    return address in _GLOBAL_UNICAST and address.scope_id is None and not isatap


def written(host: str) -> str:
    """The host as it is looked up: in punycode, in small letters, without the root's dot. Raises HostRejected.

    An IPv6 address is given back as it is; so is an IPv4 address in its usual form.
    """
    if ":" in host:
        return host.lower()
    name = host[:-1] if host.endswith(".") else host
    try:
        name = idna.encode(name, uts46=True).decode("ascii") if not name.isascii() else name.lower()
    except (idna.IDNAError, UnicodeError):
        raise HostRejected("Its host is not a name.") from None
    if len(name) > 253 or not all(_LABEL.match(label) for label in name.split(".")):
        raise HostRejected("Its host is not a name.")
    return name


def check_name(host: str) -> None:
    """Accept the written form of a public name; not an address in whatever form, nor a name of an inner network.

    Raises HostRejected.
    """
    last = host.rpartition(".")[2]
    if ":" in host or _NUMBER.match(last):
        raise HostRejected("It must name its host, not an address.")
    if "." not in host or last in _INNER:
        raise HostRejected("Its host is a name of an inner network.")
