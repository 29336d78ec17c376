"""What counts as a word, for the search index and for what is typed into the search field alike.

Case and accents are folded (`Müller`, `MULLER`), so `Zürich` finds `zurich`. Scripts that write without spaces become
one word per character, and a run of them in a query is then looked for as a phrase. Both databases are handed these
words and nothing else, so that they find the same. The migration that fills the index calls `document` too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

MAX_WORD = 64  # longer ones are keys and encoded files; their beginning is enough
MAX_BYTES = 400_000  # a tsvector may hold a megabyte, and a word takes up to twice its own length in it

ASCII_WORD = re.compile(r"[a-z0-9]+")
LONE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
LONE_CHARACTER = re.compile(f"[{LONE}]")
NOT_DECOMPOSED = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "ð": "d"})
FULL_TEXT_LIMIT = 2_000_000  # characters of one text that are looked at: what a document can hold, with room


@cache
def _marks() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Marks to drop (accents), and what a word is made of: letters, digits, the marks that stay."""
    dropped, kept = [], []
    for point in range(0x300, 0x10000):
        category = unicodedata.category(chr(point))
        if category == "Mn":
            dropped.append(chr(point))
        elif category == "Mc":
            kept.append(chr(point))
    return re.compile(f"[{''.join(dropped)}]"), re.compile(rf"(?:[^\W_]|[{''.join(kept)}])+")


def fold(text: str) -> str:
    """Without case and accents. Lengths may change."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text).casefold().translate(NOT_DECOMPOSED)
    return _marks()[0].sub("", plain)


def words(text: str) -> list[str]:
    """The words of a text in their order, folded."""
    folded = fold(text[:FULL_TEXT_LIMIT])
    if folded.isascii():
        found = ASCII_WORD.findall(folded)
    else:
        found = _marks()[1].findall(LONE_CHARACTER.sub(r" \g<0> ", folded))
    return [word[:MAX_WORD] for word in found]


def spans(text: str) -> list[tuple[str, int, int]]:
    """Every word with where it stands in the text as it was written, for highlighting."""
    if text.isascii():
        return [(m[0][:MAX_WORD], m.start(), m.end()) for m in ASCII_WORD.finditer(text.lower())]
    return [(word, m.start(), m.end()) for m in _written().finditer(text) for word in words(m[0])]


@cache
def _written() -> re.Pattern[str]:
    """A word as it is written, with its marks."""
    dropped = _marks()[0].pattern.strip("[]")
    kept = _marks()[1].pattern.removeprefix(r"(?:[^\W_]|[").removesuffix("])+")
    return re.compile(rf"[{LONE}]|(?:(?![{LONE}])(?:[^\W_]|[{dropped}{kept}]))+")


def document(texts: Iterable[str]) -> str:
    """All words of a ticket's texts, one space between them, cut where an index would refuse more."""
    pieces: list[str] = []
    room = MAX_BYTES
    for text in texts:
        piece = " ".join(words(text))
        size = len(piece.encode("utf-8", "replace")) + 1
        if size > room:
            pieces.append(_cut(piece, room))
            break
        pieces.append(piece)
        room -= size
    return " ".join(piece for piece in pieces if piece)


def _cut(piece: str, room: int) -> str:
    """At most `room` bytes, ending after a whole word."""
    return piece.encode("utf-8", "replace")[:room].decode("utf-8", "ignore").rpartition(" ")[0]
