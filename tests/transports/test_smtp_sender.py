"""Sending through a real SMTP server that says yes, no and maybe."""

import socket
import time

import pytest

from helpdesk.errors import PermanentError, TransientError, UncertainError
from helpdesk.transports.base import Security, UnusableServer
from helpdesk.transports.connect import check_outgoing, open_sender
from helpdesk.transports.smtp import SmtpSender
from tests.servers.ports import free_port
from tests.servers.scripted_smtp import ScriptedSmtp
from tests.transports.mails import lines, mail

FROM = "support@desk.example"
JONAS, MARIA, PETRA = "jonas@customer.example", "maria@customer.example", "petra@customer.example"


@pytest.fixture
def open_to():
    """Opens senders with short time-outs; all are closed with the test."""
    senders = []

    def opened(server, *, final_timeout_s=0.4, **values):
        senders.append(SmtpSender(server.address(**values), final_timeout_s=final_timeout_s))
        return senders[-1]

    yield opened
    for sender in senders:
        sender.close()


@pytest.fixture
def scripted():
    servers = []

    def make(**answers):
        servers.append(ScriptedSmtp(answers).start())
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


def test_a_mail_arrives_as_it_was_handed_over(sink, open_to):
    raw = mail("Hello", "first\r\n.\r\n..two dots\r\n.one dot\r\nend")
    delivery = open_to(sink).send(FROM, [JONAS, MARIA], raw)
    (taken,) = sink.mails()
    assert (taken.sender, taken.recipients, taken.raw) == (FROM, (JONAS, MARIA), raw)
    assert delivery.refused == {} and delivery.response.startswith("250")


def test_recipients_come_from_the_caller_never_from_headers(sink, open_to):
    raw = mail(extra=b"Bcc: evil@stranger.example\r\nCc: other@stranger.example\r\n")
    open_to(sink).send(FROM, [JONAS], raw)
    assert sink.mails()[0].recipients == (JONAS,)


def test_line_ends_reach_the_server_as_crlf_only(sink, open_to):
    open_to(sink).send(FROM, [JONAS], b"Subject: x\n\none\n.\nMAIL FROM:<a@b.example>\rtwo")
    (taken,) = sink.mails()
    assert taken.raw == b"Subject: x\r\n\r\none\r\n.\r\nMAIL FROM:<a@b.example>\r\ntwo\r\n"


def test_a_recipient_named_twice_gets_one_copy(sink, open_to):
    open_to(sink).send(FROM, [JONAS, JONAS], mail())
    assert sink.mails()[0].recipients == (JONAS,)


def test_an_empty_sender_is_allowed(sink, open_to):
    open_to(sink).send("", [JONAS], mail())
    assert sink.mails()[0].sender == ""


def test_many_mails_use_one_connection(sink, open_to):
    sender = open_to(sink)
    for number in range(5):
        sender.send(FROM, [JONAS], mail(str(number)))
    assert (len(sink.mails()), sink.connections) == (5, 1)


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
@pytest.mark.parametrize("credentials", [("u", "p"), ("j\u00f6rg@desk.example", "pa\u00dfwort \u2713")])
def test_login_over_encryption(smtp_sink, authority, open_to, security, credentials):
    sink = smtp_sink(
        security=security, context=authority.server_context(), users=dict([credentials]), size_limit=50_000
    )
    user, password = credentials
    sender = open_to(sink, username=user, password=password, ca_file=str(authority.ca_file))
    sender.send(FROM, [JONAS], mail("x", lines(40_000)))
    assert (sink.logins, len(sink.mails())) == ([user], 1)


def test_wrong_password_needs_a_person(smtp_sink):
    sink = smtp_sink(users={"u": "right"})
    with pytest.raises(UnusableServer, match="refuses user name or password") as raised:
        check_outgoing("smtp", sink.address(username="u", password="wrong-word"))
    assert raised.value.detail.startswith("535") and "wrong-word" not in raised.value.detail


def test_a_login_that_is_not_offered(sink):
    with pytest.raises(UnusableServer, match="offers no login"):
        SmtpSender(sink.address(username="u", password="p"))


