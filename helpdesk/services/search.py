"""Finds tickets: a typed query as conditions for the list, and the places that were hit.

Only the team searches, and only within what each may see; the list adds that condition like to every other list. What
the query means is decided in `policy/search_query`, which words stand where by `search_index`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time

from sqlalchemy import exists, false, func, or_, select
from sqlalchemy.sql import ColumnElement

from helpdesk.database import db, utcnow
from helpdesk.models import Attachment, Comment, EmailAccount, Ticket, User, UserAddress
from helpdesk.policy import highlight, search_query
from helpdesk.policy.highlight import Part
from helpdesk.policy.search_query import SearchQuery, Term
from helpdesk.policy.search_words import fold
from helpdesk.policy.status import ACTIVE
from helpdesk.services import people, settings, tags
from helpdesk.services.search_index import FTS, WORDS

LOOKED_AT = 1000  # comments of a page that are looked through for a hit to show, the newest first
LOOKED_INTO = 10_000  # characters of each
NOBODY = ("none", "nobody")


def parse(text: str) -> SearchQuery:
    """Read a query; the desk's own number formats count as numbers."""
    letters = [re.match(r"[^\W\d_]+", number_format) for number_format in settings.number_formats()]
    own = tuple(fold(found[0]) for found in letters if found)
    return search_query.parse(text, prefixes=search_query.PREFIXES + own)


def conditions(viewer: User, query: SearchQuery) -> list[ColumnElement[bool]]:
    """What a found ticket fulfils, without what `viewer` may see. Customers find nothing."""
    if not viewer.is_team or query.is_noise:
        return [false()]
    return [*filters(viewer, query), *([_says(query.terms)] if query.terms else [])]


def filters(viewer: User, query: SearchQuery) -> Iterator[ColumnElement[bool]]:
    """The conditions of the query's filters alone."""
    for column, chosen in (
        (Ticket.status, query.statuses),
        (Ticket.priority, query.priorities),
        (Ticket.category, query.categories),
    ):
        if chosen:
            yield column.in_(chosen)
    for tag in query.tags:
        yield tags.having(tag)
    if query.assignee is not None:
        yield _assigned_to(viewer, query.assignee)
    if query.account is not None:
        yield Ticket.account_id.in_(_accounts(query.account))
    if query.sender is not None:
        yield _from(query.sender)
    if query.before is not None:
        yield Ticket.created_at < _begin(query.before)
    if query.after is not None:
        yield Ticket.created_at >= _begin(query.after)
    if query.has_attachment:
        yield exists().where(
            Attachment.comment_id == Comment.id, Comment.ticket_id == Ticket.id, ~Attachment.is_inline
        )
    if query.is_overdue:
        yield Ticket.due_at < utcnow()
        yield Ticket.status.in_(ACTIVE)
    if query.is_waiting:
        yield Ticket.waiting_since.is_not(None)


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), settings.desk_zone())


def _assigned_to(viewer: User, name: str) -> ColumnElement[bool]:
    """`me`, nobody, or whoever's name or address begins so."""
    wanted = fold(name)
    if wanted == "me":
        return Ticket.assignee_id == viewer.id
    if wanted in NOBODY:
        return Ticket.assignee_id.is_(None)
    meant = [member.id for member in people.team() if _begins(wanted, member.name, member.email)]
    return Ticket.assignee_id.in_(meant)


def _accounts(name: str) -> list[int]:
    wanted = fold(name)
    return [
        account.id
        for account in db.session.scalars(select(EmailAccount))
        if _begins(wanted, account.name, account.email)
    ]


def _begins(wanted: str, *names: str) -> bool:
    """Whether a name, or one of its words, begins with what was typed."""
    return any(fold(name).startswith(wanted) or wanted in fold(name).split() for name in names)


def _from(text: str) -> ColumnElement[bool]:
    """Requesters whose address or name holds the text."""
    matching = select(UserAddress.user_id).join(User).where(
        or_(
            func.lower(UserAddress.email).contains(text.lower(), autoescape=True),
            func.lower(User.name).contains(text.lower(), autoescape=True),
        )
    )  # fmt: skip
    return Ticket.requester_id.in_(matching)


def _says(terms: Sequence[Term]) -> ColumnElement[bool]:
    """The ticket holds every term. Both query languages get quoted words and nothing a person typed besides."""
    if db.session().get_bind().dialect.name == "postgresql":
        wanted = func.to_tsquery("simple", " & ".join(f"({_in_tsquery(term)})" for term in terms))
        holding = select(WORDS.c.ticket_id).where(WORDS.c.lexemes.bool_op("@@")(wanted))
        if any(len(term.words) > 1 for term in terms):
            # PostgreSQL takes a phrase for as frequent as its words and would read ticket after ticket for it. For
            # single words it knows better: walking the list finds 51 of a frequent one at once.
            found = holding.cte("found").prefix_with("MATERIALIZED")
            return Ticket.id.in_(select(found.c.ticket_id))
        return Ticket.id.in_(holding)
    wanted_by_fts = " AND ".join(_in_fts5(term) for term in terms)
    return Ticket.id.in_(select(FTS.c.rowid).where(FTS.c.ticket_search_fts.match(wanted_by_fts)))


def _in_fts5(term: Term) -> str:
    return f'"{" ".join(term.words)}"' + (" *" if term.is_prefix else "")


def _in_tsquery(term: Term) -> str:
    return " <-> ".join(f"'{word}'" for word in term.words) + (":*" if term.is_prefix else "")


def snippets(ticket_ids: Sequence[int], terms: Sequence[Term]) -> dict[int, list[Part]]:
    """For each of these tickets the newest place that was hit. For the team only: notes are looked through too."""
    if not terms:
        return {}
    newest = (
        select(Comment.ticket_id, func.substr(Comment.text, 1, LOOKED_INTO))
        .where(Comment.ticket_id.in_(ticket_ids))
        .order_by(Comment.id.desc())
        .limit(LOOKED_AT)
    )
    found: dict[int, list[Part]] = {}
    for ticket_id, text in db.session.execute(newest):
        if ticket_id not in found and (parts := highlight.snippet(text, terms)):
            found[ticket_id] = parts
    return found
