"""Rich text as Outlook hides it in winmail.dat: unpacked (MS-OXRTFCP) and read for its words (MS-OXRTFEX)."""

from __future__ import annotations

import re
import struct

from helpdesk.mail.charset import decode

MAX_RTF = 1_000_000
_START = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans SerifSymbol"
    rb"ArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    + b"\r\n"
    + rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_TOKEN = re.compile(
    r"\\'(?P<hex>[0-9a-fA-F]{2})|\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,7})? ?|\\(?P<symbol>[^a-zA-Z])|"
    r"(?P<brace>[{}])|(?P<text>[^\\{}\r\n]{1,10000})|[\r\n]|\\"
)
_HIDDEN = {
    "fonttbl", "colortbl", "stylesheet", "info", "pict", "object", "header", "footer", "generator", "themedata",
    "xmlnstbl", "listtable",
}  # fmt: skip
_BREAKS = {"par": "\n", "line": "\n", "sect": "\n", "row": "\n", "tab": "\t", "cell": "\t", "emdash": "—",
           "endash": "–", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": "•"}  # fmt: skip
_SYMBOLS = {"~": " ", "_": "-", "\n": "\n", "\r": "\n"}


def decompress(data: bytes) -> bytes:
    """The text of a compressed one, at most 1 MB of it; b"" when it is damaged from the start."""
    if len(data) < 16:
        return b""
    _, size, kind, _ = struct.unpack_from("<IIII", data)
    if kind == 0x414C454D:  # "MELA": stored as it is
        return data[16 : 16 + min(size, MAX_RTF)]
    return _unfolded(data, min(size, MAX_RTF)) if kind == 0x75465A4C else b""


def _unfolded(data: bytes, size: int) -> bytes:
    """Undo the 4 kB dictionary compression; every step adds something, so it ends."""
    out, at = bytearray(_START), 16
    whole = len(_START) + size
    while at < len(data) and len(out) < whole:
        flags = data[at]
        at += 1
        for bit in range(8):
            if at >= len(data) or len(out) >= whole:
                break
            if not flags >> bit & 1:
                out.append(data[at])
                at += 1
                continue
            pair = int.from_bytes(data[at : at + 2], "big")
            at += 2
            distance = (len(out) - (pair >> 4)) % 4096
            if distance == 0:  # a reference to the place of writing ends the text
                return bytes(out[len(_START) :])
            for _ in range((pair & 15) + 2):
                out.append(out[-distance] if distance <= len(out) else 0x20)
    return bytes(out[len(_START) : whole])


class _Reader:
    """Walks over the tokens once. A group is (hidden, bytes to skip after a Unicode letter)."""

    def __init__(self, source: str) -> None:
        codepage = re.search(r"\\ansicpg(\d{3,5})", source[:4000])
        self.charset = f"cp{codepage[1]}" if codepage else "cp1252"
        self.is_html = "\\fromhtml" in source[:4000]
        self.groups: list[tuple[str, int]] = []
        self.mode, self.after_unicode = "", 1  # mode: "" shown, "hidden", "tag"
        self.is_for_rtf = False
        self.skip = 0
        self.letters = bytearray()
        self.out: list[str] = []

    def read(self, source: str) -> str:
        for token in _TOKEN.finditer(source):
            if token["hex"]:
                self._byte(int(token["hex"], 16))
                continue
            self._flush()
            if token["brace"]:
                self._brace(token["brace"])
            elif token["word"]:
                self._word(token["word"].lower(), token["number"])
            elif token["symbol"]:
                self._symbol(token["symbol"])
            elif token["text"]:
                self._say(token["text"][self.skip :])
                self.skip = max(0, self.skip - len(token["text"]))
        self._flush()
        return "".join(self.out)

    def _say(self, text: str) -> None:
        if self.mode == "tag" or (not self.mode and not self.is_for_rtf):
            self.out.append(text)

    def _byte(self, value: int) -> None:
        if self.skip:
            self.skip -= 1
        else:
            self.letters.append(value)

    def _flush(self) -> None:
        if self.letters:
            self._say(decode(bytes(self.letters), self.charset))
            self.letters.clear()

    def _brace(self, brace: str) -> None:
        self.skip = 0
        if brace == "{":
            self.groups.append((self.mode, self.after_unicode))
        elif self.groups:
            self.mode, self.after_unicode = self.groups.pop()

    def _symbol(self, symbol: str) -> None:
        if symbol == "*":
            self.mode = "hidden"  # unless the next word is known
        elif symbol in "\\{}":
            self._say(symbol)
        else:
            self._say(_SYMBOLS.get(symbol, ""))

    def _word(self, word: str, number: str | None) -> None:
        if word == "htmltag" and self.is_html:
            self.mode = "tag"
        elif word in _HIDDEN:
            self.mode = "hidden"
        elif word == "htmlrtf":
            self.is_for_rtf = number != "0"
        elif word == "uc":
            self.after_unicode = min(int(number or 1), 10)
        elif word == "u" and number:
            self._say(chr(int(number) % 65536))
            self.skip = self.after_unicode
        elif word in _BREAKS:
            self._say(_BREAKS[word])


def read_rtf(data: bytes) -> tuple[str, str]:
    """(plain text, HTML) of rich text: HTML when Outlook wrapped it in rich text only for the journey."""
    source = data[:MAX_RTF].decode("latin-1")
    if not source.lstrip().startswith("{\\rtf"):
        return "", ""
    reader = _Reader(source)
    said = decode(reader.read(source).encode("utf-16-le", "surrogatepass"), "utf-16-le").strip("\n")
    return ("", said) if reader.is_html else (said, "")
