"""IMAP servers and lines that fail: every call ends in time, nothing half is handed on."""

import os
import secrets
import time

import pytest

from helpdesk.errors import TransientError
from helpdesk.policy.addresses import OWN_NETWORKS
from helpdesk.transports.base import Security, ServerAddress, UnusableServer
from helpdesk.transports.connection import require_protection
from helpdesk.transports.imap import ImapSource
from tests.servers.ports import free_port
from tests.servers.scripted_imap import ScriptedImap
from tests.transports.mails import mail


@pytest.fixture
def scripted():
    servers = []

    def make(mails=None, **values):
        server = ScriptedImap(mails)
        for name, value in values.items():
            setattr(server, name, value)
        servers.append(server.start())
        return server

    yield make
    for server in servers:
        server.stop()


def plain(port, **values):
    defaults = {"username": "u", "password": "p", "security": Security.PLAIN, "networks": OWN_NETWORKS}
    timeouts = {"connect_timeout_s": 0.4, "command_timeout_s": 0.4}
    return ServerAddress("127.0.0.1", port, **(defaults | timeouts | values))


def opened(port, **values):
    source = ImapSource(plain(port, **values))
    source.open_folder("INBOX")
    return source


def test_nobody_listens():
    with pytest.raises(TransientError, match=r"127.0.0.1 refuses connections on port \d+"):
        ImapSource(plain(free_port()))


def test_unknown_host():
    with pytest.raises(TransientError, match=r"mail\.invalid is unknown"):
        ImapSource(ServerAddress("mail.invalid", 993, connect_timeout_s=5))


def test_a_name_that_is_none():
    with pytest.raises(UnusableServer, match="not the name of a server"):
        ImapSource(ServerAddress("a" * 70 + ".example", 993, connect_timeout_s=1))


@pytest.mark.parametrize("security", list(Security))
def test_a_server_that_accepts_and_says_nothing_ends_in_time(scripted, security):
    started = time.monotonic()
    with pytest.raises(TransientError, match="did not answer in time"):
        ImapSource(plain(scripted(greeting=b"").port, security=security))
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("step", [b"LOGIN", b"SELECT", b"UID SEARCH", b"UID FETCH"])
def test_silence_in_the_middle_ends_in_time(scripted, step):
    server = scripted({1: mail()}, answers={step: b""})
    started = time.monotonic()
    with pytest.raises(TransientError, match="did not answer in time"):
        source = opened(server.port)
        list(source.fetch(source.uids_after(0), max_bytes=1000))
    assert time.monotonic() - started < 4


def test_a_dripping_server_ends_in_time(scripted, fault_proxy):
    proxy = fault_proxy(scripted({1: mail()}).port)
    proxy.pace = 0.2
    started = time.monotonic()
    with pytest.raises(TransientError, match="did not answer in time"):
        ImapSource(plain(proxy.port))
    assert time.monotonic() - started < 2


def test_an_endless_line_ends(scripted):
    server = scripted(answers={b"UID SEARCH": b"* SEARCH" + b" 1" * 9_000_000})
    source = opened(server.port, command_timeout_s=5)
    with pytest.raises(TransientError):
        source.uids_after(0)


def test_a_literal_without_end_is_not_begun(scripted):
    answer = b"* 1 FETCH (UID 1 BODY[] {4000000000}\r\nx"
    source = opened(scripted({1: mail()}, answers={b"UID FETCH 1 (BODY.PEEK[])": answer}).port)
    with pytest.raises(TransientError, match="ended the connection") as raised:
        list(source.fetch([1], max_bytes=1000))
    assert "4000000000" in raised.value.detail


def test_a_long_search_answer_is_read(scripted):
    many = b" ".join(b"%d" % uid for uid in range(1, 200_000))
    server = scripted(answers={b"UID SEARCH": b"* SEARCH " + many + b"\r\nTAG OK done\r\n"})
    assert len(opened(server.port, command_timeout_s=5).uids_after(0)) == 199_999


