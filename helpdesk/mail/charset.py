"""From bytes to clean text, whatever charset was declared: a wrong one costs letters, never the mail."""

from __future__ import annotations

import codecs
import re
import unicodedata

from charset_normalizer import from_bytes

ALIASES = {
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-8859-1": "windows-1252",
    "latin1": "windows-1252",
    "us-ascii": "windows-1252",
    "ascii": "windows-1252",
    "utf8": "utf-8",
    "utf-8mb4": "utf-8",
}
MAX_DETECT = 20_000
_META = re.compile(rb"<meta[^>]{0,200}charset=[\"']?([\w-]{2,40})", re.IGNORECASE)


def clean(text: str) -> str:
    """Valid Unicode in NFC: no NUL, no lone surrogates, line ends as newlines."""
    text = text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
        text = unicodedata.normalize("NFC", text)
    return text


def _known(name: str) -> str:
    """The codec's name, "" for an unknown one or one that is no charset."""
    name = name.strip().strip("\"'").lower()
    name = ALIASES.get(name, name)
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    return info.name if info._is_text_encoding and info.name != "idna" else ""


def decode(data: bytes, declared: str = "", *, is_html: bool = False) -> str:
    """Clean text: the declared charset, else UTF-8, else what the HTML says, else detection, else windows-1252."""
    if data.isascii() and "\x1b" not in data[:10_000].decode("ascii") and _known(declared) != "utf-7":
        return clean(data.decode("ascii"))
    candidates = [_known(declared), "utf-8"]
    if is_html and (meta := _META.search(data[:4096])):
        candidates.append(_known(meta[1].decode("ascii")))
    if candidates[0] == "cp1252" and _is_utf8(data):  # declared latin1 by habit
        candidates.reverse()
    for name in filter(None, candidates):
        try:
            return clean(data.decode(name))
        except (UnicodeError, ValueError):
            continue
    return clean(_detected(data))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _detected(data: bytes) -> str:
    best = from_bytes(data[:MAX_DETECT]).best()
    name = best.encoding if best else "windows-1252"
    try:
        return data.decode(name)
    except (UnicodeError, LookupError):
        return data.decode("windows-1252", "replace")
