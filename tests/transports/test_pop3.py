"""Fetching by POP3, from a real server and from ones that misbehave: whole mails, in time, and no command of a mail's."""

import base64
import secrets
import time
from datetime import UTC, datetime

import pytest

from helpdesk.errors import TransientError
from helpdesk.policy.addresses import OWN_NETWORKS
from helpdesk.transports.base import LoginRefused, Security, ServerAddress, UnusableServer
from helpdesk.transports.connect import look_inside
from helpdesk.transports.pop3 import Pop3Drop, arrived_at
from tests.servers.scripted_pop3 import ScriptedPop3
from tests.transports.mails import mail

LARGE = 1_000_000


@pytest.fixture
def user():
    return f"u{secrets.token_hex(4)}"


@pytest.fixture
def scripted():
    servers = []

    def make(*raws, **values):
        server = ScriptedPop3(*((b"id-%d" % number, raw) for number, raw in enumerate(raws, 1)))
        for name, value in values.items():
            setattr(server, name, value)
        servers.append(server.start())
        return server

    yield make
    for server in servers:
        server.stop()


def dovecots(dovecot, user, security=Security.TLS, **values):
    port = dovecot.pop3s_port if security is Security.TLS else dovecot.pop3_port
    return Pop3Drop(dovecot.address(user, port=port, security=security, **values))


def opened(server, **values):
    defaults = {"username": "u", "password": "p", "security": Security.PLAIN, "networks": OWN_NETWORKS}
    timeouts = {"connect_timeout_s": 0.4, "command_timeout_s": 0.4}
    return Pop3Drop(ServerAddress("127.0.0.1", server.port, **(defaults | timeouts | values)))


def patient(server):
    return opened(server, connect_timeout_s=10.0, command_timeout_s=10.0)


@pytest.mark.parametrize("security", list(Security))
def test_each_way_of_connecting_works(dovecot, user, security):
    dovecot.deliver(user, mail("One"))
    drop = dovecots(dovecot, user, security)
    assert len(drop.listing()) == 1
    drop.close()


def test_mails_arrive_as_they_were_sent_and_keep_their_names(dovecot, user):
    raws = [mail("One"), mail("Dots", "a\r\n.\r\n..b\r\n.c\r\n"), mail("Three", "x" * 5000)]
    for raw in raws:
        dovecot.deliver(user, raw)
    first = dovecots(dovecot, user)
    listed = first.listing()
    found = list(first.fetch(listed, max_bytes=LARGE))
    first.close()
    again = dovecots(dovecot, user)
    assert again.listing() == listed
    again.close()
    assert sorted(m.raw for m in found) == sorted(raws)
    assert not any(m.is_partial or m.problem for m in found)


def test_deleting_happens_at_the_end_and_not_when_the_connection_breaks(dovecot, user):
    for number in range(3):
        dovecot.deliver(user, mail(f"Mail {number}"))
    broken = dovecots(dovecot, user)
    broken.listing()
    broken.delete([1])
    broken._session.abandon()
    drop = dovecots(dovecot, user)
    kept = [m.name for m in drop.listing()]
    drop.delete([1, 3])
    drop.close()
    after = dovecots(dovecot, user)
    assert (len(kept), [m.name for m in after.listing()]) == (3, [kept[1]])
    after.close()


def test_wrong_password_needs_a_person(dovecot, user):
    with pytest.raises(UnusableServer, match="refuses user name or password"):
        dovecots(dovecot, user, password="wrong")


def test_a_token_is_never_sent_as_a_password(scripted):
    token = {"password": "token", "has_token": True, "connect_timeout_s": 10.0, "command_timeout_s": 10.0}
    server = scripted(mail("One"), answers={b"AUTH": b"+ \r\n"})
    assert len(opened(server, **token).listing()) == 1
    assert server.said(b"AUTH XOAUTH2\r\n") == 1 and server.said(b"PASS") == server.said(b"USER") == 0
    answer = base64.b64encode(b"user=u\x01auth=Bearer token\x01\x01")
    assert server.commands[1].strip() == answer
    server.answers = {b"AUTH": b"-ERR no token of ours\r\n"}
    with pytest.raises(LoginRefused, match="refuses the permission"):
        opened(server, **token)


def test_a_busy_mailbox_is_passing(scripted):
    server = scripted(answers={b"PASS": b"-ERR [IN-USE] maildrop locked\r\n"})
    with pytest.raises(TransientError):
        patient(server)


def test_line_ends_in_credentials_are_refused(scripted):
    with pytest.raises(UnusableServer, match="line ends"):
        patient_with = {"username": "u\r\nDELE 1", "connect_timeout_s": 10.0}
        opened(scripted(), **patient_with)


def test_no_password_leaves_without_stls(scripted):
    server = scripted()
    with pytest.raises(UnusableServer, match="STARTTLS"):
        opened(server, security=Security.STARTTLS, connect_timeout_s=10.0)
    assert server.said(b"USER") == server.said(b"PASS") == 0


@pytest.mark.parametrize("silent_at", [b"USER", b"UIDL", b"RETR"])
def test_silence_ends_in_time(scripted, silent_at):
    server = scripted(mail())
    server.answers[silent_at] = b""
    began = time.monotonic()
    with pytest.raises(TransientError, match="did not answer in time"):
        drop = opened(server)
        list(drop.fetch(drop.listing(), max_bytes=LARGE))
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("share", [0, 0.25, 1])
def test_a_cut_in_a_mail_yields_nothing_half(scripted, share):
    raw = mail("Cut", "words " * 1000)
    server = scripted(mail("Before"), raw, cut={2: int(len(raw) * share)})
    drop = patient(server)
    found = []
    with pytest.raises(TransientError, match="ended the connection"):
        for fetched in drop.fetch(drop.listing(), max_bytes=LARGE):
            found.append(fetched)
    assert [m.raw for m in found] == [mail("Before")]
    began = time.monotonic()
    drop.close()
    assert time.monotonic() - began < 5


