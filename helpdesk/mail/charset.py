"""Bytes into text: the declared charset when it is true, a careful guess when it is not, never an exception."""

from __future__ import annotations

import codecs
import re
import unicodedata
from encodings.aliases import aliases

from charset_normalizer import from_bytes

MAX_SAMPLE = 16_384
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,39}\Z")
# Labels that stand for a larger charset than their name says: what mail programs mean, not what they write.
_MEANT = {
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ks-c-5601": "cp949",
    "euc-kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "iso-8859-1": "windows-1252",
    "latin1": "windows-1252",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "x-mac-roman": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "utf-8-mac": "utf-8",
    "utf8mb4": "utf-8",
    "cp-850": "cp850",
    "unicode-1-1-utf-7": "utf-7",
}
# Codecs Python lists beside the charsets: transformations, decompressors and one that is quadratic.
_NO_CHARSETS = {
    "base64_codec",
    "bz2_codec",
    "hex_codec",
    "mbcs",
    "quopri_codec",
    "rot_13",
    "tactis",
    "uu_codec",
    "zlib_codec",
}
# ... and those it has no other name for.
_NAMELESS = {
    "koi8_t",
    "koi8_u",
    "cp720",
    "cp737",
    "cp856",
    "cp874",
    "cp1006",
    "mac_arabic",
    "mac_croatian",
    "mac_farsi",
}
_CHARSETS = (set(aliases.values()) | _NAMELESS) - _NO_CHARSETS
_META = re.compile(rb"""<meta[^>]{0,300}?charset\s{0,9}=\s{0,9}["']?([A-Za-z0-9_.:-]{2,40})""", re.IGNORECASE)
_ESCAPES_2022 = (b"\x1b$B", b"\x1b$@", b"\x1b(J")
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_HIGH = re.compile(rb"[\x80-\xff]")
_ASCII = [chr(code) for code in range(128)]
_MULTIBYTE = {
    "big5",
    "big5hkscs",
    "cp932",
    "cp949",
    "cp950",
    "euc_jp",
    "euc_jis_2004",
    "euc_kr",
    "gb18030",
    "johab",
}
_NEVER_MAIL = (
    "utf_16",
    "utf_32",
    "utf_7",
    "cp037",
    "cp273",
    "cp424",
    "cp5",
    "cp1026",
    "cp1140",
    "hz",
    "mac_",
)
# (charset, the commonest letters of a text in it, the least share of them). The best share wins. Capitals are left
# out on purpose: those of KOI8-R are the small letters of windows-1251, and the other way round.
_KANA = "".join(map(chr, range(0x3041, 0x30FD))) + "、。"
_HAN = "的一是不了在人有我他这這个個们們中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于於着下自之好请請您，。？"
_SCRIPTS = (
    ("cp1251", "оеаинтсрвлкмдп", 0.6),
    ("koi8_r", "оеаинтсрвлкмдп", 0.6),
    ("cp932", _KANA, 0.4),
    ("euc_jp", _KANA, 0.4),
    ("gb18030", _HAN, 0.25),
    ("big5", _HAN, 0.25),
    ("cp1253", "αοιετσνηυρπκμλςάόίέή", 0.6),
    ("cp1255", "יולהאמרתבשנקםדח", 0.6),
)
_LATIN = (
    ("cp1252", "äöüßéèêëàâçñóòôõáãíìîïúùûæøåœÄÖÜÉÀÇÅØ“”„‘’«»–—…€°§´·¿¡\xa0", 0.95),
    ("cp1250", "ąćęłńóśźżáčďéěíňřšťúůýžĺľôŕäöüßőűŁŚŻČŠŘŽ„”“–…\xa0", 0.95),
    ("cp1254", "ğışçöüâİŞĞÇÖÜ’“”\xa0", 0.95),
)
_RUN = re.compile(rb"[\x80-\xff]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """The text as it may be stored: no NUL, lone surrogates replaced, NFC, lines ended by LF."""
    if not text.isascii():
        if _SURROGATE.search(text):
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if not unicodedata.is_normalized("NFC", text):
            text = unicodedata.normalize("NFC", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", text) if _CONTROL.search(text) else text  # a text of 25 MB is copied with care


def clean_line(text: str) -> str:
    """One line for a header value: controls gone, every run of white space one blank."""
    return " ".join(clean(text).split())


def decode(data: bytes, declared: str = "", *, is_html: bool = False) -> str:
    """The text of `data`, cleaned.

    1. the declared charset, read as mail programs mean it;  2. strict UTF-8;  3. an HTML `<meta>`;
    4. one of those with few wrong bytes;  5. detection;  6. windows-1252 with replacements.
    """
    name = _codec(declared)
    if name == "utf-7" and is_html:  # a browser could be made to read tags where nobody else sees any
        name = ""
    if name.startswith(("utf-16", "utf-32")) or data.startswith(_WIDE_MARKS):
        return clean(
            data.decode(name if name.startswith("utf") else "utf-16", "replace").removeprefix("\ufeff")
        )
    names = [name, "utf-8-sig", _codec(_meta_charset(data)) if is_html else ""]
    if name == "cp1252":  # declared by habit more often than by knowledge
        names.insert(0, "utf-8-sig")
    for candidate in names:
        text = _strictly(data, candidate)
        if text is not None:
            return clean(text.removeprefix("\ufeff"))
    return clean(_mostly(data, names) or _detected(data))


def _codec(label: str) -> str:
    """Python's name of a charset label, "" when it is none that may decode foreign bytes."""
    label = label.strip().strip("\"'").lower()
    if not _NAME.match(label):
        return ""
    try:
        found = codecs.lookup(_MEANT.get(label, label)).name
    except (LookupError, ValueError):
        return ""
    return found if found.replace("-", "_") in _CHARSETS or found in _MEANT.values() else ""


def _meta_charset(data: bytes) -> str:
    found = _META.search(data[:4096])
    return found[1].decode("ascii") if found else ""


def _strictly(data: bytes, name: str) -> str | None:
    if not name or (name.startswith("utf-8") and _has_escapes(data)):
        return None
    try:
        return data.decode(name)
    except (UnicodeError, ValueError):
        return None


def _has_escapes(data: bytes) -> bool:
    return any(escape in data for escape in _ESCAPES_2022)


def _mostly(data: bytes, names: list[str]) -> str:
    """The text in a named charset of several bytes a letter, when few letters are wrong: most chance hits fail."""
    if _has_escapes(data):
        return ""
    for name in [n for n in names if n.startswith("utf-8") or n in _MULTIBYTE]:
        text = data.decode(name, "replace")
        wrong = text.count("\ufffd")
        right = len(text) - wrong - sum(map(text.count, _ASCII)) if len(text) < MAX_SAMPLE else 20 * wrong
        if wrong * (2 if name.startswith("utf-8") else 20) <= right:
            return text
    return ""


def _detected(data: bytes) -> str:
    if _has_escapes(data):
        return data.decode("iso2022_jp_2", "replace")
    start = _HIGH.search(data)
    sample = data[max(0, start.start() - 200) if start else 0 :][:MAX_SAMPLE]
    name = _by_letters(sample)
    if not name:
        best = from_bytes(sample, threshold=0.3, enable_fallback=False).best()
        name = best.encoding if best and not best.encoding.startswith(_NEVER_MAIL) else "cp1252"
    return data.decode(name if name in _CHARSETS - _NAMELESS else "cp1252", "replace")


def _by_letters(sample: bytes) -> str:
    """The charset in which the bytes beyond ASCII are mostly the commonest letters of its language.

    Accents stand alone among ASCII letters; other scripts come in runs.
    """
    runs = _RUN.findall(sample)
    high = sum(map(len, runs))
    is_latin = high < 1.6 * len(runs)
    found = [("", 0.0)]
    for name, common, least in _LATIN if is_latin else _SCRIPTS:
        letters = [c for c in sample.decode(name, "replace") if c > "\x7f"]
        share = sum(c in common for c in letters) / max(len(letters), 1)
        if share >= least and (is_latin or high >= 6):
            found.append((name, share))
    return max(found, key=lambda each: each[1])[0]
