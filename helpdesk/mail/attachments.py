"""Files that came along with a mail or a form: names that are safe to show and to save under."""

from __future__ import annotations

import mimetypes
import unicodedata

MAX_FILENAME = 150
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_CUT = set('/\\:*?"<>|')


def safe_filename(name: str, content_type: str) -> str:
    """One visible line without path, control or direction characters; made from the type when nothing is left."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(c for c in base if c not in _CUT and unicodedata.category(c)[0] != "C")
    kept = " ".join(kept.split()).strip(". ")
    if not kept:
        kept = "file" + (mimetypes.guess_extension(content_type.split(";", maxsplit=1)[0].strip()) or "")
    stem, dot, extension = kept.rpartition(".")
    if len(kept) > MAX_FILENAME and dot and len(extension) < 20:
        return stem[: MAX_FILENAME - len(extension) - 1] + "." + extension
    return kept[:MAX_FILENAME]


def picture_type(data: bytes) -> str:
    """Which of the kinds of pictures that browsers and mail programs show it is, by its first bytes; "" for any other.

    Never by its name: SVG can hold scripts, and a name can say anything.
    """
    for beginning, content_type in _PICTURES:
        if data.startswith(beginning):
            return content_type
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""
