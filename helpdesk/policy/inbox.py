"""By which word somebody is told in the browser, and whom a note names. Who is told at all: `audience`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum


class Kind(StrEnum):
    """Why somebody is told."""

    OPENED = "opened"  # a new ticket that is his from the beginning
    NEW = "new"  # a new ticket of an account he works on
    ASSIGNED = "assigned"
    ANSWERED = "answered"  # a customer wrote
    REPLIED = "replied"  # a colleague answered the customer
    FORWARDED = "forwarded"
    NOTE = "note"
    MENTION = "mention"
    CHANGED = "changed"  # status, priority, category or due date
    MAIL_FAILED = "mail_failed"
    STOPPED = "stopped"  # an answer of one's own was not sent
    CROSSED = "crossed"  # the customer wrote while an answer of one's own was waiting
    OVERDUE = "overdue"
    HELD = "held"  # a mail waits for somebody of the team


def mentioned(text: str, names: Mapping[int, str]) -> set[int]:
    """Whom a note names: `@Nora Keller`, or `@Nora` where only one of the team is called so."""
    if "@" not in text:
        return set()
    firsts = [name.split()[0].casefold() for name in names.values() if name.split()]
    found = set()
    for user_id, name in names.items():
        words = [name] if name else []
        first = name.split()[0] if name.split() else ""
        if first and firsts.count(first.casefold()) == 1:
            words.append(first)
        if any(re.search(rf"(?<!\w)@{re.escape(word)}(?!\w)", text, re.IGNORECASE) for word in words):
            found.add(user_id)
    return found
