"""A small valid message out of the beginning of a large or damaged one."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.transports.partial import MAX_TEXT_BYTES, partial_from_beginning, partial_message
from tests.transports.mails import mail_with_file


def read(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


def test_header_fields_stay_and_the_body_is_described_anew():
    made = read(partial_from_beginning(mail_with_file(200_000)[:100_000]))
    assert (
        made["From"] == "Jonas <jonas@customer.example>" and made["Message-ID"] == "<photo@customer.example>"
    )
    assert made.get_content_type() == "text/plain" and not made.is_multipart()
    assert made.get_content().strip() == "Gr\u00fc\u00dfe aus K\u00f6ln"


def test_without_a_text_only_the_header_is_left():
    made = read(partial_from_beginning(mail_with_file(200_000, file_first=True)[:100_000]))
    assert made["Subject"] == "A photo" and made.get_content() == ""


def test_base64_is_cut_between_letters():
    header = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
    whole = partial_message(b"Subject: x\r\n", header, b"SGVsbG8gd29ybGQhIEhlbGxv\r\nIHdvcmxkI")
    assert read(whole).get_content() == "Hello world! Hello world"[:24]


def test_long_text_ends_with_a_whole_line():
    text = b"caf=C3=A9\r\n" * 10_000
    made = partial_message(b"Subject: x\r\n", b"", text[:MAX_TEXT_BYTES])
    assert made.endswith(b"caf=C3=A9\r\n")


def test_an_attached_text_is_not_the_body():
    raw = (
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/csv\r\n'
        b"Content-Disposition: attachment; filename=a.csv\r\n\r\n1;2\r\n--b\r\n"
        b"Content-Type: text/plain\r\n\r\nhello\r\n--b--\r\n"
    )
    assert read(partial_from_beginning(raw)).get_content().strip() == "hello"


def test_lines_that_are_no_fields_are_dropped():
    raw = b"From jonas@customer.example Mon Feb  1\r\nSubject: x\r\n folded\r\n\r\nbody\r\n"
    assert partial_from_beginning(raw) == b"Subject: x\r\n folded\r\nMIME-Version: 1.0\r\n\r\nbody\r\n"


def test_text_in_8_bit_stays_as_it_was_sent():
    raw = "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\u00fc\u00dfe\r\n"
    assert read(partial_from_beginning(raw.encode())).get_content().strip() == "Gr\u00fc\u00dfe"


@pytest.mark.parametrize("levels", [50, 2000])
def test_deep_nesting_is_survived(levels):
    raw = b"Subject: deep\r\n"
    for level in range(levels):
        raw += b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (level, level)
    made = partial_from_beginning(raw + b"\r\nhello\r\n")
    assert made.startswith(b"Subject: deep\r\n")


@given(st.binary(max_size=300))
def test_any_bytes_make_a_message(raw):
    made = partial_from_beginning(raw)
    assert b"MIME-Version: 1.0\r\n" in made
    email.message_from_bytes(made)


@given(st.integers(min_value=0, max_value=1500))
def test_any_cut_makes_a_message(count):
    made = partial_from_beginning(mail_with_file(1000)[:count])
    email.message_from_bytes(made).get_payload(decode=True)