def test_a_missing_login_needs_a_person(smtp_sink, open_to):
    sender = open_to(smtp_sink(users={"u": "p"}))
    with pytest.raises(UnusableServer, match="wants a login first"):
        sender.send(FROM, [JONAS], mail())


def test_refused_recipients_are_told_and_the_others_served(sink, open_to):
    sink.refuse = {JONAS: "550 5.1.1 no such person", PETRA: "450 4.2.1 mailbox busy"}
    delivery = open_to(sink).send(FROM, [JONAS, MARIA, PETRA], mail())
    assert delivery.refused == {JONAS: (550, "5.1.1 no such person"), PETRA: (450, "4.2.1 mailbox busy")}
    assert [taken.recipients for taken in sink.mails()] == [(MARIA,)]


def test_all_recipients_refused_for_good(sink, open_to):
    sink.refuse = {JONAS: "550 5.1.1 no such person", MARIA: "553 5.1.3 bad address"}
    sender = open_to(sink)
    with pytest.raises(PermanentError, match="takes none of the recipients") as raised:
        sender.send(FROM, [JONAS, MARIA], mail())
    assert JONAS in raised.value.detail and "550 5.1.1 no such person" in raised.value.detail
    sender.send(FROM, [PETRA], mail())
    assert [taken.recipients for taken in sink.mails()] == [(PETRA,)]


def test_all_recipients_refused_some_for_now(sink, open_to):
    sink.refuse = {JONAS: "550 5.1.1 no such person", MARIA: "451 4.3.0 later"}
    sender = open_to(sink)
    delivery = sender.send(FROM, [JONAS, MARIA], mail())
    assert {who: code for who, (code, _) in delivery.refused.items()} == {JONAS: 550, MARIA: 451}
    assert sink.mails() == []
    sender.send(FROM, [PETRA], mail())
    assert sink.connections == 1
    sink.refuse = {JONAS: "450 4.2.0 later", MARIA: "451 4.3.0 later"}
    with pytest.raises(TransientError):
        sender.send(FROM, [JONAS, MARIA], mail())


@pytest.mark.parametrize("step", ["MAIL", "DATA", "END"])
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("451 4.3.0 try later", TransientError),
        ("452 4.3.1 disk full", TransientError),
        ("550 5.7.1 no", PermanentError),
        ("554 5.6.0 spam", PermanentError),
    ],
)
def test_a_refusal_says_whether_to_try_again_and_the_next_mail_goes(sink, open_to, step, reply, kind):
    sink.answers[step] = [reply]
    sender = open_to(sink)
    with pytest.raises(kind) as raised:
        sender.send(FROM, [JONAS], mail("refused"))
    assert type(raised.value) is kind and raised.value.detail == reply
    sender.send(FROM, [JONAS], mail("taken"))
    assert [taken.raw for taken in sink.mails()] == [mail("taken")]
    assert sink.connections == 1


@pytest.mark.parametrize("step", ["MAIL", "DATA", "END"])
def test_421_is_passing_and_the_next_mail_connects_anew(sink, open_to, step):
    sender = open_to(sink)
    sink.answers[step] = ["421 4.3.2 shutting down"]
    with pytest.raises(TransientError) as raised:
        sender.send(FROM, [JONAS], mail("refused"))
    assert "421" in raised.value.detail
    sender.send(FROM, [JONAS], mail("taken"))
    assert [taken.raw for taken in sink.mails()] == [mail("taken")]
    assert sink.connections == 2


def test_a_connection_that_ended_between_two_mails_is_renewed_unseen(sink, open_to):
    sender = open_to(sink)
    sender.send(FROM, [JONAS], mail("one"))
    sink.stop()
    sink.resume()
    sender.send(FROM, [JONAS], mail("two"))
    assert [taken.raw for taken in sink.mails()] == [mail("one"), mail("two")]


def test_the_end_of_a_mail_does_not_wait_for_its_beginning_to_be_confirmed(sink, open_to):
    """Nagle's algorithm (RFC 896) and a server that confirms late (RFC 1122 4.2.3.2) would cost 40 ms a mail."""
    client = open_to(sink)._connection.host
    assert client.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_enough_mails_for_one_connection_means_another_one(sink, open_to):
    sender = open_to(sink)
    sender.send(FROM, [JONAS], mail("one"))
    sink.answers["MAIL"] = ["421 4.7.0 too many mails in this session"]
    sender.send(FROM, [JONAS], mail("two"))
    assert (len(sink.mails()), sink.connections) == (2, 2)


