"""Mails as programs write them against the rules, or by rules hardly anybody knows: read as a person would read them."""

import base64

import pytest

from helpdesk.mail.mime import read_message
from helpdesk.mail.parse import parse
from tests.mail.test_mime import HTML, PLAIN, multipart

HEAD = "From: a@b.example\n"


def inner(kind, *parts, boundary="in"):
    return multipart(*parts, kind=kind, boundary=boundary, head="").decode()


def in_base64(data):
    return base64.encodebytes(data).decode()


PDF = "Content-Type: application/pdf; name=a.pdf\n\n%PDF"
PICTURE = "Content-Type: image/png\nContent-ID: <i>\n\nx"

STRUCTURES = {
    "text and picture in an alternative": (multipart(inner("related", inner("alternative", f"{PLAIN}plain", f"{HTML}<p>x</p>"), PICTURE, boundary="r"), PDF), "plain", ["file.png", "a.pdf"]),
    "files inside an alternative": (multipart(f"{PLAIN}plain", inner("mixed", f"{HTML}<p>x</p>", PDF), kind="alternative"), "plain", ["a.pdf"]),
    "the text behind a picture": (multipart("Content-Type: image/png; name=a.png\nContent-Disposition: inline\n\nx", f"{PLAIN}hello"), "hello", ["a.png"]),
    "text as the only file": (f"{HEAD}Content-Type: text/plain; name=log.txt\nContent-Disposition: attachment; filename=log.txt\n\nlines".encode(), "", ["log.txt"]),
    "a plain form of blanks": (multipart(f"{PLAIN}\u00a0 \n", f"{HTML}<p>html</p>", kind="alternative"), "html", []),
    "a named text behind the first": (multipart(f"{PLAIN}hi", "Content-Type: text/plain; name=log.txt\nContent-Disposition: inline; filename=log.txt\n\nlines"), "hi", ["log.txt"]),
    "two texts, one in HTML": (multipart(f"{PLAIN}one", f"{HTML}<p>two</p>"), "one\n\ntwo", []),
    "a boundary that begins another": (multipart(inner("alternative", f"{PLAIN}plain", f"{HTML}<p>x</p>", boundary="cut1"), PDF), "plain", ["a.pdf"]),
    "the same boundary inside": (multipart(inner("alternative", f"{PLAIN}plain", boundary="cut"), PDF), "plain", ["a.pdf"]),
    "parts behind the end": (multipart(f"{PLAIN}one") + b"\n--cut\nContent-Type: application/pdf; name=late.pdf\n\nx\n--cut--\n", "one", ["late.pdf"]),
    "a multipart that is encoded": (f"{HEAD}Content-Type: multipart/mixed; boundary=in\nContent-Transfer-Encoding: base64\n\n{in_base64(inner('mixed', PLAIN + 'hello').split(chr(10) * 2, 1)[1].encode())}".encode(), "hello", []),
    "comments among parameters": (b"Content-Type: multipart/mixed (odd); boundary=cut (really)\n\n--cut\n\nhello\n--cut--\n", "hello", []),
    "only carriage returns": (multipart(f"{PLAIN}hello", PDF).replace(b"\n", b"\r"), "hello", ["a.pdf"]),
    "line ends of both kinds": (multipart(f"{PLAIN}hello", PDF).replace(b"--cut\n", b"--cut\r\n"), "hello", ["a.pdf"]),
    "words before and behind the parts": (multipart(f"{PLAIN}hello").replace(b"--cut\n", b"This is MIME\n--cut\n", 1) + b"bye", "hello", []),
    "a Macintosh file": (multipart(f"{PLAIN}hi", inner("appledouble", "Content-Type: application/applefile; name=a.jpg\n\nx", "Content-Type: image/jpeg; name=a.jpg\n\ny")), "hi", ["a.jpg"]),
    "a digest": (multipart("\nSubject: one\n\nhello", "\nSubject: two\n\nbye", kind="digest"), "", ["one.eml", "two.eml"]),
    "another form for watches": (multipart(f"{PLAIN}plain", "Content-Type: text/x-amp-html\n\n<html amp4email>", f"{HTML}<p>x</p>", kind="alternative"), "plain", []),
}  # fmt: skip


@pytest.mark.parametrize("name", STRUCTURES)
def test_whatever_the_structure_nothing_is_left_out(name):
    raw, text, files = STRUCTURES[name]
    mail = parse(raw)
    assert (mail.text, [file.filename for file in mail.files]) == (text, files)


