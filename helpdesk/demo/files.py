"""Small files people attach, made on the spot: a picture, a page of PDF, a table. The same name gives the same bytes."""

from __future__ import annotations

import struct
import zlib
from hashlib import sha256
from pathlib import PurePath

from helpdesk.mail.types import MailFile

WIDTH, HEIGHT = 208, 130


def make(name: str) -> MailFile:
    """A file fitting the name's ending. Raises KeyError for an ending nobody draws."""
    content_type, build = _KINDS[PurePath(name).suffix]
    return MailFile(name, content_type, build(name))


def _picture(name: str) -> bytes:
    """A lamp's light on a wall, roughly, in colours that hang on the name."""
    red, green, blue = sha256(name.encode()).digest()[:3]
    rows = bytearray()
    for y in range(HEIGHT):
        rows.append(0)
        for x in range(WIDTH):
            light = max(0, 220 - ((x - WIDTH // 2) ** 2 + (y - HEIGHT // 3) ** 2) // 38)
            rows += bytes(
                min(255, 30 + tone // 4 + light * (160 + tone // 3) // 255) for tone in (red, green, blue)
            )
    size = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", size)
        + _chunk(b"IDAT", zlib.compress(bytes(rows), 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _page(name: str) -> bytes:
    """One page of PDF that says what it stands for."""
    title = PurePath(name).stem.replace("-", " ").title()
    text = f"BT /F1 20 Tf 72 740 Td ({title}) Tj 0 -32 Td /F1 11 Tf (A sample of the demo.) Tj ET".encode(
        "ascii", "replace"
    )
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    return bytes(out) + b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table) + end


def _table(name: str) -> bytes:
    seed = sha256(name.encode()).digest()
    lines = [f"2026-10-{day:02},{1000 + seed[day]},{seed[day] % 9 + 1}" for day in range(1, 25)]
    return ("date,reading,count\n" + "\n".join(lines) + "\n").encode()


def _text(name: str) -> bytes:
    lines = [
        f"09:{minute:02}:12 bridge: retry {minute % 5 + 1}, signal -{60 + minute % 20} dBm"
        for minute in range(60)
    ]
    return ("\n".join(lines) + "\n").encode()


_KINDS = {
    ".png": ("image/png", _picture),
    ".pdf": ("application/pdf", _page),
    ".csv": ("text/csv", _table),
    ".txt": ("text/plain", _text),
    ".log": ("text/plain", _text),
}