def test_no_answer_after_the_final_dot_is_uncertain(sink, open_to):
    sink.at_end = "hang"
    started = time.monotonic()
    with pytest.raises(UncertainError, match="did not say whether it takes it"):
        open_to(sink, final_timeout_s=0.3).send(FROM, [JONAS], mail())
    assert 0.25 < time.monotonic() - started < 2
    assert len(sink.mails()) == 1


def test_a_late_answer_within_the_final_time_is_a_yes(scripted, open_to):
    server = scripted(END=b"250 taken\r\n")
    server.delay_at_end = 0.6
    sender = open_to(server, final_timeout_s=3, command_timeout_s=0.3)
    assert sender.send(FROM, [JONAS], mail()).response == "250 taken"
    sender.send(FROM, [JONAS], mail())


def test_a_connection_lost_after_the_final_dot_is_uncertain(sink, open_to):
    sink.at_end = "drop"
    sender = open_to(sink)
    with pytest.raises(UncertainError):
        sender.send(FROM, [JONAS], mail("one"))
    sink.at_end = "answer"
    sender.send(FROM, [JONAS], mail("two"))
    assert [taken.raw for taken in sink.mails()] == [mail("one"), mail("two")]


def test_an_answer_that_makes_no_sense_after_the_final_dot_is_uncertain(scripted, open_to):
    for answer in (b"what?\r\n", b"354 go on\r\n", b"2" * 9000 + b"\r\n"):
        with pytest.raises(UncertainError):
            open_to(scripted(END=answer)).send(FROM, [JONAS], mail())


def test_a_yes_followed_by_the_end_of_the_connection_is_a_yes(sink, open_to):
    sink.at_end = "answer-and-drop"
    sender = open_to(sink)
    for number in range(3):
        sender.send(FROM, [JONAS], mail(str(number)))
    assert len(sink.mails()) == 3


def test_a_connection_lost_before_the_final_dot_is_passing(sink, open_to):
    sink.cut_in_data = 1000
    sender = open_to(sink)
    with pytest.raises(TransientError):
        sender.send(FROM, [JONAS], mail("x", lines(5_000_000)))
    sink.cut_in_data = None
    sender.send(FROM, [JONAS], mail("again"))
    assert [taken.raw for taken in sink.mails()] == [mail("again")]


def test_a_line_that_breaks_in_the_middle_of_the_mail_is_passing(sink, fault_proxy, open_to):
    proxy = fault_proxy(sink.port)
    sender = open_to(sink, port=proxy.port)
    proxy.upstream, proxy.cut_after = True, 100_000
    with pytest.raises(TransientError):
        sender.send(FROM, [JONAS], mail("x", lines(5_000_000)))
    assert sink.mails() == []


def test_a_server_that_left_before_the_final_dot_did_not_take_the_mail(scripted, open_to):
    server = scripted()
    server.leaves_at_data = True
    with pytest.raises(TransientError):
        open_to(server).send(FROM, [JONAS], mail("x", lines(200_000)))


def test_why_a_server_ends_a_mail_in_the_middle_counts(scripted, open_to):
    server = scripted(MIDDLE=b"552 5.3.4 too much\r\n")
    with pytest.raises(PermanentError) as raised:
        open_to(server).send(FROM, [JONAS], mail("x", lines(8_000_000)))
    assert raised.value.detail == "552 5.3.4 too much"


def test_a_server_that_stops_reading_ends_in_time(scripted, open_to):
    server = scripted(MIDDLE=b"")
    started = time.monotonic()
    with pytest.raises(TransientError, match="did not answer in time"):
        open_to(server, command_timeout_s=0.3).send(FROM, [JONAS], mail("x", lines(8_000_000)))
    assert time.monotonic() - started < 4


