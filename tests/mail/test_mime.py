"""The structure of mails as they are found: nothing the sender wrote is left out, nothing wild is entered."""

import base64

import pytest

from helpdesk.mail.body import unflow
from helpdesk.mail.mime import TooWildError, read_message
from helpdesk.mail.parameters import read_parameters
from helpdesk.mail.parse import parse


def multipart(*parts, kind="mixed", boundary="cut", head="From: a@b.example\n"):
    body = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f'{head}Content-Type: multipart/{kind}; boundary="{boundary}"\n\n{body}--{boundary}--\n'.encode()


PLAIN, HTML = "Content-Type: text/plain\n\n", "Content-Type: text/html\n\n"


def test_a_footer_does_not_hide_the_letter_above_it():
    parsed = parse(multipart(f"{HTML}<p>The letter</p>", f"{PLAIN}A list's footer"))
    assert parsed.text.split() == ["The", "letter", "A", "list's", "footer"]
    assert "The letter" in parsed.html
    assert "A list&#x27;s footer" in parsed.html


def test_the_plain_form_is_searched_and_the_html_form_shown():
    parsed = parse(multipart(f"{PLAIN}Plain form", f"{HTML}<p>HTML form</p>", kind="alternative"))
    assert (parsed.text, parsed.html) == ("Plain form", "<p>HTML form</p>")


@pytest.mark.parametrize(
    "stub", ["", "Your e-mail client does not support HTML.", "View this message in a browser"]
)
def test_a_plain_part_that_says_nothing_gives_way_to_the_html(stub):
    parsed = parse(multipart(f"{PLAIN}{stub}", f"{HTML}<p>The letter</p>", kind="alternative"))
    assert parsed.text == "The letter"


def test_an_embedded_mail_keeps_its_exact_bytes_and_its_subject_as_name():
    inner = "Subject: =?utf-8?q?Fr=C3=BCher?=\nFrom:  c@d.example\n\nOdd   spacing \nstays.  "
    parsed = parse(multipart(f"{PLAIN}See the mail", f"Content-Type: message/rfc822\n\n{inner}"))
    assert parsed.text == "See the mail"
    assert [(file.filename, file.data) for file in parsed.files] == [("Früher.eml", inner.encode())]


def test_an_embedded_mail_in_base64_is_decoded():
    inner = base64.encodebytes(b"Subject: Inner\n\nwords").decode()
    raw = multipart(f"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{inner}")
    assert [(file.filename, file.data) for file in parse(raw).files] == [
        ("Inner.eml", b"Subject: Inner\n\nwords")
    ]


def test_a_file_alone_is_a_file():
    raw = b"Subject: x\nContent-Type: application/pdf; name=bill.pdf\nContent-Transfer-Encoding: base64\n\nJVBERg=="
    assert [(file.filename, file.data) for file in parse(raw).files] == [("bill.pdf", b"%PDF")]
    assert parse(raw).text == ""


def test_signatures_of_machines_are_no_files():
    raw = multipart(
        f"{PLAIN}Signed", "Content-Type: application/pgp-signature; name=s.asc\n\n---", kind="signed"
    )
    assert (parse(raw).text, parse(raw).files) == ("Signed", ())


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ("attachment; filename=\"a b.txt\"", "a b.txt"),
        ("attachment; filename=a b.txt", "a b.txt"),
        ("attachment; filename*=utf-8''%C3%BCber.txt", "über.txt"),
        ("attachment; filename*=iso-8859-1'de'%FCber.txt; filename=other.txt", "über.txt"),
        ("attachment; filename*0*=utf-8''%C3%BC; filename*1=ber; filename*2*=%2Etxt", "über.txt"),
        ("attachment; filename=\"=?utf-8?q?=C3=BCber=2Etxt?=\"", "über.txt"),
        ("attachment; filename==?utf-8?b?w7xiZXIudHh0?=", "über.txt"),
        ("attachment; filename=\"C:\\Users\\x\\report.txt\"", "report.txt"),
        ("attachment; filename=\"../../etc/passwd\"", "passwd"),
        ("attachment; filename=\"semi;colon.txt\"", "semi;colon.txt"),
        ("attachment; filename=\"never closed.txt", "never closed.txt"),
        ("attachment; filename=\"a\u202etxt.exe\"", "atxt.exe"),
        ("attachment", "file.txt"),
    ],
)  # fmt: skip
def test_names_of_files_are_read_however_they_are_written(declared, name):
    raw = multipart(f"Content-Type: text/plain\nContent-Disposition: {declared}\n\nwords")
    assert [file.filename for file in parse(raw).files] == [name]


