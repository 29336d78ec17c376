"""What somebody typed into the search field: words, phrases, filters and a ticket's number. Never an error.

`printer "error 49" status:open assignee:me #42`. A filter with an unknown name or an impossible value is searched as
text, so that nothing typed is silently ignored. Which person, account or tag a value names is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from helpdesk.policy.search_words import fold, words
from helpdesk.policy.status import ACTIVE, Category, Priority, Status

MAX_LENGTH = 500
MAX_TERMS = 12
MIN_PREFIX = 3  # shorter beginnings would find nearly everything, slowly

PIECE = re.compile(r'(?:(?P<name>[A-Za-z]+):)?(?:"(?P<quoted>[^"]*)"?|(?P<plain>[^\s"]+))')
NUMBER = re.compile(r"\[?(?:(?P<prefix>[^\W\d_]+)[-#]|#)(?:[0-9]{4}-)?(?P<number>[0-9]{1,9})\]?")
DIGITS = re.compile(r"[0-9]{1,9}")
PREFIXES = ("ticket", "tkt")
YEARS = range(1970, 9000)

Word = TypeVar("Word", Status, Priority, Category)


@dataclass(frozen=True, slots=True)
class Term:
    """Words that must stand next to each other, one for an ordinary word. `is_prefix`: the last one only begins so."""

    words: tuple[str, ...]
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What must be true of a ticket that is found. Texts of people, accounts and tags are as they were typed."""

    terms: tuple[Term, ...] = ()
    number: int | None = None
    statuses: tuple[Status, ...] = ()
    priorities: tuple[Priority, ...] = ()
    categories: tuple[Category, ...] = ()
    tags: tuple[str, ...] = ()
    assignee: str | None = None
    account: str | None = None
    sender: str | None = None
    before: date | None = None
    after: date | None = None
    has_attachment: bool = False
    is_overdue: bool = False
    is_waiting: bool = False
    is_noise: bool = False  # something was typed, but nothing one could look for

    @property
    def is_empty(self) -> bool:
        return self == SearchQuery()


@dataclass(slots=True)
class _Found:
    """What reading has found so far."""

    terms: list[Term]
    filters: dict[str, object]
    number: int | None = None


def parse(text: str, *, prefixes: tuple[str, ...] = PREFIXES) -> SearchQuery:
    """Read a query; everything that is no filter is text. `prefixes`: what stands before a ticket's number, folded."""
    found = _Found([], {})
    pieces = list(_pieces(text[:MAX_LENGTH]))
    for name, value, is_quoted in pieces:
        if name and value and _take_filter(found.filters, name, value):
            continue
        shown = f"{name} {value}" if name else value
        found.number = found.number or _number(shown, prefixes, is_alone=len(pieces) == 1)
        term = Term(tuple(words(shown)), is_prefix=not is_quoted)
        if term.words:
            found.terms.append(term)
    query = SearchQuery(terms=_only_last_is_prefix(found.terms), number=found.number, **found.filters)  # type: ignore[arg-type]
    return SearchQuery(is_noise=True) if query.is_empty and text.strip() else query


def _pieces(text: str) -> Iterator[tuple[str, str, bool]]:
    """(filter name or "", value, whether it stood in quotes)."""
    for match in PIECE.finditer(text):
        quoted = match["quoted"]
        yield (
            (match["name"] or "").lower(),
            (quoted if quoted is not None else match["plain"]),
            quoted is not None,
        )


def _only_last_is_prefix(terms: list[Term]) -> tuple[Term, ...]:
    kept = terms[:MAX_TERMS]
    last = len(kept) - 1
    return tuple(
        Term(term.words, term.is_prefix and at == last and len(term.words[-1]) >= MIN_PREFIX)
        for at, term in enumerate(kept)
    )


def _number(text: str, prefixes: tuple[str, ...], *, is_alone: bool) -> int | None:
    """The ticket's number in `#42` or `TKT-2026-00042`, and in `42` when nothing else was typed."""
    match = NUMBER.fullmatch(text)
    if match and (match["prefix"] is None or fold(match["prefix"]) in prefixes):
        return int(match["number"])
    return int(text) if is_alone and DIGITS.fullmatch(text) else None


def _take_filter(filters: dict[str, object], name: str, value: str) -> bool:
    """Note a filter; False when there is none of this name or it cannot have this value."""
    match name:
        case "status":
            return _add(filters, "statuses", ACTIVE if fold(value) == "active" else _words_of(Status, value))
        case "priority":
            return _add(filters, "priorities", _words_of(Priority, value))
        case "category":
            return _add(filters, "categories", _words_of(Category, value))
        case "tag":
            return _add(filters, "tags", (value,))
        case "assignee" | "account":
            filters[name] = value
        case "from":
            filters["sender"] = value
        case "before" | "after":
            return _add_day(filters, name, value)
        case "has":
            return _add_flag(
                filters, {"attachment": "has_attachment", "attachments": "has_attachment"}, value
            )
        case "is":
            return _add_flag(filters, {"overdue": "is_overdue", "waiting": "is_waiting"}, value)
        case _:
            return False
    return True


def _words_of(kind: type[Word], value: str) -> tuple[Word, ...]:
    """The word of this kind somebody meant: `in-progress`, `BUG`; empty when it is none."""
    wanted = fold(value).replace("-", "_").replace(" ", "_")
    return tuple(word for word in kind if fold(word.value) == wanted)


def _add(filters: dict[str, object], field: str, values: tuple[object, ...]) -> bool:
    """The same filter twice: either value for a property of the ticket, both for tags."""
    before = filters.get(field, ())
    assert isinstance(before, tuple)
    filters[field] = before + values
    return bool(values)


def _add_day(filters: dict[str, object], name: str, value: str) -> bool:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return False
    if day.year in YEARS:  # others cannot be turned into another time zone
        filters[name] = day
    return day.year in YEARS


def _add_flag(filters: dict[str, object], flags: dict[str, str], value: str) -> bool:
    field = flags.get(fold(value))
    if field is not None:
        filters[field] = True
    return field is not None