@pytest.mark.parametrize("where", [1, 400, -1])
def test_a_cut_in_a_literal_yields_nothing_half(dovecot, fault_proxy, where):
    user = f"cut{secrets.token_hex(4)}@desk.example"
    raws = [mail(str(number), "x" * 1500) for number in range(20)]
    for raw in raws:
        dovecot.deliver(user, raw)
    proxy = fault_proxy(dovecot.port)
    source = ImapSource(dovecot.address(user, host="127.0.0.1", port=proxy.port, security=Security.PLAIN))
    source.open_folder("INBOX")
    uids = source.uids_after(0)
    proxy.marker = b"BODY[] {%d}\r\n" % len(raws[0])
    proxy.cut_after = where if where > 0 else len(raws[0]) - 1
    found = []
    with pytest.raises(TransientError, match="ended the connection"):
        found.extend(source.fetch(uids, max_bytes=100_000))
    assert found == []
    proxy.heal()
    again = ImapSource(dovecot.address(user, host="127.0.0.1", port=proxy.port, security=Security.PLAIN))
    again.open_folder("INBOX")
    assert [m.raw for m in again.fetch(again.uids_after(0), max_bytes=100_000)] == raws
    again.close()
    source.close()


def test_a_cut_in_the_second_batch_leaves_the_first_whole(dovecot, fault_proxy):
    user = f"cut{secrets.token_hex(4)}@desk.example"
    for number in range(30):
        dovecot.deliver(user, mail(str(number), "x" * 1500))
    proxy = fault_proxy(dovecot.port)
    source = ImapSource(dovecot.address(user, host="127.0.0.1", port=proxy.port, security=Security.PLAIN))
    source.open_folder("INBOX")
    uids = source.uids_after(0)
    found = []
    with pytest.raises(TransientError):
        for fetched in source.fetch(uids, max_bytes=100_000):
            found.append(fetched.uid)
            proxy.cut_after = 100
    assert found == uids[:25]
    source.close()


def test_a_connection_lost_between_two_calls_is_passing(dovecot, fault_proxy):
    proxy = fault_proxy(dovecot.port)
    source = ImapSource(dovecot.address("u", host="127.0.0.1", port=proxy.port, security=Security.PLAIN))
    source.open_folder("INBOX")
    proxy.cut_all()
    for call in (lambda: source.uids_after(0), lambda: source.open_folder("INBOX"), source.folders):
        with pytest.raises(TransientError, match="ended the connection"):
            call()
    source.close()


@pytest.mark.parametrize("after", [0, 60, 150])
def test_a_cut_while_connecting_is_passing(dovecot, fault_proxy, after):
    proxy = fault_proxy(dovecot.port)
    proxy.cut_after = after
    with pytest.raises(TransientError, match="ended the connection"):
        address = dovecot.address("u", host="127.0.0.1", port=proxy.port, security=Security.PLAIN)
        ImapSource(address).open_folder("INBOX")


def test_a_mail_the_server_cannot_give_does_not_stop_the_others(scripted):
    mails = {uid: mail(str(uid)) for uid in range(1, 6)}
    server = scripted(mails, broken={3})
    found = list(opened(server.port).fetch([1, 2, 3, 4, 5], max_bytes=1000))
    assert [m.uid for m in found] == [1, 2, 3, 4, 5]
    assert [m.raw for m in found if m.uid != 3] == [mails[uid] for uid in (1, 2, 4, 5)]
    assert found[2].is_partial and "CORRUPTION" in found[2].problem
    assert b"number 3" in found[2].raw and b"cannot be read" in found[2].raw


def test_a_large_mail_the_server_cannot_give_does_not_stop_the_others(scripted):
    server = scripted({1: mail("1", "x" * 5000), 2: mail("2")}, broken={1})
    found = list(opened(server.port).fetch([1, 2], max_bytes=1000))
    assert [(m.uid, bool(m.problem)) for m in found] == [(1, True), (2, False)]


def test_a_server_that_gives_no_mail_at_all_is_asked_again_later(scripted):
    server = scripted({uid: mail() for uid in (1, 2, 3)}, broken={1, 2, 3})
    with pytest.raises(TransientError, match="does not hand over") as raised:
        list(opened(server.port).fetch([1, 2, 3], max_bytes=1000))
    assert "CORRUPTION" in raised.value.detail