def test_a_mail_over_the_limit_comes_as_header_and_first_text(scripted):
    raw = mail("Large", "first words\r\n" + "x" * 70 + "\r\n" * 9000)
    server = scripted(raw, mail("Small"))
    drop = patient(server)
    large, small = drop.fetch(drop.listing(), max_bytes=4000)
    assert large.is_partial and large.size == len(raw)
    assert b"Subject: Large\r\n" in large.raw and b"first words" in large.raw
    assert (small.raw, small.is_partial) == (mail("Small"), False)
    assert server.said(b"RETR 1") == 0


def test_a_mail_larger_than_announced_is_cut_and_the_next_one_whole(scripted):
    raw = mail("Liar", "y" * 60 + "\r\n" + "z" * 9000)
    server = scripted(raw, mail("Next"), answers={b"LIST": b"+OK\r\n1 10\r\n2 10\r\n.\r\n"})
    drop = patient(server)
    liar, following = drop.fetch(drop.listing(), max_bytes=4000)
    assert liar.is_partial and b"Subject: Liar" in liar.raw
    assert (following.raw, following.is_partial) == (mail("Next"), False)


def test_a_mail_the_server_cannot_give_does_not_stop_the_others(scripted):
    drop = patient(scripted(mail("One"), mail("Two"), refused={1}))
    two, one = drop.fetch(drop.listing(), max_bytes=LARGE)
    assert two.raw == mail("Two")
    assert one.is_partial and b"does not hand over" in one.raw and one.problem == "cannot be read"


def test_a_server_that_gives_no_mail_at_all_is_asked_again_later(scripted):
    drop = patient(scripted(mail("One"), refused={1}))
    with pytest.raises(TransientError, match="does not hand over"):
        list(drop.fetch(drop.listing(), max_bytes=LARGE))


def test_an_empty_answer_is_no_mail_to_be_deleted_later(scripted):
    drop = patient(scripted(mail("One"), mail("Two"), answers={b"RETR 1": b"+OK\r\n.\r\n"}))
    two, one = drop.fetch(drop.listing(), max_bytes=LARGE)
    assert (two.raw, two.is_partial) == (mail("Two"), False)
    assert one.is_partial and b"Subject: One" in one.raw


def names(server):
    drop = patient(server)
    found = [listed.name for listed in drop.listing()]
    drop.close()
    return found


@pytest.mark.parametrize("without", [{b"UIDL"}, {b"UIDL", b"TOP"}])
def test_without_uidl_mails_have_lasting_names_all_the_same(scripted, without):
    server = scripted(mail("One"), mail("Two"), mail("Three"), without=without)
    first = names(server)
    del server.mails[1]
    assert len(set(first)) == 3
    assert names(server) == [first[0], first[2]]


def test_one_uidl_for_two_mails_names_neither(scripted):
    server = scripted()
    server.mails = [(b"same", mail("One")), (b"same", mail("Two")), (b"own", mail("Three"))]
    one, two, three = names(server)
    assert one != two and three == "own" and "same" not in (one, two)


def test_mails_alike_up_to_the_text_are_told_apart(scripted):
    server = scripted(mail("One", "a\r\n"), mail("One", "b\r\n"), without={b"UIDL"})
    one, two = names(server)
    assert one != two


def test_hostile_names_are_names_and_never_commands(scripted):
    server = scripted()
    server.mails = [(b"1 DELE 1", mail("One")), (b"\xff" * 300, mail("Two")), (b"ok", mail("Three"))]
    found = names(server)
    assert found[2] == "ok" and all(name.isascii() and len(name) < 200 for name in found)
    assert server.said(b"DELE") == 0


def test_nonsense_in_a_listing_is_left_out(scripted):
    server = scripted(mail("One"))
    server.answers[b"LIST"] = b"+OK\r\n1 20\r\nx y\r\n99999999999999999999 5\r\n2\r\n3 -4\r\n.\r\n"
    assert names(server) == ["id-1"]


def test_looking_inside_lists(scripted):
    server = scripted(mail("One"))
    look_inside(patient(server), ["INBOX"])
    assert (server.said(b"LIST"), server.said(b"RETR")) == (1, 0)


@pytest.mark.parametrize(
    ("header", "at"),
    [
        (b"Received: from a by b;\r\n Mon, 2 Feb 2026 10:00:00 +0100\r\nReceived: x; Tue, 3 Feb 2015 10:00:00 +0000", 2026),
        (b"Date: Mon, 2 Feb 2026 10:00:00 -0000\r\n\r\nReceived: x; Tue, 3 Feb 2015 10:00:00 +0000", 2026),
        (b"Received: nonsense\r\ndate: Mon, 2 Feb 2026 10:00:00 +0100", 2026),
        (b"Date: yesterday", None),
        (b"Date: Mon, 99 Feb 99999 10:00:00", None),
        (b"", None),
    ],
)  # fmt: skip
def test_the_moment_of_arrival_is_read_from_the_header(header, at):
    found = arrived_at(header)
    assert (found and found.year) == at
    assert found is None or (found.tzinfo is UTC and isinstance(found, datetime))


def test_a_line_of_spaces_costs_no_more_than_another(scripted):
    endless = b"+OK\r\n1 a" + b" " * 400_000 + b"b\r\n.\r\n"
    drop = patient(scripted(mail("One"), answers={b"UIDL": endless}))
    assert [listed.name.startswith("uidl/") for listed in drop.listing()] == [True]
    drop.close()