def test_parameters_survive_what_mail_programs_forget():
    assert read_parameters(b"text/plain charset=utf-8") == ("text/plain", {"charset": "utf-8"})
    assert read_parameters(b'Text/HTML ; Charset="utf-8" ; ;x') == ("text/html", {"charset": "utf-8"})
    assert read_parameters(b"") == ("", {})


@pytest.mark.parametrize(
    "raw",
    [
        b'Content-Type: multipart/mixed; boundary="declared"\n\n--real\nContent-Type: text/plain\n\nwords\n--real--\n',
        b"Content-Type: multipart/mixed\n\n--real\nContent-Type: text/plain\n\nwords\n--real--\n",
        b'Content-Type: multipart/mixed; boundary="real"\n\n--real\nContent-Type: text/plain\n\nwords',
        b'Content-Type: multipart/mixed; boundary="none"\n\nwords',
        b"Subject: x\rContent-Type: text/plain\r\rwords\r",
        b"From a@b.example Mon Mar  2 10:11:00 2026\nSubject: x\n\nwords\n",
        b"\n\nSubject: x\n\nwords\n",
        b"Subject: x\nwords\n",
        b"Subject: x\nthis line is no field\nX-Y: z\n\nwords\n",
        b"Content-Type: text\n\nwords",
        b"Content-Type: text/plain; charset\n\nwords",
        b"Content-Transfer-Encoding: base64\n\nd29yZHM",
        b"Content-Transfer-Encoding: base64\n\nd29y!ZHM=*",
        b"Content-Transfer-Encoding: x-odd\n\nwords",
        b"Content-Transfer-Encoding: quoted-printable\n\nwo=\nrds=",
    ],
)
def test_damaged_mail_still_says_its_words(raw):
    assert parse(raw).text.strip().rstrip("=") == "words"


def test_wild_mail_is_refused_before_it_is_entered():
    deep = b"\n".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d' % (n, n) for n in range(60))
    wide = b'Content-Type: multipart/mixed; boundary="b"\n\n' + b"--b\n\nx\n" * 501
    for raw in (deep, wide):
        with pytest.raises(TooWildError):
            read_message(raw)
        parsed = parse(b"Subject: still a ticket\n" + raw)
        assert parsed.subject == "still a ticket"
        assert parsed.files[-1].filename == "message.eml"
        assert parsed.problems
        assert parsed.is_partial


def test_a_long_text_is_cut_and_its_source_kept():
    raw = b"Subject: x\n\n" + b"words " * 1000
    parsed = parse(raw, max_text=600)
    assert len(parsed.text) <= 600
    assert parsed.is_partial
    assert parsed.files[-1].data == raw
    assert parse(raw, max_text=6000).files == ()


def test_soft_line_breaks_are_joined():
    assert (
        unflow("one \ntwo\n> three \n> four\n>> five \n-- \nsix")
        == "one two\n> three four\n>> five \n-- \nsix"
    )
    assert unflow("wo \nrds", delete_space=True) == "words"


def test_an_inline_image_is_told_from_a_file():
    raw = multipart(
        f'{HTML}<img src="cid:logo@x">',
        "Content-Type: image/png\nContent-ID: <logo@x>\n\nx",
        "Content-Type: image/png\nContent-ID: <other@x>\nContent-Disposition: inline; filename=o.png\n\nx",
        kind="related",
    )
    assert [file.is_inline for file in parse(raw).files] == [True, False]