TEXTS = [
    ("Content-Type: text/plain; format=flowed; delsp=yes\n\nこれは \nテスト \nです", "これはテストです"),
    ("Content-Type: text/plain; format=flowed\n\n From the start \nto the end\n >no quote", "From the start to the end\n>no quote"),
    ("Content-Type: text/markdown\n\n*hi*", "*hi*"),
    ("Content-Type: text/enriched\n\n<bold>hi</bold> <<there", "hi <there"),
    ("Content-Type: text/rtf\n\n{\\rtf1 h\\'ef}", "hï"),
    ("Content-Type: text/plain\n\n<!DOCTYPE html><html><body><p>hi</p></body></html>", "hi"),
    ("\n<html><body><p>hi</p></body></html>", "hi"),
    ("CONTENT-TYPE: TEXT/HTML; CHARSET=UTF-8\n\n<p>hi</p>", "hi"),
    ("Content-Type: text/plain\nContent-Type: text/html\n\n<p>hi", "<p>hi"),
    ("Content-Type: text/html; charset=utf-7\n\n+ADw-script+AD4-", "+ADw-script+AD4-"),
    ("Content-Transfer-Encoding: base64\n\nSGVs\nbG8g*d29y\nbGQ", "Hello world"),
    ("Content-Transfer-Encoding: base64\n\nSGVsbG8gd29ybGQ=\nSGVsbG8gd29ybGQ=", "Hello worldHello world"),
    ("Content-Transfer-Encoding: base64\n\nSGVsbG8gd29ybGQ=\n\n____\nusers mailing list", "Hello world"),
    ("Content-Transfer-Encoding: base64\n\nHello, this was never encoded at all!", "Hello, this was never encoded at all!"),
    ("Content-Transfer-Encoding: Quoted-Printable (x)\n\nGr=C3=BC=c3=9fe =  \nhier =\n=2=ZZ=3D", "Grüße hier =2=ZZ="),
    ("Subject: x\nhello there\nmore", "hello there\nmore"),
    ("Subject : x\n\nhello", "hello"),
]  # fmt: skip


@pytest.mark.parametrize(("rest", "text"), TEXTS)
def test_whatever_the_form_the_words_are_read(rest, text):
    assert parse(f"{HEAD}{rest}".encode()).text == text


CHARSETS = [
    ("iso-2022-jp", "こんにちは、世界"), ("iso-2022-kr", "안녕하세요"), ("gb18030", "您好，世界𠮷"), ("big5", "您好，世界"),
    ("koi8-u", "Привіт ґанок"), ("windows-1256", "مرحبا"), ("iso-8859-15", "10 €"), ("utf-16", "Grüße"), ("cp874", "สวัสดี"),
    ("windows-1258", "Xin chao"), ("utf-8-sig", "Grüße"), ("utf-7", "Grüße"),
]  # fmt: skip


@pytest.mark.parametrize(("charset", "text"), CHARSETS)
def test_every_charset_is_read_in_body_and_header(charset, text):
    label = "utf-8" if charset == "utf-8-sig" else charset
    data = text.encode(charset)
    word = base64.b64encode(data).decode()
    raw = f"Subject: =?{label}?b?{word}?=\nContent-Type: text/plain; charset={label}\nContent-Transfer-Encoding: base64\n\n{in_base64(data)}"
    assert (parse(raw.encode()).text, parse(raw.encode()).subject) == (text, text)


def test_marks_of_byte_order_are_no_words():
    assert parse(b"\xef\xbb\xbfSubject: x\n\nhello").subject == "x"
    assert parse(b"Subject: x\n\n" + "Grüße".encode("utf-16")).text == "Grüße"


def test_many_blocks_of_base64_are_read_in_one_pass():
    raw = b"Content-Transfer-Encoding: base64\n\n" + b"QQ==" + b"Q" * 400_000 + b"\nA=*"
    root, _ = read_message(raw)
    assert root.data().startswith(b"A")


def test_a_saved_pages_parts_are_named_by_their_place():
    raw = b"Content-Type: image/png\nContent-Location: http://b.example/pics/the%20logo.png?x=1\n\nx"
    assert [file.filename for file in parse(raw).files] == ["the logo.png"]


def test_an_image_whose_id_is_written_encoded_is_inline():
    raw = multipart(
        'Content-Type: text/html\n\n<img src="cid:a%40b">',
        "Content-Type: image/png\nContent-ID: <a@b>\n\nx",
        kind="related",
    )
    assert [file.is_inline for file in parse(raw).files] == [True]