@pytest.mark.parametrize("step", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA"])
def test_silence_ends_in_time(scripted, open_to, step):
    started = time.monotonic()
    with pytest.raises(TransientError, match="did not answer in time"):
        server = scripted(**{step: b""})
        open_to(server, connect_timeout_s=0.3, command_timeout_s=0.3).send(FROM, [JONAS], mail())
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
def test_garbage_is_passing(scripted, open_to, step):
    with pytest.raises(TransientError):
        open_to(scripted(**{step: b"\xff\xfe garbage\r\n"})).send(FROM, [JONAS], mail())


def test_a_dripping_server_ends_in_time(sink, fault_proxy, open_to):
    proxy = fault_proxy(sink.port)
    proxy.pace = 0.2
    started = time.monotonic()
    with pytest.raises(TransientError, match="did not answer in time"):
        open_to(sink, port=proxy.port, connect_timeout_s=0.4)
    assert time.monotonic() - started < 2


def test_nobody_listens():
    port = free_port()
    with pytest.raises(TransientError, match=f"refuses connections on port {port}"):
        open_sender("smtp", ScriptedSmtp({}).address(port=port))


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [(b"554 5.7.1 your network is blocked\r\n", UnusableServer), (b"421 4.3.2 busy\r\n", TransientError)],
)
def test_a_greeting_that_is_a_refusal(scripted, open_to, greeting, kind):
    with pytest.raises(kind) as raised:
        open_to(scripted(GREETING=greeting))
    assert raised.value.detail == greeting.decode().strip()


def test_a_mail_larger_than_announced_is_not_even_begun(smtp_sink, open_to):
    sink = smtp_sink(size_limit=10_000)
    sender = open_to(sink)
    with pytest.raises(PermanentError, match=r"too large for 127\.0\.0\.1: it takes 9 kB"):
        sender.send(FROM, [JONAS], mail("x", lines(10_000)))
    sender.send(FROM, [JONAS], mail("x", lines(9_000)))
    (taken,) = sink.mails()
    assert f"SIZE={len(taken.raw)}" in taken.options


def test_letters_beyond_ascii_use_what_the_server_announces(sink, open_to):
    open_to(sink).send(FROM, ["j\u00f6rg@k\u00f6ln.example"], mail("Gr\u00fc\u00dfe"))
    (taken,) = sink.mails()
    assert taken.recipients == ("j\u00f6rg@xn--kln-sna.example",)
    assert {"SMTPUTF8", "BODY=8BITMIME"} <= set(taken.options)


def test_host_names_beyond_ascii_need_nothing_special(smtp_sink, open_to):
    sink = smtp_sink(utf8=False)
    open_to(sink).send(FROM, ["jonas@k\u00f6ln.example"], mail())
    assert sink.mails()[0].recipients == ("jonas@xn--kln-sna.example",)


def test_an_address_the_server_cannot_take_is_refused_alone(smtp_sink, open_to):
    sink = smtp_sink(utf8=False)
    delivery = open_to(sink).send(FROM, ["j\u00f6rg@customer.example", JONAS], mail())
    assert delivery.refused == {
        "j\u00f6rg@customer.example": (
            553,
            "5.6.7 the server does not take letters beyond ASCII before the @",
        )
    }
    assert sink.mails()[0].recipients == (JONAS,)


@pytest.mark.parametrize(
    "hostile", ["a@b.example>\r\nRCPT TO:<evil@x.example", "a b@c.example", "<a@b.example>", "a\0@b.example"]
)
def test_addresses_that_would_be_commands_never_leave(sink, open_to, hostile):
    delivery = open_to(sink).send(FROM, [hostile, JONAS], mail())
    assert delivery.refused[hostile][0] == 553
    with pytest.raises(PermanentError, match="sender's address"):
        open_to(sink).send(hostile, [JONAS], mail())
    assert [taken.recipients for taken in sink.mails()] == [(JONAS,)]


def test_a_mail_without_recipients_is_refused(sink, open_to):
    with pytest.raises(PermanentError, match="no recipient"):
        open_to(sink).send(FROM, [], mail())


def test_errors_while_leaving_do_not_matter(scripted, open_to):
    sender = open_to(scripted(QUIT=b"500 never\r\n"))
    sender.send(FROM, [JONAS], mail())
    sender.close()
    sender.close()


def test_a_closed_sender_connects_anew(sink, open_to):
    sender = open_to(sink)
    sender.close()
    sender.send(FROM, [JONAS], mail())
    assert (len(sink.mails()), sink.connections) == (1, 2)
