"""Words in double braces in texts admins write: `{{customer_name}}`. Unknown ones are refused when a text is saved.

Filling happens once, from left to right: what a value itself contains is never filled in turn.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

ACKNOWLEDGEMENT = ("customer_name", "ticket_number", "subject")
_PLACEHOLDER = re.compile(r"\{\{[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*\}\}")


def unknown(text: str, known: Collection[str]) -> list[str]:
    """What stands in double braces and is none of `known`, in its order, each once; braces left open included."""
    found = [match[0] for match in _PLACEHOLDER.finditer(text) if match[1] not in known]
    rest = _PLACEHOLDER.sub("", text)
    found += [braces for braces in ("{{", "}}") if braces in rest]
    return list(dict.fromkeys(found))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put the values in; what is unknown stays as it is written."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)
