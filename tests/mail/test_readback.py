"""The last guard: any difference between the bytes and what was meant is seen."""

import pytest

from helpdesk.mail.readback import Meant, differences

RAW = b"""From: Support <support@desk.example>\r
To: jonas@customer.example\r
Subject: Printer\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=b\r
\r
--b\r
Content-Type: text/plain; charset=utf-8\r
\r
It works.\r
\r
--b\r
Content-Type: application/pdf\r
Content-Disposition: attachment; filename=a.pdf\r
\r
PDF\r
--b--\r
"""
MEANT = Meant(
    (
        ("From", (("Support", "support@desk.example"),)),
        ("To", (("", "jonas@customer.example"),)),
        ("Subject", "Printer"),
    ),
    "It works.\n",
    "",
    (("a.pdf", "", b"PDF"),),
)


def test_a_mail_that_says_what_was_meant_passes():
    assert differences(RAW, MEANT) == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: Printer", b"Subject: Printer\r\nBcc: x@evil.example"),
        (b"Subject: Printer", b"Subject: =?utf-8?q?Scanner?="),
        (b"Subject: Printer", b"Subject: Printer\r\nSubject: Printer"),
        (b"Subject: Printer\r\n", b"\r\nSubject: Printer\r\n"),
        (b"To: jonas@customer.example", b"To: jonas@customer.example, x@evil.example"),
        (b"To: jonas@customer.example", b"To: jonas@customer.example\r\n <x@evil.example>"),
        (b"From: Support", b"From: Boss"),
        (b"MIME-Version: 1.0", b"MIME-Version: 1.0\r\nContent-Type: text/html"),
        (b"MIME-Version: 1.0", b"MIME-Version: 1.0\r\nContent-Script: x"),
        (b"It works.", b"It fails."),
        (b"Content-Type: application/pdf", b"Content-Type: application/pdf\r\nBcc: x@evil.example"),
        (b"filename=a.pdf", b"filename=b.pdf"),
        (b"Content-Disposition: attachment; filename=a.pdf\r\n", b""),
        (b"PDF\r\n", b"PDX\r\n"),
        (b"--b--", b"--b\r\n\r\nmore\r\n--b--"),
        (b"--b--", b""),
        (b"Printer", b"=?utf-8?q?=FF?="),
        (b"Printer", b"\xff"),
    ],
)
def test_every_difference_is_seen(old, new):
    assert old in RAW
    assert differences(RAW.replace(old, new, 1), MEANT)
