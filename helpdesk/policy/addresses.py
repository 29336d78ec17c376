"""What an IP address really is, seen through the wrappings that hide a private one inside a public-looking one, and
which addresses the desk may connect to.

The standard library calls some of them global, depending on its version: IPv4 inside NAT64 (RFC 6052), 6to4
(RFC 3056), Teredo (RFC 4380) and mapped addresses (RFC 4291), and some of 192.0.0.0/24 (RFC 6890).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
COMPATIBLE = ipaddress.IPv6Network("::/96")
PROTOCOL_ASSIGNMENTS = ipaddress.IPv4Network("192.0.0.0/24")
THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")
# Where clouds hand secrets to their machines, outside the link-local range: Azure, Alibaba, AWS and Google over IPv6.
CLOUD_SECRETS = frozenset(
    ipaddress.ip_address(text)
    for text in ("168.63.129.16", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254")
)


class Reach(StrEnum):
    """What lies behind an address."""

    INTERNET = "internet"
    LOOPBACK = "loopback"
    PRIVATE = "private"
    NOWHERE = (
        "nowhere"  # never a server of anybody's: link-local, multicast, broadcast, reserved, a cloud's own
    )


@dataclass(frozen=True, slots=True)
class Networks:
    """Where connections may go besides the Internet."""

    loopback: bool = False
    private: bool = False
    listed: tuple[Network, ...] = ()

    def admit(self, address: Address) -> bool:
        """Judged by what the address really is, whatever it is wrapped in."""
        inner = unwrap(address)
        match reach_of(inner):
            case Reach.INTERNET:
                return True
            case Reach.NOWHERE:
                return False
            case Reach.LOOPBACK if self.loopback:
                return True
            case Reach.PRIVATE if self.private:
                return True
        return any(inner in network for network in self.listed)


INTERNET_ONLY = Networks()
OWN_NETWORKS = Networks(loopback=True, private=True)


def read_networks(text: str) -> Networks:
    """The words `loopback`, `private` and networks, separated by commas; `none` for none. Raises ValueError."""
    words = {word.strip().lower() for word in text.split(",")} - {"", "none"}
    listed = sorted(words - {"loopback", "private"})
    try:
        networks = tuple(ipaddress.ip_network(word, strict=False) for word in listed)
    except ValueError:
        raise ValueError(
            "use loopback, private, none or networks like 10.1.0.0/16, with commas between"
        ) from None
    return Networks("loopback" in words, "private" in words, networks)


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


def reach_of(address: Address) -> Reach:
    """What lies behind an address, unwrapped first."""
    inner = unwrap(address)
    if inner.is_loopback:
        return Reach.LOOPBACK
    if _is_nowhere(inner):
        return Reach.NOWHERE
    return Reach.INTERNET if is_public(inner) else Reach.PRIVATE


def _is_nowhere(inner: Address) -> bool:
    if inner in CLOUD_SECRETS or inner.is_link_local or inner.is_multicast or inner.is_unspecified:
        return True
    if isinstance(inner, ipaddress.IPv4Address):
        return inner.is_reserved or inner in THIS_NETWORK or inner in PROTOCOL_ASSIGNMENTS
    return inner.is_reserved or inner.is_site_local or inner in NAT64_LOCAL


def is_public(address: Address) -> bool:
    """Whether an address belongs to the Internet at large: what a request made for somebody else may reach."""
    inner = unwrap(address)
    if isinstance(inner, ipaddress.IPv4Address):
        return inner.is_global and not inner.is_multicast and inner not in PROTOCOL_ASSIGNMENTS
    return inner.is_global and not inner.is_multicast and inner not in NAT64_LOCAL
