"""Which network addresses a script's request may reach: those of the public internet, others only by permission.

Source: the IANA special-purpose address registries (RFC 6890), as `ipaddress` knows them.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# Fixed addresses of cloud services that hand out credentials but lie in public or private ranges.
METADATA = frozenset(
    ip_address(text) for text in ("169.254.169.254", "fd00:ec2::254", "168.63.129.16", "100.100.100.200", "192.0.0.192")
)
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_COMPATIBLE = ip_network("::/96")

Address = IPv4Address | IPv6Address


def address_of(text: str) -> Address | None:
    """Returns the address that ``text`` is, None if it is a name."""
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def refusal(address: Address, *, private: bool) -> str | None:
    """Returns why a request may not go to ``address``, None if it may.

    Args:
        address: Where it would go; an IPv4 address wrapped in IPv6 counts as what is inside.
        private: Whether private and loopback ranges are permitted.
    """
    for one in (address, *_inside(address)):
        reason = _kind(one)
        if reason is not None and not (private and reason in ("private", "loopback")):
            return reason
    return None


def _kind(address: Address) -> str | None:
    if address in METADATA:
        return "metadata"
    if address.is_unspecified:
        return "unspecified"
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link-local"
    if address.is_multicast:
        return "multicast"
    if isinstance(address, IPv6Address) and address.is_site_local:
        return "private"
    return None if address.is_global else "private"


def _inside(address: Address) -> list[IPv4Address]:
    if isinstance(address, IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in _NAT64) or (address in _COMPATIBLE and int(address) > 1):
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in found if one is not None]
