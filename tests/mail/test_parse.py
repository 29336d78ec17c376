"""Any bytes become a mail with clean text; what is odd is read as a person would read it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.mail.parse import parse
from helpdesk.mail.types import Automatic
from tests import factories


def mail(body=b"Hello\n", **headers):
    lines = [
        f"{name.replace('_', '-')}: {value}".encode("utf-8", "surrogateescape")
        for name, value in headers.items()
    ]
    return b"\n".join(lines) + b"\n\n" + body


def test_an_ordinary_mail():
    parsed = parse(
        factories.make_mail(
            sender="Jörg Müller <Joerg@Customer.Example>",
            subject="Störung: Drucker",
            text="Grüße\n",
            html="<p>Grüße</p>",
            files=[("Übersicht.pdf", "application/pdf", b"%PDF")],
            message_id="<a@customer.example>",
            In_Reply_To="<x@desk.example>",
            References="<y@desk.example> <x@desk.example>",
            Cc="it@customer.example, Anna <anna@customer.example>",
        )
    )
    assert (parsed.author.name, parsed.author.email) == ("Jörg Müller", "Joerg@customer.example")
    assert (parsed.subject, parsed.text, parsed.message_id) == (
        "Störung: Drucker",
        "Grüße",
        "a@customer.example",
    )
    assert parsed.in_reply_to == ("x@desk.example",)
    assert parsed.references == ("y@desk.example", "x@desk.example")
    assert [a.email for a in parsed.cc] == ["it@customer.example", "anna@customer.example"]
    assert [(f.filename, f.content_type, f.data) for f in parsed.files] == [
        ("Übersicht.pdf", "application/pdf", b"%PDF")
    ]
    assert (parsed.automatic, parsed.problems) == (Automatic.NO, ())


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_give_clean_text(raw):
    parsed = parse(raw)
    shown = [parsed.subject, parsed.text, parsed.html, *(a.name for a in parsed.claimed_from)]
    json.dumps(shown).encode("utf-8")
    "".join(shown).encode("utf-8")
    assert "\0" not in "".join(shown)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 3000), st.integers(0, 3000), st.binary(max_size=5))
def test_a_damaged_mail_still_gives_its_words_or_its_source(start, length, junk):
    raw = factories.make_mail(html="<p>x</p>", files=[("a.bin", "application/octet-stream", b"\0" * 50)])
    damaged = raw[: start % len(raw)] + junk + raw[start % len(raw) + length :]
    parsed = parse(damaged)
    "".join([parsed.subject, parsed.text, parsed.html]).encode("utf-8")


@pytest.mark.parametrize(
    "sender",
    [
        "alice@victim.example <evil@bad.example>",
        "alice@victim.example, evil@bad.example",
        "alice@victim.example(<evil@bad.example>)",
        '"alice@victim.example" <evil@bad.example>',
        "",
        "nobody",
        "<>",
        "undisclosed-recipients:;",
    ],
)
def test_an_ambiguous_from_names_nobody(sender):
    assert parse(mail(From=sender)).author is None


def test_two_from_fields_name_nobody():
    raw = b"From: a@b.example\nFrom: c@d.example\nSubject: x\n\nbody"
    assert parse(raw).author is None
    assert [a.email for a in parse(raw).claimed_from] == ["a@b.example", "c@d.example"]


def test_ids_with_controls_are_none():
    raw = mail(Message_ID="=?utf-8?q?=3Cx=40y=3E=0D=0AEVIL?=", In_Reply_To="<a\tb@c> <good@d>")
    assert (parse(raw).message_id, parse(raw).in_reply_to) == ("", ("good@d",))


@pytest.mark.parametrize(
    "raw",
    [
        b"\n".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d' % (n, n) for n in range(1000)),
        b"Content-Type: message/rfc822\n\n" * 2000,
        b"From: a@b.example\nTo: " + b"(" * 3000 + b"x" + b")" * 3000 + b"\n\nHello",
        b"From: a@b.example\nTo: " + b",".join(b"u%d@x.example" % n for n in range(20_000)) + b"\n\nHello",
        b"Subject: " + b"x" * 1_000_000 + b"\n\nHello",
        b"Content-Type: text/html\n\n" + b"<div>" * 100_000,
        b'Content-Type: multipart/mixed; boundary="b"\n\n' + b"--b\n\nx\n" * 100_000,
        b"",
        b"\n\n",
        b"\0" * 1000,
    ],
)
def test_bombs_are_survived(raw):
    parsed = parse(raw)
    assert len(parsed.to) <= 500
    assert len(parsed.files) <= 500


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("windows-1251", "Добрый день, принтер не печатает"),
        ("koi8-r", "Добрый день, принтер не печатает"),
        ("shift_jis", "プリンターが動きません"),
        ("iso-8859-1", "Grüße – “Zitat”"),
        ("ks_c_5601-1987", "안녕하세요"),
        ("x-no-such", "Grüße aus Köln"),
        ("utf-8", "Grüße"),
    ],
)
def test_the_charset_ladder(charset, text):
    codec = {"iso-8859-1": "windows-1252", "ks_c_5601-1987": "cp949", "x-no-such": "utf-8"}.get(
        charset, charset
    )
    assert parse(mail(text.encode(codec), Content_Type=f"text/plain; charset={charset}")).text == text


def test_text_after_an_inline_image_is_not_lost():
    raw = mail(
        b"--b\nContent-Type: text/plain\n\nbefore\n--b\nContent-Type: image/png\nContent-Disposition: inline; "
        b"filename=a.png\n\n\x89PNG\n--b\nContent-Type: text/plain\n\nafter\n--b--\n",
        Content_Type='multipart/mixed; boundary="b"',
    )
    assert parse(raw).text == "before\n\nafter"
    assert [f.filename for f in parse(raw).files] == ["a.png"]


@pytest.mark.parametrize(
    ("headers", "automatic"),
    [
        ({"Auto_Submitted": "auto-replied (vacation)"}, Automatic.REPLY),
        ({"Auto_Submitted": "auto-generated; owner-email=x"}, Automatic.GENERATED),
        ({"Auto_Submitted": "No"}, Automatic.NO),
        ({"Precedence": "Bulk"}, Automatic.BULK),
        ({"Precedence": "first-class"}, Automatic.NO),
        ({"X_Autoreply": "yes"}, Automatic.REPLY),
        ({"X_Autoreply": "no"}, Automatic.NO),
        ({"List_Id": "<news.example>"}, Automatic.BULK),
        ({"Return_Path": "<>"}, Automatic.GENERATED),
        ({"Return_Path": "<a@b.example>"}, Automatic.NO),
        ({"X_Auto_Response_Suppress": "DR, OOF"}, Automatic.GENERATED),
        ({"X_Auto_Response_Suppress": "DR, RN, NRN"}, Automatic.NO),
        ({"Subject": "Automatic reply: your mail"}, Automatic.REPLY),
        ({"Subject": "Abwesenheitsnotiz: Urlaub"}, Automatic.REPLY),
        ({"Subject": "Question about the automatic reply: how?"}, Automatic.NO),
        ({"Subject": "Re: out of office"}, Automatic.NO),
        ({"From": "MAILER-DAEMON@mx.example"}, Automatic.GENERATED),
        ({"X_Notes": "auto-replied bulk"}, Automatic.NO),
    ],
)
def test_machines_are_known_by_their_headers(headers, automatic):
    assert parse(mail(**({"From": "a@b.example", "Subject": "x"} | headers))).automatic is automatic


def test_a_delivery_report_names_every_recipient():
    raw = mail(
        b"--b\nContent-Type: text/plain\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\n"
        b"Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; gone@customer.example\nAction: failed\n"
        b"Status: 5.1.1\nDiagnostic-Code: smtp; 550 no such user\n\nFinal-Recipient: rfc822; late@customer.example\n"
        b"Action: delayed\nStatus: 4.4.1\n\n--b\nContent-Type: message/rfc822\n\nMessage-ID: <sent@desk.example>\n"
        b"Subject: x\n\nbody\n--b--\n",
        From="MAILER-DAEMON@mx.example",
        Content_Type='multipart/report; report-type=delivery-status; boundary="b"',
    )
    bounce = parse(raw).bounce
    assert bounce.original_message_id == "sent@desk.example"
    assert [(r.recipient, r.action, r.status, r.diagnostic) for r in bounce.recipients] == [
        ("gone@customer.example", "failed", "5.1.1", "smtp; 550 no such user"),
        ("late@customer.example", "delayed", "4.4.1", ""),
    ]


def test_two_deliveries_of_one_mail_have_one_digest():
    from helpdesk.mail.classify import body_digest, message_key

    raw = factories.make_mail(message_id="<A@b.example>")
    again = b"Received: from mx1\nDelivered-To: other@desk.example\n" + raw
    other = raw.replace(b"does not print", b"does print")
    assert body_digest(parse(raw)) == body_digest(parse(again)) != body_digest(parse(other))
    assert message_key(parse(raw), raw) == message_key(parse(other), other) == "a@b.example"
    assert message_key(parse(b"x"), b"x") != message_key(parse(b"y"), b"y")


# mails made to be slow


class Countdown:
    """Time that is over after so many looks."""

    def __init__(self, looks):
        self.left = looks

    def __call__(self):
        self.left -= 1
        return self.left < 0


def nested(levels, below=b""):
    parts = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(levels)
    )
    return b"From: a@b.example\r\nSubject: slow\r\n" + parts + b"\r\nhello there\r\n" + below


def many_texts(count):
    parts = b"".join(b"--b\r\nContent-Type: text/html\r\n\r\n<p>hello there\r\n" for _ in range(count))
    return (
        b'From: a@b.example\r\nSubject: slow\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n' + parts
    )


@pytest.mark.parametrize("raw", [nested(40), many_texts(40)])
def test_a_mail_whose_time_is_over_is_its_header_its_words_and_its_source(raw):
    whole = parse(raw, is_late=Countdown(1_000))
    assert not whole.is_partial
    found = parse(raw, is_late=Countdown(20))
    assert (found.author.email, found.subject, found.is_partial) == ("a@b.example", "slow", True)
    assert "hello there" in found.text
    assert (found.files[-1].filename, found.files[-1].data) == ("message.eml", raw)
    assert "it could not be read in time" in found.problems


@pytest.mark.parametrize("raw", [nested(40), many_texts(40)])
def test_time_is_looked_at_between_any_two_pieces_of_work(raw):
    looks = Countdown(1_000)
    parse(raw, is_late=looks)
    assert 1_000 - looks.left >= 80, "once for each part's place and once for its words"
