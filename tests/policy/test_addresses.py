"""What an address really is, whatever it is wrapped in."""

import ipaddress

import pytest

from helpdesk.policy.addresses import is_loopback, is_public, read_address


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "192.0.0.8",
        "255.255.255.255", "224.0.0.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::",
        "2002:a00:1::1", "2001:0:0:0:0:0:80ff:fffe", "2001:db8::1",
    ],
)  # fmt: skip
def test_what_is_not_the_internet(text):
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8"]
)
def test_what_is(text):
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    ("host", "is_local"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("[::1]", True), ("::ffff:127.0.0.1", True),
     ("64:ff9b::7f00:1", True), ("LOCALHOST", True), ("10.0.0.1", False), ("localhost.evil.example", False),
     ("127.0.0.1.evil.example", False), ("", False), ("2130706433", False)],
)  # fmt: skip
def test_which_hosts_are_this_machine(host, is_local):
    assert is_loopback(host) is is_local


@pytest.mark.parametrize("text", ["", "desk.example", "1.2.3", "1.2.3.4.5", "::g", "0x7f000001"])
def test_a_name_is_no_address(text):
    assert read_address(text) is None
