"""Words in double braces in texts admins write: `{{customer_name}}`. Unknown ones are refused when a text is saved.

Filling happens once, from left to right: what a value itself contains is never filled in turn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

ACKNOWLEDGEMENT = ("customer_name", "ticket_number", "subject")
CLOSED = (*ACKNOWLEDGEMENT, "opens_at")  # for words while nobody is there
_PLACEHOLDER = re.compile(r"\{\{[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*\}\}")
_MARK = re.compile(_PLACEHOLDER.pattern + r"|\{\{|\}\}")


@dataclass(frozen=True, slots=True)
class Mark:
    """Double braces in a text: the name within them, None for braces left open; `line` counts from 1."""

    name: str | None
    written: str
    line: int
    is_alone: bool


def marks(text: str) -> Iterator[Mark]:
    """Every placeholder of a text, and every pair of braces that is none, in its order."""
    for number, line in enumerate(text.split("\n"), start=1):
        for match in _MARK.finditer(line):
            yield Mark(match[1], match[0], number, is_alone=line.strip() == match[0])


def unknown(text: str, known: Collection[str]) -> list[str]:
    """What stands in double braces and is none of `known`, in its order, each once; braces left open included."""
    found = [match[0] for match in _PLACEHOLDER.finditer(text) if match[1] not in known]
    rest = _PLACEHOLDER.sub("", text)
    found += [braces for braces in ("{{", "}}") if braces in rest]
    return list(dict.fromkeys(found))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put the values in; what is unknown stays as it is written."""
    return replace(text, lambda name: values.get(name))


def replace(text: str, value_of: Callable[[str], str | None]) -> str:
    """Put in what `value_of` says, once; where it says None the placeholder stays as it is written."""

    def put(match: re.Match[str]) -> str:
        value = value_of(match[1])
        return match[0] if value is None else value

    return _PLACEHOLDER.sub(put, text)
