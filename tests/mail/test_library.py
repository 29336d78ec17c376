"""The mail package stands alone, and whatever is done to a mail, what it says of it is clean."""

import base64
import dataclasses
import doctest
import random
import subprocess
import sys
import tracemalloc
import unicodedata
from enum import Enum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import helpdesk.mail
from helpdesk.mail.parse import glance, parse
from helpdesk.mail.quotes import split_reply
from tests.mail import contents
from tests.mail.languages import letters
from tests.mail.test_contents import ARMOR, CLEAR, RULES, UU
from tests.mail.test_mime import multipart


def test_the_example_of_its_page_is_true():
    result = doctest.testmod(helpdesk.mail)
    assert result.attempted > 5
    assert result.failed == 0


def test_it_needs_nothing_of_the_web():
    modules = [
        "parse",
        "quotes",
        "html",
        "thread",
        "compose",
        "classify",
        "bounce",
        "invitation",
        "smime",
        "tnef",
    ]
    code = f"import sys, {', '.join(f'helpdesk.mail.{name}' for name in modules)}\n"
    code += "print([name for name in ('flask', 'sqlalchemy', 'redis', 'rq', 'imapclient') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def strings(value):
    """Every text in a value, however deep."""
    if isinstance(value, str) and not isinstance(value, Enum):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from strings(getattr(value, field.name))
    elif isinstance(value, tuple | list):
        for each in value:
            yield from strings(each)


def dirt(value):
    return [
        text
        for text in strings(value)
        if "\0" in text
        or not unicodedata.is_normalized("NFC", text)
        or any("\ud800" <= c <= "\udfff" for c in text)
    ]


DECOMPOSED = "SUMMARY:e\u0301"
PIECES = [
    contents.in_base64("application/ms-tnef; name=winmail.dat", contents.winmail(contents.attribute(0x800C, b"words\0\0x"), contents.winmail_file(b"%PDF", (0x3707, 0x1F, contents.unicode_text("e\u0301\ud7ff.pdf"))))),
    contents.in_base64("application/pkcs7-mime; name=smime.p7m", contents.signed(b"Content-Type: text/plain\n\nsigned")),
    contents.in_base64("application/pkcs7-mime; name=smime.p7m", contents.open_ended(b"Content-Type: text/html\n\n", b"<p>signed")),
    f"Content-Type: text/calendar; method=REQUEST\n\n{contents.calendar(DECOMPOSED, 'DTSTART;TZID=Our own:20260702T100000', 'RRULE:FREQ=DAILY;COUNT=3', zone=RULES)}",
    f"Content-Type: text/plain; charset=utf-8; format=flowed\n\n{CLEAR}\n{ARMOR}\n{UU}",
    "Content-Type: text/html\n\n<div class=gmail_quote>e\u0301<blockquote>&#0;&#xD800;&#101;&#769;</blockquote></div>",
    "Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B$3$s\x1b(B",
    "Content-Type: message/rfc822\n\nSubject: =?utf-8?q?=00e=CC=81?=\n\ninner",
    "Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; e\u0301@b.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; \0",
    'Content-Type: application/pdf; name*0*=utf-8\'\'e%CC%81; name*1="\0.pdf"\nContent-ID: <\u202ei>\n\n%PDF',
    f"Content-Type: application/octet-stream; name=x\nContent-Transfer-Encoding: base64\n\n{base64.encodebytes(bytes(range(200))).decode()}",
    *[f"\n{letters()[number][2]}" for number in (0, 41, 99, 150)],
]  # fmt: skip
HEADERS = [
    "Subject: =?utf-8?b?ZcyBAA==?= =?x-no?q?e?=", "From: \"e\u0301\" <a@b.example>", "From: alice@v.example <evil@x.example>", "To: Team: a@b, c@d;",
    "Message-ID: <x@y>\0", "In-Reply-To: =?utf-8?q?=3Cx=40y=3E=0D=0AEVIL?=", "Date: Mon, 99 Foo 99999 99:99", "Return-Path: <>",
    "Auto-Submitted: auto-replied (((", "Content-Type: multipart/alternative", "Content-Transfer-Encoding: base64", "X-Failed-Recipients: a@b.example",
    "Precedence: bulk", "From: MAILER-DAEMON@x.example", "Received: x\n\ty", "References: <a@b> <c@d", "Content-Type: multipart/encrypted; boundary=c",
    ": nameless", "Content-Disposition: attachment; filename*=x'y'%ff%00",
]  # fmt: skip
KINDS = ["mixed", "alternative", "related", "signed", "encrypted", "report", "digest", "appledouble"]


def tree(part):
    return st.builds(
        lambda parts, kind, mark: multipart(*parts, kind=kind, boundary=f"c{mark}", head="").decode("utf-8", "surrogatepass"),
        st.lists(part, min_size=1, max_size=3), st.sampled_from(KINDS), st.integers(0, 3),
    )  # fmt: skip


MAILS = st.builds(
    lambda head, body: ("\n".join(head) + "\n" + body).encode("utf-8", "surrogatepass"),
    st.lists(st.sampled_from(HEADERS), min_size=1, max_size=5),
    st.recursive(st.sampled_from(PIECES), tree, max_leaves=5),
)


def damaged(raw, seed):
    """The mail as a bad server leaves it: cut, lines doubled or exchanged, bytes lost and added."""
    chance = random.Random(seed)
    lines = raw.split(b"\n")
    for _ in range(chance.randrange(4)):
        at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        match chance.randrange(5):
            case 0:
                lines = lines[: at + 1]
            case 1:
                lines[at:at] = lines[other : other + 9]
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines[at] = lines[at][: other % (len(lines[at]) + 1)] + bytes([chance.randrange(256)])
            case _:
                del lines[at]
                lines = lines or [b""]
    return b"\n".join(lines)


@settings(max_examples=250, deadline=None)
@given(MAILS, st.integers(0, 2**32))
def test_whatever_is_done_to_a_mail_what_it_says_is_clean(raw, seed):
    for version in (raw, damaged(raw, seed)):
        mail = parse(version)
        assert not dirt(mail)
        assert not dirt(split_reply(mail.text, mail.html, subject=mail.subject))
        assert not dirt(glance(version))
        assert all(file.filename.strip() and "/" not in file.filename for file in mail.files)
        assert all(file.content_type.isprintable() for file in mail.files)


@pytest.mark.parametrize("kind", ["application/octet-stream", "application/ms-tnef", "text/plain"])
def test_a_mail_of_35_mb_needs_less_than_a_workers_share(kind):
    """A worker may use 300 MB, and the desk itself and the mail's own bytes are a third of it."""
    text = b"some words\n" * 2_200_000
    data = contents.winmail(contents.winmail_file(text, title=b"a.bin\0")) if "tnef" in kind else text
    raw = contents.in_base64(f"{kind}; name=a.bin" if "application" in kind else kind, data).encode()
    tracemalloc.start()
    mail = parse(raw)
    split = split_reply(mail.text, mail.html)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert mail.files or split.visible
    assert peak < 150_000_000