def test_nonsense_in_one_answer_does_not_stop_the_others(scripted):
    mails = {1: mail("1"), 2: mail("2")}
    server = scripted(mails, answers={b"UID FETCH 1,2 (BODY": b"* 1 FETCH (UID ((((\r\nTAG OK done\r\n"})
    assert [m.raw for m in opened(server.port).fetch([1, 2], max_bytes=1000)] == list(mails.values())


def test_an_empty_answer_is_no_mail_to_be_deleted_later(scripted):
    whole = mail("2")
    bodies = b"* 1 FETCH (UID 1 BODY[] {0}\r\n)\r\n* 2 FETCH (UID 2 BODY[] {%d}\r\n%s)\r\n" % (
        len(whole),
        whole,
    )
    server = scripted(
        {1: mail("1"), 2: whole}, answers={b"UID FETCH 1,2 (BODY.PEEK[])": bodies + b"TAG OK done\r\n"}
    )
    one, two = opened(server.port).fetch([1, 2], max_bytes=1000)
    assert one.is_partial and one.problem == "an empty answer" and b"Subject: 1" in one.raw
    assert (two.raw, two.is_partial) == (whole, False)


def test_a_busy_server_is_passing_not_a_wrong_password(scripted):
    server = scripted(answers={b"LOGIN": b"TAG NO [UNAVAILABLE] directory is down\r\n"})
    with pytest.raises(TransientError, match="at the moment") as raised:
        ImapSource(plain(server.port))
    assert "directory is down" in raised.value.detail


def test_a_server_that_leaves_during_login_is_passing(scripted):
    server = scripted(answers={b"LOGIN": b"* BYE shutting down\r\n"})
    with pytest.raises(TransientError, match="ended the connection"):
        ImapSource(plain(server.port))


@pytest.mark.parametrize(
    "greeting",
    [
        b"* OK [CAPABILITY IMAP4rev1] no encryption here\r\n",
        b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n",
    ],
)
def test_no_password_leaves_without_starttls(scripted, greeting):
    server = scripted(
        greeting=greeting, answers={b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n"}
    )
    with pytest.raises(UnusableServer, match="no encryption by STARTTLS"):
        ImapSource(plain(server.port, security=Security.STARTTLS, password="secret-word"))
    assert not any(b"secret-word" in line or b"LOGIN" in line for line in server.commands)


def test_a_folder_that_may_only_be_read_is_read(scripted):
    state = b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 99]\r\n"
    answers = {
        b"SELECT": state + b"* OK [READ-ONLY]\r\nTAG OK [READ-ONLY] done\r\n",
        b"EXAMINE": state + b"TAG OK [READ-ONLY] done\r\n",
    }
    source = opened(scripted({1: mail()}, answers=answers).port)
    assert [m.raw for m in source.fetch(source.uids_after(0), max_bytes=1000)] == [mail()]
    with pytest.raises(Exception, match="only read this folder"):
        source.mark_seen([1])


def test_a_folder_without_lasting_numbers_is_refused(scripted):
    server = scripted(answers={b"SELECT": b"* 1 EXISTS\r\nTAG OK [READ-WRITE] done\r\n"})
    with pytest.raises(UnusableServer, match="no lasting numbers"):
        opened(server.port)


def test_closing_a_dead_connection_takes_no_time(scripted):
    source = opened(scripted(answers={b"LOGOUT": b""}).port)
    started = time.monotonic()
    source.close()
    assert time.monotonic() - started < 1


def test_failed_connections_leave_no_socket_open(scripted):
    server = scripted(answers={b"LOGIN": b"TAG NO [AUTHENTICATIONFAILED] no\r\n"})
    with pytest.raises(UnusableServer):
        ImapSource(plain(server.port))
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for _ in range(10):
        with pytest.raises(UnusableServer):
            ImapSource(plain(server.port))
    time.sleep(0.1)
    after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert after <= before + 2


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_plain_text_is_fine_on_this_machine(peer):
    require_protection(peer, plain(143))


@pytest.mark.parametrize("peer", ["10.0.0.5", "192.0.2.1", "::ffff:10.0.0.5", "fe80::1%eth0", "2001:db8::1"])
def test_plain_text_leaves_this_machine_only_when_allowed(peer):
    with pytest.raises(UnusableServer, match="would not be encrypted"):
        require_protection(peer, plain(143))
    require_protection(peer, plain(143, allow_plaintext=True))
