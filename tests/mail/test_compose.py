"""What is composed says what was meant, whatever a stranger put into a subject, a name or an id."""

import email
import email.policy
from datetime import UTC, datetime
from email.utils import getaddresses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpdesk.mail.compose import ComposeError, Draft, clean, compose, recipients
from helpdesk.mail.types import Address, MailFile

DRAFT = {
    "sender": Address("support@desk.example", "Support"),
    "to": (Address("jonas@customer.example", "Jonas Berg"),),
    "subject": "[TKT-2026-00042] Printer",
    "text": "Hello,\n\nit works.\n",
    "html": "<p>Hello,</p><p>it works.</p>",
    "message_id": "hd.1.abc.signature@desk.example",
    "date": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    "instance": "abc123",
}
KNOWN = {
    "from", "to", "cc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references", "mime-version",
    "content-type", "content-transfer-encoding", "auto-submitted", "x-auto-response-suppress",
    "x-helpdesk-instance", "x-helpdesk-ticket",
}  # fmt: skip
HOSTILE = [
    "=?UTF-8?Q?=0A?=Bcc: x@evil.example",
    "=?utf-8?b?CkJjYzogeEBldmlsLmV4YW1wbGU=?=",
    "a\r\nBcc: x@evil.example",
    "a\nBcc: x@evil.example\n\nbody",
    "a\x0bBcc: x@evil.example",
    "a\x85Bcc: x@evil.example",
    "a\u2028Bcc: x@evil.example",
    "Subject\n",
    "\ud800",
    "x" * 3000,
    "ü" * 3000,
    '"<x@evil.example>',
    "a, x@evil.example",
    "a\\",
    "(comment",
    "",
]


def draft(**values):
    return Draft(**(DRAFT | values))


def read(raw, policy=email.policy.default):
    return email.message_from_bytes(raw, policy=policy)


def header_names(raw):
    return [name.lower() for name in read(raw, email.policy.compat32)]


def addresses(raw, name):
    return [
        address for _, address in getaddresses(map(str, read(raw, email.policy.compat32).get_all(name, [])))
    ]


def test_an_ordinary_mail_says_what_was_meant():
    raw = compose(draft(cc=(Address("it@customer.example"),), in_reply_to="a@b", references=("r@b",)))
    mail = read(raw)
    assert mail["From"] == "Support <support@desk.example>"
    assert mail["Subject"] == "[TKT-2026-00042] Printer"
    assert mail["In-Reply-To"] == "<a@b>"
    assert mail["References"].split() == ["<r@b>", "<a@b>"]
    assert mail["Auto-Submitted"] is None
    assert mail.get_body(("plain",)).get_content().splitlines() == ["Hello,", "", "it works."]
    assert mail.get_body(("html",)).get_content().strip() == "<p>Hello,</p><p>it works.</p>"
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert all(len(line) < 998 for line in raw.splitlines())
    assert raw.isascii()


def test_a_machines_mail_says_so():
    mail = read(compose(draft(automatic="auto-replied")))
    assert (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"]) == ("auto-replied", "All")


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("field", ["subject", "to_name", "from_name", "file", "instance"])
def test_a_hostile_value_adds_neither_header_nor_recipient(field, value):
    made = {
        "subject": lambda: draft(subject=value),
        "to_name": lambda: draft(to=(Address("jonas@customer.example", value),)),
        "from_name": lambda: draft(sender=Address("support@desk.example", value)),
        "file": lambda: draft(files=(MailFile(value, "text/plain", b"x"),)),
        "instance": lambda: draft(instance=value),
    }[field]()
    raw = compose(made)
    assert set(header_names(raw)) <= KNOWN
    assert len(header_names(raw)) == len(set(header_names(raw)))
    assert addresses(raw, "To") == ["jonas@customer.example"]
    assert addresses(raw, "From") == ["support@desk.example"]
    assert "it works." in read(raw).get_body(("plain",)).get_content()


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_id_or_address_is_refused(value):
    for values in ({"message_id": value}, {"in_reply_to": value or "\n"}, {"to": (Address(value),)}):
        try:
            raw = compose(draft(**values))
        except ComposeError:
            continue
        assert set(header_names(raw)) <= KNOWN


def test_hostile_references_are_left_out():
    raw = compose(draft(references=(*HOSTILE, "good@b")))
    assert read(raw)["References"].split()[-1] == "<good@b>"
    assert set(header_names(raw)) <= KNOWN


text = st.text(st.characters(codec=None), max_size=200)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(subject=text, name=text, filename=text, body=text, reference=text)
def test_no_value_ever_changes_who_gets_what(subject, name, filename, body, reference):
    made = draft(
        subject=subject,
        to=(Address("jonas@customer.example", name), Address("anna@customer.example", subject)),
        files=(MailFile(filename, "application/pdf", b"%PDF"),),
        text=body,
        references=(reference,),
    )
    raw = compose(made)
    assert set(header_names(raw)) <= KNOWN
    assert addresses(raw, "To") == recipients(made) == ["jonas@customer.example", "anna@customer.example"]
    assert addresses(raw, "Bcc") == addresses(raw, "Cc") == []


def test_names_and_subjects_of_the_world_arrive():
    name, subject = 'Jörg "Jo" Müller, GmbH', "Störung: Drucker 日本語 " * 8
    raw = compose(draft(to=(Address("jörg@bücher.example".replace("ö", "oe"), name),), subject=subject))
    mail = read(raw)
    assert mail["To"].addresses[0].display_name == name
    assert mail["To"].addresses[0].addr_spec == "joerg@xn--bcher-kva.example"
    assert mail["Subject"] == clean(subject)


def test_files_arrive_byte_for_byte():
    data = bytes(range(256)) * 300
    files = (
        MailFile("Übersicht 2026.pdf", "application/pdf", data),
        MailFile("a.eml", "message/rfc822", b"Subject: x\n\ny"),
    )
    mail = read(compose(draft(files=files)))
    got = [(part.get_filename(), part.get_payload(decode=True)) for part in mail.iter_attachments()]
    assert got == [("Übersicht 2026.pdf", data), ("a.eml", b"Subject: x\n\ny")]


def test_long_threads_keep_their_beginning_and_end():
    references = tuple(f"{n}.{'x' * 60}@customer.example" for n in range(200))
    mail = read(compose(draft(references=references)), email.policy.compat32)
    ids = mail["References"].split()
    assert (ids[0], ids[-1], len(ids)) == (f"<{references[0]}>", f"<{references[-1]}>", 20)
