"""Writes what mails carry besides words: winmail.dat as Outlook does, S/MIME envelopes, calendar files."""

from __future__ import annotations

import base64
import struct
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID

EMBEDDED_MAIL = bytes.fromhex("0703020000000000c000000000000046")


def attribute(name, data, level=1, kind=6):
    return struct.pack("<BHHI", level, name, kind, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def properties(*entries):
    """(id, type, value) each; of a variable type the value is its bytes, of a fixed one too, padded to four."""
    written = []
    for name, kind, value in entries:
        written.append(struct.pack("<HH", kind, name))
        if kind in (0x0D, 0x1E, 0x1F, 0x102):
            written.append(struct.pack("<II", 1, len(value)) + value + b"\0" * (-len(value) % 4))
        else:
            written.append(value + b"\0" * (-len(value) % 4))
    return struct.pack("<I", len(entries)) + b"".join(written)


def unicode_text(text):
    return f"{text}\0".encode("utf-16-le")


def winmail(*attributes, codepage=1252):
    head = struct.pack("<IH", 0x223E9F78, 7)
    return head + attribute(0x9007, struct.pack("<II", codepage, 0)) + b"".join(attributes)


def winmail_file(data, *entries, title=b"SHORT~1.PDF\0"):
    """One attached file: a new one begins, its short name, its bytes, its properties."""
    return (
        attribute(0x9002, b"\0" * 14, 2)
        + attribute(0x8010, title, 2)
        + (attribute(0x800F, data, 2) if data else b"")
        + attribute(0x9005, properties(*entries), 2)
    )


def stored_rtf(text):
    data = text.encode("cp1252")
    return struct.pack("<IIII", len(data) + 12, len(data), 0x414C454D, 0) + data


@cache
def signer(name="Eva Lind", email="eva@customer.example"):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.EMAIL_ADDRESS, email)]
    )
    now = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(0xFA11)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=9999))
        .sign(key, hashes.SHA256())
    )
    return certificate, key


def signed(content, *options):
    certificate, key = signer()
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(certificate, key, hashes.SHA256())
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary, *options])


def open_ended(*pieces):
    """A signed envelope as programs that stream it write it: lengths unknown, the content in pieces."""
    octets = b"\x24\x80" + b"".join(b"\x04" + _length(piece) + piece for piece in pieces) + b"\0\0"
    inner = b"\x30\x80\x06\x09" + bytes.fromhex("2a864886f70d010701") + b"\xa0\x80" + octets + b"\0\0\0\0"
    data = b"\x30\x80\x02\x01\x01\x31\x00" + inner + b"\x31\x00\0\0"
    return b"\x30\x80\x06\x09" + bytes.fromhex("2a864886f70d010702") + b"\xa0\x80" + data + b"\0\0\0\0"


def _length(data):
    return bytes([len(data)]) if len(data) < 128 else b"\x84" + len(data).to_bytes(4, "big")


def in_base64(kind, data, more=""):
    return f"Content-Type: {kind}\nContent-Transfer-Encoding: base64\n{more}\n{base64.encodebytes(data).decode()}"


def calendar(*event, method="REQUEST", zone=()):
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"METHOD:{method}", *zone, "BEGIN:VEVENT", "UID:1", *event]
    return "\r\n".join([*lines, "END:VEVENT", "END:VCALENDAR", ""])
