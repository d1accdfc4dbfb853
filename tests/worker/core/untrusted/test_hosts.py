"""In whatever way an address or an inner name is written, it is no public host."""

import ipaddress

import pytest

from tests.support.app import settings
from worker.core.untrusted import hosts, urls

NOT_PUBLIC = [
    # IPv4: this host, private, shared, loopback, link-local, protocols, documentation, benchmarks, multicast, reserved.
    "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "127.0.0.1", "127.255.255.254",
    "169.254.169.254", "192.0.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "192.88.99.1",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    # IPv6: none, loopback, link-local, site-local, unique local, multicast, discard, documentation, segment routing.
    "::", "::1", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "feff::1", "fc00::1", "fd12:3456::1", "ff02::1",
    "ff0e::1", "100::1", "2001:db8::1", "3fff::1", "5f00::1",
    # IPv4 within IPv6: mapped, compatible, translated (SIIT, NAT64 of both prefixes), 6to4, Teredo, ISATAP.
    "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::808:808", "64:ff9b:1::a00:1", "64:ff9b:1:ffff::1", "2002:7f00:1::1", "2002:808:808::1",
    "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:2::1", "2001:20::1",
    "2606:4700::5efe:7f00:1", "2606:4700::200:5efe:a00:1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "140.82.121.4", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e", "2620:fe::fe"]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_known(address: str) -> None:
    assert not hosts.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_public(address: str) -> None:
    assert hosts.is_public(ipaddress.ip_address(address))


INNER = [
    # An IPv4 address, as resolvers read it: decimal, octal, hex, short, with the root's dot, in other digits.
    "127.0.0.1", "127.0.0.1.", "2130706433", "017700000001", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.1", "127.0.1",
    "10.1", "0", "0x", "0X7F.1", "1.2.3.4.5", "a.1", "a.0x7f", "１２７.０.０.１", "①②⑦.0.0.1", "127。0。0。1", "127．0．0．1",
    "[::1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[fe80::1%25eth0]",
    # Names of an inner network, in whatever letters.
    "localhost", "LOCALHOST", "localhost.", "a.localhost", "ｌｏｃａｌｈｏｓｔ", "ⓛocalhost", "db", "metadata", "metadata.google.internal",
    "METADATA.GOOGLE.INTERNAL.", "printer.local", "x.lan", "x.home.arpa", "x.corp", "x.intranet", "x.home", "x.test",
    "x.invalid", "x.onion", "1.0.0.127.in-addr.arpa", "x.localdomain",
    # No names at all.
    "a..b.com", "-a.com", "a-.com", "x" * 64 + ".com", "a.com..", "exa mple.com", "a" * 250 + ".com", "xn--a.\u2028com", "*.com",
]  # fmt: skip


@pytest.mark.parametrize("host", INNER)
async def test_production_does_not_call_it(host: str) -> None:
    with pytest.raises(urls.AddressRejected):
        await urls.resolve(f"https://{host}/hook", production=True)
    given = {"CVA_PRODUCTION": "true", "DATABASE_URL": "postgresql://x/y", "CVA_GIT_HOSTS": "*"}
    with pytest.raises(urls.SourceRejected):
        urls.check_git_url(f"https://{host}/a/b", settings(**given))


@pytest.mark.parametrize(
    ("host", "written"),
    [
        ("GitHub.COM", "github.com"),
        ("github.com.", "github.com"),
        ("ｇｉｔｈｕｂ.com", "github.com"),
        ("bücher.de", "xn--bcher-kva.de"),
        ("faß.de", "xn--fa-hia.de"),
        ("例え.jp", "xn--r8jz45g.jp"),
        ("under_score.example.org", "under_score.example.org"),
    ],
)
def test_a_name_has_one_written_form(host: str, written: str) -> None:
    assert hosts.written(host) == written
    urls.check_url(f"https://{host}/hook", production=True)


def test_git_is_given_a_host_as_it_is_looked_up() -> None:
    given = {"CVA_PRODUCTION": "true", "DATABASE_URL": "postgresql://x/y"}
    for host in ("ｇｉｔｈｕｂ.com", "github.com."):
        with pytest.raises(urls.SourceRejected):
            urls.check_git_url(f"https://{host}/a/b", settings(**given))
    urls.check_git_url("https://GitHub.com/a/b", settings(**given))


async def test_what_is_pinned_is_named_in_punycode(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def look_up(host: str, port: int) -> hosts.Address:
        asked.append(host)
        return ipaddress.ip_address("8.8.8.8")

    monkeypatch.setattr(urls, "look_up", look_up)
    target = await urls.resolve("https://Bücher.de/hook?x=1", production=True)
    assert asked == ["xn--bcher-kva.de"]
    assert (target.url, target.host, target.header) == (
        "https://8.8.8.8:443/hook?x=1",
        "xn--bcher-kva.de",
        "xn--bcher-kva.de",
    )
