"""Which facts members of the team are told of in the browser. Pure, beside `audience`, which decides about mail.

Nobody is told of his own act, and one person is told of one fact once, by the word that concerns him most.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from helpdesk.policy.audience import Person
from helpdesk.policy.status import TEAM, CommentKind


class Kind(StrEnum):
    """Why somebody is told."""

    ASSIGNED = "assigned"
    ANSWERED = "answered"  # a customer wrote
    REPLIED = "replied"  # a colleague answered the customer
    NOTE = "note"
    MENTION = "mention"
    MAIL_FAILED = "mail_failed"
    STOPPED = "stopped"  # an answer of one's own was not sent
    CROSSED = "crossed"  # the customer wrote while an answer of one's own was waiting
    OVERDUE = "overdue"
    HELD = "held"  # a mail waits for somebody of the team


@dataclass(frozen=True, slots=True)
class Told:
    user_id: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Facts:
    """What happened on a ticket. `author` wrote the answer the fact is about; `mentioned` are named in a note."""

    actor_id: int | None
    assignee: Person | None = None
    followers: tuple[Person, ...] = ()
    author: Person | None = None
    mentioned: tuple[Person, ...] = ()
    comment_kind: CommentKind | None = None
    is_automatic: bool = False
    purpose: str = ""


def told(event: str, facts: Facts) -> list[Told]:
    """Who is told of an event of this type, and why; nobody of most events."""
    found: dict[int, Told] = {}
    for person, kind in _told(event, facts):
        if person is not None and person.role in TEAM and person.user_id != facts.actor_id:
            found.setdefault(person.user_id, Told(person.user_id, kind))
    return list(found.values())


def _told(event: str, facts: Facts) -> Iterable[tuple[Person | None, Kind]]:
    match event:
        case "ticket.assigned":
            yield facts.assignee, Kind.ASSIGNED
        case "comment.added" if not facts.is_automatic:
            yield from _comment_added(facts)
        case "email.failed" | "email.uncertain" | "email.bounced" if facts.purpose == "reply":
            yield from ((person, Kind.MAIL_FAILED) for person in (facts.author, facts.assignee))
        case "email.bounced" if facts.purpose == "ticket_created":
            yield facts.assignee, Kind.MAIL_FAILED
        case "reply.stopped":
            yield facts.author, Kind.STOPPED
        case "reply.crossed":
            yield facts.author, Kind.CROSSED
        case "ticket.overdue":
            yield facts.assignee, Kind.OVERDUE


def _comment_added(facts: Facts) -> Iterable[tuple[Person | None, Kind]]:
    kind = {
        CommentKind.INCOMING: Kind.ANSWERED,
        CommentKind.REPLY: Kind.REPLIED,
        CommentKind.NOTE: Kind.NOTE,
    }.get(facts.comment_kind or CommentKind.FORWARD)
    if kind is Kind.NOTE:
        yield from ((person, Kind.MENTION) for person in facts.mentioned)
    if kind is not None:
        yield from ((person, kind) for person in (facts.assignee, *facts.followers))


def mentioned(text: str, names: Mapping[int, str]) -> set[int]:
    """Whom a note names: `@Nora Keller`, or `@Nora` where only one of the team is called so."""
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
