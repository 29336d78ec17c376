"""Where a search hit a text: the text in parts, each a hit or not. Escaping is the page's business."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from helpdesk.policy.search_query import Term
from helpdesk.policy.search_words import fold, spans

Part = tuple[str, bool]
MAX_LOOK = 50_000  # characters of a text that are looked through
BEFORE = 24  # characters shown before the first hit


def mark(text: str, terms: Sequence[Term]) -> list[Part]:
    """The whole text in parts."""
    return _parts(text, list(_hits(text, terms)))


def snippet(text: str, terms: Sequence[Term], *, length: int = 160) -> list[Part] | None:
    """A piece of about `length` characters around the first hit; None when nothing was hit."""
    text = " ".join(text[:MAX_LOOK].split())
    for piece, is_cut in _pieces(text, terms, length):
        hits = list(_hits(piece, terms))
        if hits:
            begin = _beginning(piece, hits[0][0])
            end = begin + length
            inside = [(max(a, begin) - begin, min(b, end) - begin) for a, b in hits if a < end]
            parts = _parts(piece[begin:end], inside)
            return [("… ", False), *parts] if begin or is_cut else parts
    return None


def _pieces(text: str, terms: Sequence[Term], length: int) -> Iterator[tuple[str, bool]]:
    """What to look through: first the surroundings of a likely hit, since long texts take long; then everything."""
    folded = fold(text)
    places = [place for term in terms if (place := folded.find(term.words[0])) >= 0]
    if not places:
        return
    begin = max(0, min(places) - 4 * BEFORE)
    if begin or len(text) > 2 * length:
        begin = text.find(" ", begin) + 1 if begin else 0
        yield text[begin : begin + 4 * BEFORE + 2 * length], begin > 0
    yield text, False


def _beginning(text: str, hit: int) -> int:
    """A little before the hit, where a word begins."""
    if hit <= BEFORE:
        return 0
    space = text.find(" ", hit - BEFORE, hit)
    return space + 1 if space >= 0 else hit


def _hits(text: str, terms: Sequence[Term]) -> Iterator[tuple[int, int]]:
    """Beginning and end of every hit, in order, none within another."""
    found = spans(text)
    at = 0
    while at < len(found):
        length = max((len(term.words) for term in terms if _matches(found, at, term)), default=0)
        if length:
            yield found[at][1], found[at + length - 1][2]
        at += length or 1


def _matches(found: Sequence[tuple[str, int, int]], at: int, term: Term) -> bool:
    here = [word for word, _, _ in found[at : at + len(term.words)]]
    if len(here) < len(term.words) or here[:-1] != list(term.words[:-1]):
        return False
    last = term.words[-1]
    return here[-1].startswith(last) if term.is_prefix else here[-1] == last


def _parts(text: str, hits: Sequence[tuple[int, int]]) -> list[Part]:
    parts: list[Part] = []
    rest = 0
    for hit, end in hits:
        begin = max(hit, rest)  # one character may hold two words
        if begin < end:
            parts += [(text[rest:begin], False), (text[begin:end], True)]
            rest = end
    parts.append((text[rest:], False))
    return [part for part in parts if part[0]]
