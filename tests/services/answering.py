"""How mail programs answer a mail of ours: with which quotes around it, and with what of it still to be recognised."""

import base64
import email
import email.policy
import re
from email.message import EmailMessage as Mail
from email.utils import make_msgid

from helpdesk.mail.thread import without_markers

WORDS = "Thank you.\n\nIt is the second floor,\nroom 12 – the grey one."
AS_HTML = "<p>Thank you.</p><p>It is the second floor,<br>room 12 – the grey one.</p>"


def read(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


def bodies(mail):
    """Text, and the inside of the HTML."""
    text = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    return text, re.search(r"(?s)<body[^>]*>(.*)</body>", html)[1]


def _quoted(text):
    return "\n".join(f"> {line}".rstrip() for line in text.rstrip().split("\n"))


def gmail(text, html, german):
    head = "Am Sa., 21. Nov. 2026 um 10:00 Uhr schrieb Support <support@desk.example>:" if german else (
        "On Sat, Nov 21, 2026 at 10:00 AM Support <support@desk.example> wrote:"
    )  # fmt: skip
    shown = head.replace("<", "&lt;").replace(">", "&gt;")
    return f"{WORDS}\n\n{head}\n\n{_quoted(text)}\n", (
        f'<div dir="ltr">{AS_HTML}</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">'
        f'{shown}<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid">{html}</blockquote></div>'
    )


def outlook(text, html, german):
    names = ("Von", "Gesendet", "An", "Betreff") if german else ("From", "Sent", "To", "Subject")
    values = ("Support <support@desk.example>", "Samstag, 21. November 2026 10:00" if german else "Saturday, 21 November 2026 10:00",
              "Jonas Berg <jonas@customer.example>", "Printer")  # fmt: skip
    lines = [f"{name}: {value}" for name, value in zip(names, values, strict=True)]
    shown = "<br>".join(
        f"<b>{name}:</b> {value.replace('<', '&lt;').replace('>', '&gt;')}"
        for name, value in zip(names, values, strict=True)
    )
    return f"{WORDS}\n\n" + "\n".join(lines) + f"\n\n{text}", (
        f'<div class="WordSection1">{AS_HTML}<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm">'
        f"<p class=MsoNormal>{shown}</p></div></div>{html}</div>"
    )


def apple(text, html, german):
    head = "Am 21.11.2026 um 10:00 schrieb Support <support@desk.example>:" if german else (
        "On 21 Nov 2026, at 10:00, Support <support@desk.example> wrote:"
    )  # fmt: skip
    shown = head.replace("<", "&lt;").replace(">", "&gt;")
    return f"{WORDS}\n\n{_quoted(head)}\n> \n{_quoted(text)}\n", (
        f'{AS_HTML}<div><br><blockquote type="cite"><div>{shown}</div><br class="Apple-interchange-newline"><div>{html}</div></blockquote></div>'
    )


def bare(text, html, german):
    """A program that puts our mail below the words and marks nothing: only our own line tells them apart."""
    return f"{WORDS}\n\n{text}", ""


PROGRAMS = {"gmail": gmail, "outlook": outlook, "apple": apple}


def by_token(answer, ours):
    answer.replace_header("To", str(ours["Reply-To"]))


def by_id(answer, ours):
    answer["In-Reply-To"] = ours["Message-ID"]


def by_references(answer, ours):
    answer["References"] = f"<first@elsewhere.example> {ours['Message-ID']} <last@elsewhere.example>"


def by_thread_index(answer, ours):
    """Exchange adds five bytes for each answer."""
    index = base64.b64decode(str(ours["Thread-Index"])) + b"\x80\x01\x02\x03\x04"
    answer["Thread-Index"] = base64.b64encode(index).decode()
    answer["Thread-Topic"] = str(ours["Thread-Topic"])


def by_number(answer, ours):
    answer.replace_header("Subject", f"AW: Re: {ours['Subject']}")


def by_mark(answer, ours):
    """In what is quoted, which `answer_to` leaves there for this one alone."""


EVIDENCE = {
    "token": by_token, "id": by_id, "references": by_references, "thread-index": by_thread_index, "number": by_number,
    "mark": by_mark,
}  # fmt: skip


def answer_to(ours, program, evidence, *, sender, german=False):
    """The bytes of an answer in which nothing but `evidence` says what it answers."""
    text, html = bodies(ours)
    if evidence != "mark":
        text, html = without_markers(text), without_markers(html)
    number = re.compile(r"\[?TKT-\d{4}-\d{5}\]?")  # quoted, it says nothing; here it is not even there
    plain, rich = program(number.sub("it", text), number.sub("it", html), german)
    answer = Mail()
    answer["From"], answer["To"], answer["Subject"] = (
        sender,
        "support@desk.example",
        "Antwort" if german else "My answer",
    )
    answer["Message-ID"] = make_msgid(domain="customer.example")
    EVIDENCE[evidence](answer, ours)
    answer.set_content(plain)
    if rich:
        answer.add_alternative(f"<html><body>{rich}</body></html>", subtype="html")
    return answer.as_bytes()
