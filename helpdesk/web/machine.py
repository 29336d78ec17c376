"""Which machine asks, for those who count: whoever has one IPv6 address has as many as he likes."""

from __future__ import annotations

import ipaddress

from flask import request

from helpdesk.policy.addresses import read_address

NETWORK_BITS = 64  # one customer of a provider has at least that many IPv6 addresses


def machine() -> str:
    """The network of whoever asks: an IPv4 address, or the half of an IPv6 one its owner cannot choose."""
    address = read_address(request.remote_addr or "")
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(address), NETWORK_BITS), strict=False))
    return str(address)
