"""Mails of people that look as if a machine wrote them: never one is taken for it, since then nobody would answer."""

import pytest

from helpdesk.mail.parse import parse
from helpdesk.mail.types import Automatic

SUBJECTS = [
    "Re: Out of Office: Printer", "Your automatic reply: thank you", "Automatic reply does not work", "Automatic updates",
    "Automatic door: stuck again", "Autoreply settings", "Auto: Kratzer an der Tür", "Auto – Versicherung läuft aus",
    "Abwesend: Frau Berg ab Montag", "Abwesenheit: wer vertritt?", "Abwesenheitsnotiz einrichten", "Urlaub: Antrag",
    "Out of office hours support?", "Out of office", "out of paper: printer 3", "On vacation: please hold my delivery",
    "Vacation request", "Holiday opening hours", "Réponse à votre message automatique", "Absence de réponse : relance",
    "Fuera de servicio: impresora", "Fuori servizio: stampante", "Afwezig: collega ziek", "Frånvaro: rapport",
    "Poissa: kuka sijaistaa?", "Mimo provoz: tiskárna", "Undeliverable parcel", "Returned mail: what do I do?",
    "Mail delivery problem in our building", "Delivery Status Notification (Failure): what does it mean?",
    "Failure notice from the bank", "Warning: message light is red", "Fwd: Undelivered Mail Returned to Sender",
    "bounce", "postmaster wanted", "no-reply address?", "Mailing list: please take me off", "unsubscribe", "Newsletter",
    "Bulk order", "List of devices", "Test", "Precedence of rules: bulk or list", "[Spam] of my mails", "",
]  # fmt: skip


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_does_not_make_a_machine(subject):
    mail = parse(f"From: Jo <jo@b.example>\nTo: support@desk.example\nSubject: {subject}\n\nHello".encode())
    assert (mail.automatic, mail.bounce, mail.is_report) == (Automatic.NO, None, False)


HEADERS = [
    "Precedence: normal", "Precedence: first-class", "Precedence: special-delivery", "Precedence:", "X-Precedence: high",
    "Auto-Submitted: no", "Auto-Submitted: No", "Auto-Submitted:", "Auto-Submitted: (auto-generated) no", "Auto-Submitted: no; owner=x",
    "X-Autoreply: no", "X-Auto-Response-Suppress: DR, RN, NRN", "X-Auto-Response-Suppress: None", "X-Auto-Response-Suppress:",
    "X-FC-MachineGenerated: false", "Return-Path: <jo@b.example>", "Return-Path:", "Importance: low", "X-Priority: 5",
    "X-Mailer: Bulk Mailer 2 auto-generated", "User-Agent: list-tool", "X-Spam-Report: bulk list junk", "Sensitivity: Company-Confidential",
    "X-MS-Exchange-Organization-AuthSource: list.example", "Reply-To: mailer-daemon-lovers@b.example", "Sender: postmaster@b.example",
    "Received: from mailer-daemon.example by postmaster.example", "To: list-owner@b.example", "X-Loop: other", "Feedback-ID: 1:x",
    "X-Auto: yes", "Comments: Auto-Submitted: auto-replied", "Subject: Auto-Submitted", "Disposition-Notification-To: jo@b.example",
    "Return-Receipt-To: jo@b.example", "X-Mailing-Address: 12 List-Id Road", "Organization: Auto-Reply GmbH", "Keywords: bulk, list",
    "X-List-Note: none", "Errors-To: postmaster@b.example",
]  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_that_says_nothing_of_the_kind_does_not_make_a_machine(header):
    mail = parse(f"From: Jo <jo@b.example>\n{header}\n\nHello, please call me back.\n".encode())
    assert (mail.automatic, mail.bounce, mail.is_report) == (Automatic.NO, None, False)


SENDERS = [
    "Postmaster Fan Club <fans@b.example>", "not-mailer-daemon@b.example", "mailer-daemon.fan@b.example", '"Mailer Daemon" <jo@b.example>',
    "bounce@b.example", "newsletter@b.example", "root <jo@b.example>", "jo@postmaster.example", "jo@mailer-daemon.example",
    "Auto Schmidt <auto@b.example>", "no-reply@b.example", "list@b.example", "daemon@b.example", "Lists <jo+list@b.example>",
]  # fmt: skip


@pytest.mark.parametrize("sender", SENDERS)
def test_a_name_does_not_make_a_machine(sender):
    mail = parse(f"From: {sender}\nSubject: Printer\n\nHello".encode())
    assert (mail.automatic, mail.bounce) == (Automatic.NO, None)


BODIES = [
    "I am out of the office until Monday, please call my colleague instead.",
    "I got this from your server, what now?\n\n> Final-Recipient: rfc822; jo@b.example\n> Action: failed\n> Status: 5.1.1\n",
    "Final-Recipient: rfc822; jo@b.example\nAction: failed\nStatus: 5.1.1\n\nWhat does this mean?",
    "To unsubscribe from this list, what must I do?\n\nList-Id: news.example\nPrecedence: bulk\n",
    "This is an automatically generated mail, do not reply. (That is what yours says. Why?)",
    "The following addresses had permanent fatal errors:\n<gone@b.example>\n550 5.1.1 unknown\n\nCan you help?",
    "Auto-Submitted: auto-replied\n\nthat line is in all your mails.",
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
def test_words_do_not_make_a_machine(body):
    mail = parse(f"From: jo@b.example\nSubject: Question\nIn-Reply-To: <x@desk.example>\n\n{body}".encode())
    assert (mail.automatic, mail.bounce) == (Automatic.NO, None)


def test_a_report_passed_on_as_a_file_is_a_persons_mail():
    raw = (
        'From: jo@b.example\nSubject: What is this?\nContent-Type: multipart/mixed; boundary="b"\n\n--b\n\nPlease look.\n'
        "--b\nContent-Type: message/rfc822\n\nFrom: mailer-daemon@mx.example\nAuto-Submitted: auto-replied\n\nFailed\n--b--\n"
    )
    mail = parse(raw.encode())
    assert (mail.automatic, mail.bounce, mail.text) == (Automatic.NO, None, "Please look.")
