"""Addresses and networks. The standard library's parser is loaded only when a configuration needs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Range = tuple[int, int, int]
"""IP version, first address, last address."""


def network_range(text: object) -> Range | None:
    """The addresses of a CIDR network; a single address is a network of one. None when it is neither.

    Bits beyond the prefix have to be zero: 10.0.0.1/8 is more likely a slip than a network.
    """
    from ipaddress import ip_network

    if not isinstance(text, str) or not text.isascii() or "%" in text:
        return None
    try:
        network = ip_network(text)
    except ValueError:
        return None
    return network.version, int(network.network_address), int(network.broadcast_address)


def address(text: object) -> tuple[int, int] | None:
    """IP version and number; an IPv4 address mapped into IPv6 counts as the IPv4 address."""
    from ipaddress import IPv6Address, ip_address

    if not isinstance(text, str) or len(text) > 45 or not text.isascii() or "%" in text:
        return None
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return 4, int(parsed.ipv4_mapped)
    return parsed.version, int(parsed)


def is_inside(ranges: Sequence[Range]) -> Callable[[object], bool]:
    """Whether an address lies in any of the networks."""

    def test(value: object) -> bool:
        found = address(value)
        if found is None:
            return False
        version, number = found
        return any(own == version and low <= number <= high for own, low, high in ranges)

    return test
