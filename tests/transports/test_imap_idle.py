"""Listening by IMAP IDLE: new mail is told within moments, and a line that is of no use any more is noticed."""

import contextlib
import secrets
import threading
import time

import pytest

from helpdesk.errors import TransientError
from helpdesk.policy.addresses import OWN_NETWORKS
from helpdesk.transports.base import Security, ServerAddress
from helpdesk.transports.imap_idle import CannotIdle, IdleConnection
from tests.servers.idling_imap import IdlingImap
from tests.transports.mails import mail

PATIENCE_S = 30.0


@pytest.fixture
def idling():
    made = []

    def make(**values):
        made.append(IdlingImap(**values).start())
        return made[-1]

    yield make
    for server in made:
        server.stop()


def listening(server, **values):
    address = ServerAddress(
        "127.0.0.1", server.port, username="u", password="p", security=Security.PLAIN, networks=OWN_NETWORKS,
        connect_timeout_s=10, command_timeout_s=values.pop("command_timeout_s", 10),
    )  # fmt: skip
    return IdleConnection(address, "INBOX", **values)


@pytest.mark.parametrize("security", [Security.TLS, Security.PLAIN])
def test_real_server_tells_of_each_mail_and_no_flag_changes(dovecot, security):
    user = f"idle{secrets.token_hex(4)}@desk.example"
    dovecot.deliver(user, mail("lies there already"))
    connection = IdleConnection(dovecot.address(user, security=security), "INBOX")
    assert not connection.wait(0.3)
    for number in range(2):
        dovecot.deliver(user, mail(str(number)))
        assert connection.wait(PATIENCE_S)
    connection.leave()
    assert dovecot.flags(user) == ["", "", ""]
    assert {path.parent.name for path in dovecot.files(user)} == {"new"}


def test_only_a_higher_count_is_news(idling):
    server = idling(mails={1: b"", 2: b"", 3: b""})
    connection = listening(server)
    server.tell(b"* OK Still here\r\n* 3 EXISTS\r\n* 0 RECENT\r\n* 2 FETCH (FLAGS (\\Seen))\r\n")
    assert not connection.wait(0.3)
    server.tell(b"* 1 EXPUNGE\r\n* 2 EXISTS\r\n")
    assert not connection.wait(0.3)
    server.tell(b"* 3 EXI")
    assert not connection.wait(0.3)
    server.tell(b"STS\r\n")
    assert connection.wait(PATIENCE_S)
    assert not connection.wait(0.1)
    connection.leave()


def test_idle_is_renewed_and_news_in_between_counts(idling):
    server = idling()
    connection = listening(server, renew_s=0.0)
    assert not connection.wait(0.1)
    assert not connection.wait(0.1)
    assert (server.count(b"DONE"), server.count(b"IDLE")) == (2, 3)
    server.tell(b"* 1 EXISTS\r\n")  # is read while the renewal waits for its answer
    assert connection.wait(PATIENCE_S)
    connection.leave()


def test_lines_that_never_stop_are_no_answer(idling):
    server = idling()
    connection = listening(server, renew_s=0.0, command_timeout_s=1.0)
    server.is_deaf = True
    is_over = threading.Event()

    def chatter():
        with contextlib.suppress(OSError):
            while not is_over.wait(0.05):
                server.tell(b"* OK Still here\r\n")

    thread = threading.Thread(target=chatter, daemon=True)
    thread.start()
    try:
        with pytest.raises(TransientError, match="did not answer in time"):
            connection.wait(0.1)
    finally:
        is_over.set()
        connection.leave()
        thread.join(PATIENCE_S)


def test_server_that_died_in_silence_is_noticed_when_idle_is_renewed(idling):
    server = idling()
    connection = listening(server, renew_s=0.0, command_timeout_s=3.0)
    server.is_deaf = True
    with pytest.raises(TransientError, match="did not answer in time"):
        connection.wait(0.1)
    connection.leave()


@pytest.mark.parametrize(
    "line",
    [b"* BYE shutting down\r\n", b"IDLE1 OK that is enough\r\n", b"x" * 100_000, None],
    ids=["bye", "ended", "endless", "cut"],
)
def test_end_of_the_line_is_passing_trouble(idling, line):
    server = idling()
    connection = listening(server)
    server.tell(line) if line else server.drop()
    with pytest.raises(TransientError, match="ended the connection"):
        connection.wait(PATIENCE_S)
    connection.leave()


def test_nonsense_is_passed_over(idling):
    server = idling()
    connection = listening(server)
    server.tell(b"* 99999999999999 EXISTS\r\n\r\n\xff\xfe\x00 EXISTS\r\n* -1 EXISTS\r\nIDLE\r\n+ more\r\n")
    assert not connection.wait(0.3)
    server.tell(b"* 1 EXISTS\r\n")
    assert connection.wait(PATIENCE_S)
    connection.leave()


def test_server_without_idle_is_told_apart(idling):
    with pytest.raises(CannotIdle, match="does not tell of new mail"):
        listening(idling(has_idle=False))
    refusing = idling()
    refusing.answers[b"IDLE"] = b"TAG BAD not today\r\n"
    with pytest.raises(CannotIdle):
        listening(refusing)


def test_leaving_does_not_wait_for_the_server(idling):
    server = idling()
    connection = listening(server)
    server.is_deaf = True
    began_at = time.monotonic()
    connection.leave()
    connection.leave()
    assert time.monotonic() - began_at < 10
