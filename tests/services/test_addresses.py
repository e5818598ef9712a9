"""Which addresses requests may reach."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from alloy_lua.bridges.hosts.addresses import address_of, refusal

REFUSED = {
    "loopback": [
        "127.0.0.1",
        "127.255.255.254",
        "::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "::127.0.0.1",
    ],
    "private": [
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "100.64.0.1",
        "198.18.0.1",
        "192.0.2.1",
        "fd00::1",
        "fec0::1",
        "2001:db8::1",
        "::ffff:10.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
    ],
    "link-local": ["169.254.1.1", "fe80::1", "::ffff:169.254.1.1"],
    "metadata": [
        "169.254.169.254",
        "fd00:ec2::254",
        "168.63.129.16",
        "100.100.100.200",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
    ],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1"],
    "unspecified": ["0.0.0.0", "::"],
}
CASES = [(text, kind) for kind, texts in REFUSED.items() for text in texts]


@pytest.mark.parametrize(("text", "kind"), CASES)
def test_addresses_inside_are_refused(text: str, kind: str) -> None:
    assert refusal(ip_address(text), private=False) is not None
    permitted = refusal(ip_address(text), private=True)
    assert (permitted is None) == (kind in ("loopback", "private")), permitted


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"]
)
def test_public_addresses_are_reached(text: str) -> None:
    assert refusal(ip_address(text), private=False) is None


def test_a_scope_is_no_part_of_the_address_and_a_name_is_none() -> None:
    assert str(address_of("fe80::1%eth0")) == "fe80::1"
    assert address_of("example.com") is None
    assert address_of("2130706433") is None
