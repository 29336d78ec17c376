"""What an IP address really is, seen through the wrappings that hide a private one inside a public-looking one.

The standard library calls some of them global, depending on its version: IPv4 inside NAT64 (RFC 6052), 6to4
(RFC 3056), Teredo (RFC 4380) and mapped addresses (RFC 4291), and some of 192.0.0.0/24 (RFC 6890).
"""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
COMPATIBLE = ipaddress.IPv6Network("::/96")
PROTOCOL_ASSIGNMENTS = ipaddress.IPv4Network("192.0.0.0/24")


def read_address(text: str) -> Address | None:
    """An address as it is written, brackets and zone left aside; None for a name."""
    try:
        return unwrap(ipaddress.ip_address(text.strip("[]").partition("%")[0]))
    except ValueError:
        return None


def unwrap(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, as far as there is one; else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64 or (address in COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address


def is_loopback(host: str) -> bool:
    """Whether a connection to `host` never leaves this machine."""
    address = read_address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def is_public(address: Address) -> bool:
    """Whether an address belongs to the Internet at large: what a request made for somebody else may reach."""
    inner = unwrap(address)
    if isinstance(inner, ipaddress.IPv4Address):
        return inner.is_global and not inner.is_multicast and inner not in PROTOCOL_ASSIGNMENTS
    return inner.is_global and not inner.is_multicast and inner not in NAT64_LOCAL
