"""What a forward says of the mail inside it, as mail programs of many languages write it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.mail.forwarded import looks_forwarded, read_block, read_forwarded
from helpdesk.mail.headers import is_address
from helpdesk.mail.parse import parse
from helpdesk.mail.thread import is_forward
from tests.factories import make_mail

BODY = "Our printer is broken.\nPlease help."
GMAIL = """---------- {word} ---------
{frm}: Jonas Berg <jonas@customer.example>
Date: Sat, 21 Nov 2026 at 10:00
Subject: Printer
To: <nora@desk.example>


"""
OUTLOOK = """________________________________
{frm}: Jonas Berg <jonas@customer.example>
{sent}: Samstag, 21. November 2026 10:00
{to}: Nora <nora@desk.example>
{subject}: Printer

"""
THUNDERBIRD = """-------- {word} --------
{subject}: \tPrinter
{sent}: \tSat, 21 Nov 2026 10:00:00 +0100
{frm}: \tJonas Berg <jonas@customer.example>
{to}: \tnora@desk.example


"""
APPLE = """{begin}:

> {frm}: Jonas Berg <jonas@customer.example>
> {subject}: Printer
> {sent}: 21. November 2026 at 10:00:00 CET
> {to}: nora@desk.example
>
"""
WEBDE = """Gesendet: Samstag, 21. November 2026 um 10:00 Uhr
Von: "Jonas Berg" <jonas@customer.example>
An: nora@desk.example
Betreff: Printer

