"""Where our requests may go: a table of addresses, each with the reason it is in."""

from __future__ import annotations

import asyncio

import pytest

from scheduler.channels import egress
from scheduler.errors import NoAccount, NotSent

PUBLIC = [
    "8.8.8.8",
    "93.184.216.34",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]
PRIVATE = [
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
    "100.127.255.255", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "192.88.99.1", "::1",
    "fc00::1", "fd12:3456::1", "2001:db8::1", "2001::1", "100::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::", "::127.0.0.1",
]  # fmt: skip
NEVER = [
    "0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.0.1", "100.100.100.200", "192.0.0.192", "224.0.0.1", "239.1.2.3",
    "240.0.0.1", "255.255.255.255", "::", "fe80::1", "fe80::1%eth0", "fec0::1", "fd00:ec2::254", "ff02::1",
    "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "::ffff:0.0.0.0", "::169.254.169.254",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_open(address: str) -> None:
    assert egress.is_allowed(address, private=False)
    assert egress.is_allowed(address, private=True)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_open_only_on_request(address: str) -> None:
    assert not egress.is_allowed(address, private=False)
    assert egress.is_allowed(address, private=True)


@pytest.mark.parametrize("address", NEVER)
def test_link_local_metadata_and_reserved_addresses_are_never_open(address: str) -> None:
    assert not egress.is_allowed(address, private=False)
    assert not egress.is_allowed(address, private=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "::ffff:127.0.0.1"])
def test_every_spelling_of_this_machine_is_seen_through(host: str) -> None:
    with pytest.raises(NoAccount, match="private or reserved network"):
        asyncio.run(egress.resolve(host, 80, private=False))


def test_a_private_network_is_reached_on_request() -> None:
    assert asyncio.run(egress.resolve("127.0.0.1", 80, private=True)) == ("127.0.0.1",)


def test_a_name_that_does_not_resolve_is_tried_again_later() -> None:
    with pytest.raises(NotSent, match="does not resolve"):
        asyncio.run(egress.resolve("nowhere.invalid", 80, private=True))


def test_one_forbidden_address_among_several_closes_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def two_faced(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", ("8.8.8.8", 80)), (2, 1, 6, "", ("127.0.0.1", 80))]

    monkeypatch.setattr("socket.getaddrinfo", two_faced)

    with pytest.raises(NoAccount, match="leads to 127"):
        asyncio.run(egress.resolve("rebind.example.org", 80, private=False))
