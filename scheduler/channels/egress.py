"""Which internet addresses our requests may go to: hooks must not reach what only this machine can (SSRF)."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from scheduler.errors import NoAccount, NotSent

Address = IPv4Address | IPv6Address

# Never, whatever the account says: link-local and the metadata services of clouds (they hand out credentials),
# "this network", multicast, reserved. RFC 3927, 4291, 5771, 1112; AWS, Alibaba, Oracle documentation.
_NEVER = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "100.100.100.200/32",
        "192.0.0.192/32",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "fe80::/10",
        "fec0::/10",
        "fd00:ec2::254/128",
        "ff00::/8",
    )
)
# Only where the account says `allow_private`: loopback, private and shared networks, test and benchmark ranges.
_PRIVATE = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "::1/128",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
    )
)
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


def is_allowed(address: str, *, private: bool) -> bool:
    """Whether a request may go to this IP address; `private` opens loopback and private networks.

    An IPv4 address wrapped in an IPv6 one (mapped, compatible, 6to4, NAT64) is judged as itself.
    """
    found = _unwrapped(ip_address(address.partition("%")[0]))
    if any(found in network for network in _NEVER if network.version == found.version):
        return False
    return private or not any(found in network for network in _PRIVATE if network.version == found.version)


async def resolve(host: str, port: int, *, private: bool) -> tuple[str, ...]:
    """Return the IP addresses of `host` (at least one), after checking every one of them.

    Whoever connects to one of these is safe from a name that resolves differently the second time. Raises NotSent when
    the name does not resolve, NoAccount when it leads where requests may not go.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotSent(f"{host} cannot be found: its name does not resolve") from None
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if not is_allowed(address, private=private):
            raise NoAccount(
                f"{host} leads to {address}, an address inside a private or reserved network",
                remedy="if that is meant and it is not link-local, set allow_private=true in the account",
            )
    return addresses


def _unwrapped(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    in_last_bits = int(address) >> 32 == 0 and int(address) > 1
    if in_last_bits or any(address in network for network in _NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
