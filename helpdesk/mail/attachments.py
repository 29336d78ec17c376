"""Files that came along with a mail or a form: names that are safe to show and to save under."""

from __future__ import annotations

import mimetypes
import unicodedata

MAX_FILENAME = 150
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
