"""The way a mail took, from lines anybody may have written."""

import pytest

from helpdesk.mail.received import MAX_HOPS, read_path


def path(*lines):
    return read_path([("Received", line) for line in lines] + [("Subject", "from x by y; now")])


def test_servers_come_in_the_order_they_were_passed():
    first, second = path(
        "from relay.example (relay.example [192.0.2.1]) by mx.example (Postfix) with ESMTPS id 1; Mon, 2 Feb 2026 10:00:05 +0100",
        "by relay.example with local; Mon, 2 Feb 2026 09:00:00 +0000",
    )
    assert (first.by, first.sender, first.protocol, first.delay_s) == ("relay.example", "", "local", None)
    assert (second.by, second.sender, second.known_as) == (
        "mx.example",
        "relay.example",
        "relay.example [192.0.2.1]",
    )
    assert (second.protocol, second.delay_s) == ("ESMTPS", 5)


def test_clocks_that_disagree_give_no_delay():
    assert (
        path("by b; Mon, 2 Feb 2026 09:00:00 +0000", "by a; Mon, 2 Feb 2026 09:00:09 +0000")[1].delay_s
        is None
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        ";",
        "from",
        "by (((((",
        "from " + "x" * 100_000,
        "by x; Mon, 99 Foo 0000",
        "by x; 31 Dec 9999 23:59:00 -2359",
        ") by\t; ;",
        "(" * 50_000,
    ],
)
def test_any_line_is_read(line):
    (hop,) = path(line)
    assert hop.at is None
    assert len(hop.by) <= 255


def test_a_way_without_end_is_cut():
    assert len(path(*["by x"] * 900)) == MAX_HOPS
