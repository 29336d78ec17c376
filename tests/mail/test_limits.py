"""What a mail may cost, each limit on its own; and that a finished mail is read again before it is believed."""

from email.message import MIMEPart

import pytest

from helpdesk.mail.compose import ComposeError, compose
from helpdesk.mail.headers import MAX_ADDRESSES, read_addresses
from helpdesk.mail.mime import MAX_FIELDS, MAX_HEADER_BYTES, read_header
from tests.mail.test_compose import draft


def test_no_more_than_500_addresses_are_read():
    field = ", ".join(f"u{number}@customer.example" for number in range(20_000))
    assert len(read_addresses([field])) == MAX_ADDRESSES == 500
    assert len(read_addresses([f"u{number}@customer.example" for number in range(600)])) == 500


def test_no_more_than_256_kb_of_a_header_are_read():
    fields, problems = read_header(
        b"Subject: x\r\nX-Long: " + b"y" * 5_000_000 + b"\r\nFrom: a@b.example\r\n\r\nwords"
    )
    assert sum(len(value) for _, value in fields) <= MAX_HEADER_BYTES == 256 * 1024
    assert "From" not in dict(fields)
    assert "the header is longer than 256 kB" in problems


def test_no_more_than_1000_fields_are_read():
    fields, problems = read_header(b"X: y\r\n" * 5_000 + b"\r\nwords")
    assert len(fields) <= MAX_FIELDS == 1_000
    assert "the header has more than 1,000 fields" in problems


@pytest.mark.parametrize("added", [b"Bcc: x@evil.example\r\n", b"X-Odd: y\r\n", b"\r\nAnother body\r\n"])
def test_a_mail_the_library_spoils_is_never_given_out(monkeypatch, added):
    """As Python's own writer did with encoded line ends (CVE-2024-6923): what was written is read again first."""
    as_bytes = MIMEPart.as_bytes
    monkeypatch.setattr(MIMEPart, "as_bytes", lambda self, *a, **kw: added + as_bytes(self, *a, **kw))
    with pytest.raises(ComposeError, match="would not say what was meant"):
        compose(draft())
