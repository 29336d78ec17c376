"""Delivery reports, by the rules or as a letter: who did not get what, in the server's words, and about which mail."""

import pytest

from helpdesk.mail.bounce_text import read_letter
from helpdesk.mail.parse import parse

HEAD = (
    "From: MAILER-DAEMON@mx.example\nReturn-Path: <>\nTo: support@desk.example\nSubject: failure notice\n\n"
)
COPY = "Return-Path: <support@desk.example>\nFrom: support@desk.example\nTo: gone@b.example\nMessage-ID: <o@desk.example>\nSubject: Printer\n\nPlease write to decoy@b.example\n"

LETTERS = {
    "qmail": (
        "Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your message to the "
        "following addresses.\nThis is a permanent error; I've given up.\n\n<gone@b.example>:\n192.0.2.1 does not like "
        "recipient.\nRemote host said: 550 5.1.1 User unknown\nGiving up on 192.0.2.1.\n\n<full@b.example>:\nUser is over quota. (#5.2.2)\n\n"
        "--- Below this line is a copy of the message.\n\n" + COPY,
        [("gone@b.example", "failed", "5.1.1", "550 5.1.1 User unknown"), ("full@b.example", "failed", "5.2.2", "over quota")],
    ),
    "Exim": (
        "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered "
        "to one or more of its\nrecipients. This is a permanent error.\n\n  gone@b.example\n    host mx.b.example [192.0.2.1]\n"
        "    SMTP error from remote mail server after RCPT TO:<gone@b.example>:\n    550 no such person here\n\n"
        "------ This is a copy of the message, including all the headers. ------\n\n" + COPY,
        [("gone@b.example", "failed", "5.0.0", "550 no such person here")],
    ),
    "Exim, waiting": (
        "Warning: your message has not yet been delivered to one or more of its recipients after 24 hours.\n\n"
        "The address to which the message has not yet been delivered is:\n\n  late@b.example\n    Delay reason: connection timed out\n\n"
        "No action is required on your part.\n\n------ This is a copy of the message ------\n" + COPY,
        [("late@b.example", "delayed", "", "connection timed out")],
    ),
    "Postfix": (
        "This is the mail system at host mx.example.\n\nI'm sorry to have to inform you that your message could not\nbe delivered "
        "to one or more recipients.\n\n                   The mail system\n\n<gone@b.example>: host mx.b.example[192.0.2.1] said: 550 5.7.1\n"
        "    <gone@b.example>: Recipient address rejected (in reply to RCPT TO command)\n\n" + COPY,
        [("gone@b.example", "failed", "5.7.1", "Recipient address rejected")],
    ),
    "Sendmail": (
        "The original message was received at Mon, 2 Mar 2026\n\n   ----- The following addresses had permanent fatal errors -----\n"
        "<gone@b.example>\n    (reason: 550 5.1.1 <gone@b.example>... User unknown)\n\n   ----- Transcript of session follows -----\n"
        "... while talking to mx.b.example.:\n<<< 550 5.1.1 User unknown\n\n  ----- Original message follows -----\n" + COPY,
        [("gone@b.example", "failed", "5.1.1", "User unknown")],
    ),
    "Exchange": (
        "Your message did not reach some or all of the intended recipients.\n\n      Subject:\tPrinter\n      Sent:\t3/2/2026 10:11 AM\n\n"
        "The following recipient(s) cannot be reached:\n\n      gone@b.example on 3/2/2026 10:11 AM\n            The e-mail account does not "
        "exist at the organization.\n            <mx.example #5.1.1>\n",
        [("gone@b.example", "failed", "5.1.1", "does not exist")],
    ),
    "Exchange Online": (
        "Delivery has failed to these recipients or groups:\n\ngone@b.example<mailto:gone@b.example>\nThe address you typed couldn't be found.\n\n"
        "Diagnostic information for administrators:\n\nGenerating server: mx.example\n\ngone@b.example\nRemote Server returned '550 5.1.10 "
        "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup'\n\nOriginal message headers:\n\n" + COPY,
        [("gone@b.example", "failed", "5.1.10", "Recipient not found")],
    ),
    "Gmail": (
        "Delivery to the following recipient failed permanently:\n\n     gone@b.example\n\nTechnical details of permanent failure:\n"
        "The error that the other server returned was:\n550 5.2.1 The account is disabled\n\n----- Original message -----\n\n" + COPY,
        [("gone@b.example", "failed", "5.2.1", "account is disabled")],
    ),
    "Gmail today": (
        "** Address not found **\n\nYour message wasn't delivered to gone@b.example because the address couldn't be found.\n\nThe response was:\n\n"
        "550 5.1.1 The account does not exist\n\n" + COPY,
        [("gone@b.example", "failed", "5.1.1", "550 5.1.1 The account does not exist")],
    ),
    "Yahoo": (
        "Sorry, we were unable to deliver your message to the following address.\n\n<gone@b.example>:\n554: 5.7.9 Message not accepted\n\n"
        "--- Below this line is a copy of the message.\n\n" + COPY,
        [("gone@b.example", "failed", "5.7.9", "Message not accepted")],
    ),
    "in German": (
        "Ihre Nachricht konnte nicht zugestellt werden. Sie ist unzustellbar:\n\n<gone@b.example>:\n550 5.1.1 unbekannt\n\n" + COPY,
        [("gone@b.example", "failed", "5.1.1", "unbekannt")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("server", LETTERS)
def test_a_letter_of_a_server_names_who_did_not_get_it_and_why(server):
    text, wanted = LETTERS[server]
    bounce = parse((HEAD + text).encode()).bounce
    assert [(each.recipient, each.action, each.status) for each in bounce.recipients] == [
        w[:3] for w in wanted
    ]
    for each, (*_, words) in zip(bounce.recipients, wanted, strict=True):
        assert words in each.diagnostic
    assert bounce.original_message_id == ("o@desk.example" if COPY in text else "")


@pytest.mark.parametrize(
    "head",
    [
        "From: jo@b.example\nSubject: Printer\n\n",
        "From: jo@b.example\nSubject: Re: failure notice\n\n",
        "From: Jo <jo@b.example>\nReturn-Path: <>\nSubject: Out of office\n\n",
    ],
)
@pytest.mark.parametrize("server", ["Exchange", "Gmail", "in German"])
def test_a_person_may_pass_such_a_letter_on(head, server):
    assert parse((head + LETTERS[server][0]).encode()).bounce is None


def test_a_server_may_write_about_other_things():
    for text in (
        "Your quota is nearly used up: jo@b.example has 98 %.",
        "We failed to renew the certificate of mx.b.example.",
    ):
        assert parse((HEAD + text).encode()).bounce is None


def report(*parts):
    body = "".join(f"--b\n{part}\n" for part in parts)
    return f'{HEAD[:-1]}Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n{body}--b--\n'.encode()


STATUS = "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; gone@b.example\nAction: failed\nStatus: 5.1.1\n"


@pytest.mark.parametrize(
    "part",
    [
        "Content-Type: message/rfc822\n\nSubject: x\nMessage-ID: <o@desk.example>\n\nMessage-ID: <decoy@b.example>\n",
        "Content-Type: text/rfc822-headers\n\nSubject: x\nMessage-Id:\n <o@desk.example>\n",
        "Content-Type: text/plain\n\nMessage headers follow:\n\n  Message-ID: <o@desk.example>\n",
        "Content-Type: text/plain; name=headers.txt\nContent-Disposition: attachment\n\nMessage-ID: <o@desk.example>\n",
        "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nTWVzc2FnZS1JRDogPG9AZGVzay5leGFtcGxlPgoKeA==\n",
    ],
)
def test_the_mail_it_is_about_is_found_wherever_it_is_named(part):
    assert parse(report("\nSorry.", STATUS, part)).bounce.original_message_id == "o@desk.example"
    status = STATUS.replace("Reporting-MTA", "X-Original-Message-ID: <o@desk.example>\nReporting-MTA")
    assert parse(report("\nSorry.", status)).bounce.original_message_id == "o@desk.example"
    cited = report("\nSorry.", STATUS).replace(b"Return-Path", b"In-Reply-To: <o@desk.example>\nReturn-Path")
    assert parse(cited).bounce.original_message_id == "o@desk.example"


def test_a_report_without_words_takes_them_from_the_letter_above():
    bounce = parse(
        report("\nYour mail could not be delivered.\n\n<gone@b.example>: no such person", STATUS)
    ).bounce
    assert [(r.status, r.diagnostic) for r in bounce.recipients] == [("5.1.1", "no such person")]


def test_the_header_names_recipients_and_the_letter_says_why():
    raw = f"X-Failed-Recipients: gone@b.example, other@b.example\n{HEAD}{LETTERS['Exim'][0]}".encode()
    assert [(r.recipient, r.status) for r in parse(raw).bounce.recipients] == [
        ("gone@b.example", "5.0.0"),
        ("other@b.example", ""),
    ]


@pytest.mark.parametrize(
    "line", ["<a@b.example>: failed", "a" * 300, "failed " * 40, "<" * 200 + "a@b.example", "to: " * 90]
)
def test_long_letters_take_no_long_time(line):
    assert len(read_letter("permanent\n" + (line + "\n") * 20_000, set())) <= 1
