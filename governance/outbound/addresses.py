"""Keeping messages out of private networks.

A receiver's address is resolved when it is saved and again when a message is sent, every address it resolves
to has to be public, and the message goes to the address that was checked. Site administrators may open
networks of their own (HEADWAY_OUTBOUND_ALLOW), for an alert manager inside, say.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from ledger.refusals import Refused, refuse

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Iterable[str]]

NAT64 = ipaddress.ip_network("64:ff9b::/96")
NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
SIX_TO_FOUR = ipaddress.ip_network("2002::/16")
LONGEST = 2000
PORTS = {"http": 80, "https": 443}
EXAMPLE = "For example: https://hooks.example.com/headway."


@dataclass(frozen=True, slots=True)
class Target:
    """Where a message goes: the checked address to connect to, and the names to use there."""

    scheme: str
    host: str
    port: int
    path: str
    address: str


def resolve(host: str, port: int) -> list[str]:
    """Every address of the host. Raises OSError when it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return sorted({str(entry[4][0]).partition("%")[0] for entry in found})


def target(
    url: str, *, allowed: Iterable[Network] = (), resolver: Resolver = resolve, field: str = "address"
) -> Target:
    """The checked target of an address. Raises Refused when it is malformed, unknown or private."""
    parts = _split(url, field)
    scheme, host = parts.scheme, (parts.hostname or "")
    port = _port(parts, field) or PORTS[scheme]
    try:
        found = [ipaddress.ip_address(each) for each in resolver(host, port)]
    except (OSError, UnicodeError, ValueError) as unknown:
        fix = "Check the spelling, and that this machine can resolve the name."
        raise refuse(field, url, f"the host {host} cannot be resolved ({unknown})", fix) from None
    permitted = tuple(allowed)
    for address in found:
        if not _is_open(address, permitted):
            raise _private(url, host, address, field)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme, host, port, path, str(found[0]))


def is_public(address: Address) -> bool:
    """Whether the address, or the IPv4 address hidden inside it, belongs to the public internet."""
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    return address.is_global and not (address.is_multicast or address.is_unspecified or address.is_reserved)


def _is_open(address: Address, allowed: Iterable[Network]) -> bool:
    inner = _inner(address) or address
    return is_public(address) or any(inner in network for network in allowed)


def _inner(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address carries: mapped, NAT64 or 6to4."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in NAT64 or address in NAT64_LOCAL:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in SIX_TO_FOUR:
        return address.sixtofour
    return None


def _split(url: str, field: str) -> SplitResult:
    if len(url) > LONGEST or any(ord(sign) <= ord(" ") or ord(sign) > ord("~") for sign in url):
        raise refuse(field, url, "this is no web address", "Write it without spaces, in ASCII.")
    try:
        parts = urlsplit(url)
    except ValueError as wrong:
        raise refuse(field, url, f"this is no web address ({wrong})", EXAMPLE) from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise refuse(field, url, "an address begins with https:// or http:// and names a host", EXAMPLE)
    if parts.username is not None or parts.password is not None:
        raise refuse(field, url, "it holds a user name or password", "Leave them out of the address.")
    return parts


def _port(parts: SplitResult, field: str) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise refuse(field, parts.geturl(), "its port is none", "Ports are 1 to 65535.") from None


def _private(url: str, host: str, address: Address, field: str) -> Refused:
    named = "" if host == str(address) else f"{host} is "
    why = f"{named}{address}, which is not a public address" if named else f"{host} is not a public address"
    fix = "Give a public one, or let an administrator open the network with HEADWAY_OUTBOUND_ALLOW."
    return refuse(field, url, why, fix)
