"""What is composed says what was meant, whatever a stranger put into a subject, a name or an id."""

import email
import email.policy
import os
import tracemalloc
from datetime import UTC, datetime
from email.utils import getaddresses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpdesk.mail.compose import ComposeError, Draft, clean, compose, recipients
from helpdesk.mail.parse import parse
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
    "x-helpdesk-instance", "x-helpdesk-ticket", "thread-topic", "thread-index",
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
    assert (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"]) == (
        "auto-replied",
        "OOF, AutoReply, RN, NRN",
    )


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("field", ["subject", "to_name", "from_name", "file", "instance", "topic", "index"])
def test_a_hostile_value_adds_neither_header_nor_recipient(field, value):
    made = {
        "subject": lambda: draft(subject=value),
        "to_name": lambda: draft(to=(Address("jonas@customer.example", value),)),
        "from_name": lambda: draft(sender=Address("support@desk.example", value)),
        "file": lambda: draft(files=(MailFile(value, "text/plain", b"x"),)),
        "instance": lambda: draft(instance=value),
        "topic": lambda: draft(thread_topic=value),
        "index": lambda: draft(thread_index=value),
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


letters = st.characters(codec=None) | st.sampled_from(list('\r\n\0\x0b\x85\u2028\u202e=?_<>@,;:"\\() \t.'))
pieces = st.sampled_from(
    [*HOSTILE, "=?utf-8?q?=0D=0ABcc:", "?=", "\r\n\r\n", "--===============", "Content-Type: x"]
)
text = st.lists(st.text(letters, max_size=60) | pieces, max_size=5).map("".join)
EXAMPLES = int(os.environ.get("HELPDESK_EXAMPLES", "200"))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(subject=text, name=text, filename=text, body=text, reference=text, cid=text, address=text)
def test_no_value_ever_changes_who_gets_what(subject, name, filename, body, reference, cid, address):
    values = {
        "subject": subject,
        "to": (Address("jonas@customer.example", name), Address("anna@customer.example", subject)),
        "reply_to": Address("support@desk.example", name),
        "files": (
            MailFile(filename, "application/pdf", b"%PDF"),
            MailFile(name, filename, b"PNG", cid, is_inline=True),
        ),
        "text": body,
        "html": f"<p>{body}</p><img src='cid:{cid}'>",
        "references": (reference, "good@customer.example"),
        "in_reply_to": reference,
        "ticket_tag": name,
        "automatic": "auto-replied",
    }
    made = draft(**values)
    raw = compose(made)
    expected = [
        "from", "to", "reply-to", "subject", "date", "message-id", "references", "x-helpdesk-instance",
        "x-helpdesk-ticket", "auto-submitted", "x-auto-response-suppress", "mime-version", "content-type",
    ]  # fmt: skip
    found = header_names(raw)
    assert [n for n in found if n != "in-reply-to"] == expected or not clean(name)
    assert set(found) <= KNOWN and len(found) == len(set(found))
    assert addresses(raw, "To") == recipients(made) == ["jonas@customer.example", "anna@customer.example"]
    assert addresses(raw, "Reply-To") == ["support@desk.example"]
    assert raw.isascii()
    assert all(len(line) < 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b"")
    assert sorted(part.get_payload(decode=True) for part in leaves(raw) if part.get_filename()) == [
        b"%PDF",
        b"PNG",
    ]
    try:
        hostile = compose(draft(to=(Address(address),), message_id=address or "\n"))
    except ComposeError:
        return
    assert set(header_names(hostile)) <= KNOWN
    assert len(addresses(hostile, "To")) == 1


def leaves(raw):
    return [part for part in read(raw, email.policy.compat32).walk() if not part.is_multipart()]


@settings(max_examples=EXAMPLES // 3, deadline=None, suppress_health_check=list(HealthCheck))
@given(subject=text, name=text, body=text)
def test_our_own_reader_reads_what_was_written(subject, name, body):
    made = draft(subject=subject, to=(Address("jonas@customer.example", name),), text=body, html="")
    mail = parse(compose(made))
    assert mail.author == Address("support@desk.example", "Support")
    assert [address.email for address in mail.to] == ["jonas@customer.example"]
    assert (mail.cc, mail.files, mail.bounce) == ((), (), None)
    assert mail.subject == clean(subject)
    assert mail.message_id == made.message_id


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
    assert (ids[0], ids[-1], len(ids)) == (f"<{references[0]}>", f"<{references[-1]}>", 21)


PNG = MailFile("logo.png", "image/png", b"\x89PNG\r\n", "logo@desk", is_inline=True)


def test_a_picture_stands_beside_the_html_that_shows_it():
    mail = read(compose(draft(html='<img src="cid:logo@desk">', files=(PNG,))))
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
    ]  # fmt: skip
    (picture,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert (picture["Content-ID"], picture.get_content_disposition()) == ("<logo@desk>", "inline")
    assert picture.get_payload(decode=True) == PNG.data


@pytest.mark.parametrize("html", ["", "<p>No picture</p>"])
def test_a_picture_nobody_shows_is_attached(html):
    mail = read(compose(draft(html=html, files=(PNG,))))
    assert [part.get_filename() for part in mail.iter_attachments()] == ["logo.png"]


def test_one_id_stands_for_one_picture():
    other = MailFile("other.png", "image/png", b"2", "logo@desk", is_inline=True)
    mail = read(compose(draft(html='<img src="cid:logo@desk">', files=(PNG, other))))
    assert [part.get_filename() for part in mail.iter_attachments()] == ["other.png"]


@pytest.mark.parametrize("data", [b"", b"\r\n.\r\n", b"x" * 1_000_000, bytes(range(256))])
def test_any_bytes_of_a_file_arrive_even_twice(data):
    files = (MailFile("a", "application/zip", data), MailFile("b", "application/zip", data))
    mail = read(compose(draft(files=files)))
    assert [part.get_payload(decode=True) for part in mail.iter_attachments()] == [data, data]


@pytest.mark.parametrize(
    "content_type", ["message/rfc822", "multipart/mixed", "", "a/b\r\nBcc: x", "text/html; x=y"]
)
def test_a_file_is_never_read_as_part_of_the_mail(content_type):
    made = draft(files=(MailFile("x.eml", content_type, b"Bcc: x@evil.example\r\n\r\ny"),))
    (part,) = read(compose(made)).iter_attachments()
    wanted = "text/html" if content_type.startswith("text") else "application/octet-stream"
    assert (part.get_content_type(), part.get_content_disposition()) == (wanted, "attachment")


def test_a_name_cannot_be_turned_around():
    mail = read(compose(draft(files=(MailFile("invoice\u202efdp.exe", "application/pdf", b"x"),))))
    assert [part.get_filename() for part in mail.iter_attachments()] == ["invoicefdp.exe"]


def test_letters_beyond_ascii_stand_before_the_at_only():
    people = (Address("jörg@bücher.example", "Jörg"), Address("anna@straße.example"))
    raw = compose(draft(to=people))
    assert [line for line in raw.split(b"\r\n") if not line.isascii()] == [
        "To: =?utf-8?b?SsO2cmc=?= <jörg@xn--bcher-kva.example>,".encode()
    ]
    assert [address.email for address in parse(raw).to] == [
        "jörg@xn--bcher-kva.example",
        "anna@xn--strae-oqa.example",
    ]


@pytest.mark.parametrize("value", ["ü@customer.example", "a b@c", "=?utf-8?q?=0A?=@c", "x" * 2000])
def test_an_answer_to_a_mail_with_a_strange_id_is_made_all_the_same(value):
    mail = read(compose(draft(in_reply_to=value, references=(value,))))
    assert (mail["In-Reply-To"], mail["References"]) == (None, None)


@pytest.mark.parametrize(
    "values",
    [
        {"to": ()},
        {"date": datetime(2026, 1, 1)},
        {"automatic": "auto-notified"},
        {"sender": Address("nobody")},
        {"reply_to": Address("a@b.example, c@d.example")},
        {"cc": (Address("a@b.example\r\nBcc: x@evil.example"),)},
        {"message_id": "=?utf-8?q?=0A?=@desk.example"},
    ],
)
def test_what_cannot_be_said_is_refused(values):
    with pytest.raises(ComposeError):
        compose(draft(**values))


def test_the_largest_mail_is_made_quickly_and_small_in_memory():
    data = os.urandom(1_000_000) * 24
    tracemalloc.start()
    raw = compose(draft(files=(MailFile("a.bin", "application/zip", data),)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * len(raw)


def test_what_can_be_switched_off_says_where_and_one_click_needs_tls():
    link = "https://desk.example/your-mails/7.ticket_closed." + "a" * 300
    mail = read(compose(draft(unsubscribe=link)), email.policy.compat32)
    assert mail.get_all("List-Unsubscribe") == [f"<{link}>"]  # one line, uncut
    assert mail.get_all("List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"]
    plain = read(compose(draft(unsubscribe="http://desk.example/x")))
    assert (plain["List-Unsubscribe"], plain["List-Unsubscribe-Post"]) == ("<http://desk.example/x>", None)
    assert not [name for name in read(compose(draft())) if name.startswith("List-")]


@pytest.mark.parametrize(
    "link", ["mailto:x@y.example", "https://x/\r\nBcc: y@z.example", "https://x/>", "https://x/ y"]
)
def test_a_link_that_could_say_more_is_left_out(link):
    names = header_names(compose(draft(unsubscribe=link)))
    assert set(names) <= KNOWN