"""
CASES = {
    "Gmail en": GMAIL.format(word="Forwarded message", frm="From"),
    "Gmail de": GMAIL.format(word="Weitergeleitete Nachricht", frm="Von"),
    "Gmail fr": GMAIL.format(word="Message transféré", frm="De"),
    "Gmail pl": GMAIL.format(word="Przekazana wiadomość", frm="Od"),
    "Outlook en": OUTLOOK.format(frm="From", sent="Sent", to="To", subject="Subject"),
    "Outlook de": OUTLOOK.format(frm="Von", sent="Gesendet", to="An", subject="Betreff"),
    "Outlook fr": OUTLOOK.format(frm="De", sent="Envoyé", to="À", subject="Objet"),
    "Outlook es": OUTLOOK.format(frm="De", sent="Enviado", to="Para", subject="Asunto"),
    "Outlook it": OUTLOOK.format(frm="Da", sent="Inviato", to="A", subject="Oggetto"),
    "Outlook nl": OUTLOOK.format(frm="Van", sent="Verzonden", to="Aan", subject="Onderwerp"),
    "Outlook pt": OUTLOOK.format(frm="De", sent="Enviado", to="Para", subject="Assunto"),
    "Outlook pl": OUTLOOK.format(frm="Od", sent="Wysłano", to="Do", subject="Temat"),
    "Outlook for phones": OUTLOOK.format(frm="*From*", sent="*Sent*", to="*To*", subject="*Subject*"),
    "Thunderbird en": THUNDERBIRD.format(
        word="Forwarded Message", frm="From", sent="Date", to="To", subject="Subject"
    ),
    "Thunderbird de": THUNDERBIRD.format(
        word="Weitergeleitete Nachricht", frm="Von", sent="Datum", to="An", subject="Betreff"
    ),
    "Thunderbird nl": THUNDERBIRD.format(
        word="Doorgestuurd bericht", frm="Van", sent="Datum", to="Aan", subject="Onderwerp"
    ),
    "Apple en": APPLE.format(
        begin="Begin forwarded message", frm="From", subject="Subject", sent="Date", to="To"
    ),
    "Apple de": APPLE.format(
        begin="Anfang der weitergeleiteten Nachricht", frm="Von", subject="Betreff", sent="Datum", to="An"
    ),
    "Apple it": APPLE.format(
        begin="Inizio messaggio inoltrato", frm="Da", subject="Oggetto", sent="Data", to="A"
    ),
    "web.de": WEBDE,
    "without a line above": WEBDE.replace("Gesendet: Samstag, 21. November 2026 um 10:00 Uhr\n", "Cc:\n"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_mail_inside_is_read(name):
    body = "\n".join(f"> {line}" for line in BODY.split("\n")) if name.startswith("Apple") else BODY
    found = read_block(f"Can you take this?\nIt is urgent.\n\n{CASES[name]}{body}\n")
    assert found is not None
    assert (found.author.email, found.author.name) == ("jonas@customer.example", "Jonas Berg")
    assert (found.subject, found.text) == ("Printer", BODY)
    assert found.own_text == "Can you take this?\nIt is urgent."


@pytest.mark.parametrize(
    "block",
    [
        "From: Jonas Berg\nSent: today\nTo: Nora\nSubject: Printer\n",
        "From: a@x.example on behalf of b@y.example\nSent: today\nTo: Nora\nSubject: Printer\n",
        "From: a@x.example\n\nHello",
        "Subject: x\nTo: a@x.example\n\nHello",
        "I come from: Berlin\nand to: you\n",
        "From: a@x.example",
        "",
    ],
)
def test_what_leaves_a_doubt_is_read_as_nothing(block):
    assert read_block(f"See below.\n\n{block}") is None


def test_only_the_outermost_block_is_read():
    inner = CASES["Outlook en"].replace("jonas@customer.example", "anna@other.example") + "Deep words"
    found = read_block(f"{CASES['Gmail en']}Look at this:\n\n{inner}")
    assert found is not None and found.author.email == "jonas@customer.example"
    assert "anna@other.example" in found.text and found.own_text == ""


def test_the_signature_of_whoever_forwards_is_none_of_his_words():
    found = read_block(f"Please.\n-- \nNora\nDesk\n\n{CASES['Gmail en']}{BODY}")
    assert found is not None and found.own_text == "Please."


def test_an_attached_mail_is_the_mail_inside():
    inner = make_mail(subject="Printer", text=BODY, html="<p>Our printer</p>", message_id="<inner@customer.example>",
                      files=[("log.txt", "text/plain", b"log")])  # fmt: skip
    outer = make_mail("Nora <nora@desk.example>", subject="Please take this", text="Mine")
    boundary = b"--b"
    raw = outer.split(b"\n\n", 1)[0].replace(
        b'Content-Type: text/plain; charset="utf-8"', b'Content-Type: multipart/mixed; boundary="b"'
    )
    raw += b"\n\n" + boundary + b"\nContent-Type: text/plain\n\nMine\n" + boundary
    raw += b"\nContent-Type: message/rfc822\n\n" + inner + b"\n" + boundary + b"--\n"
    found = read_forwarded(parse(raw), parse)
    assert found is not None and found.is_attached
    assert (found.author.email, found.subject, found.own_text) == (
        "jonas@customer.example",
        "Printer",
        "Mine",
    )
    assert found.text.strip() == BODY and "Our printer" in found.html
    assert (found.message_id, [file.filename for file in found.files]) == (
        "inner@customer.example",
        ["log.txt"],
    )


@pytest.mark.parametrize(
    ("subject", "is_one"),
    [
        ("Fwd: Printer", True),
        ("WG: AW: Printer", True),
        ("Re: Fwd: Printer", True),
        ("[External] FW: Printer", True),
        ("TR : Imprimante", True),
        ("Printer", False),
        ("Re: Printer", False),
        ("Re: what Fwd: means", False),
    ],
)
def test_a_forward_is_told_by_what_mail_programs_write_before_the_subject(subject, is_one):
    assert is_forward(subject) is is_one
    assert looks_forwarded(parse(make_mail(subject=subject))) is is_one


def test_a_long_text_without_a_block_costs_little():
    assert read_block("From: a@x.example\nx\n" * 20_000) is None
    assert read_block("From: " * 100_000) is None


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "From: ",
                "Von:",
                "a@b.example",
                "Subject: x",
                "\n",
                "> ",
                "To:\t",
                "-----",
                "Sent:",
                "<",
                " ",
                "日時:",
            ]
        )
    ).map("".join)
)
def test_any_text_is_read_without_trouble_and_with_one_whole_address_or_none(text):
    found = read_block(text)
    assert found is None or is_address(found.author.email)
