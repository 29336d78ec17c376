"""What was said before, quoted below an answer: no more than each of its readers may read already.

One mail goes to several people, so what one of them may not read is quoted to none: whoever is put in copy now has
heard nothing, and nothing is quoted. Nor is what its author took back to write it anew. Reads the database, writes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select

from helpdesk.database import db
from helpdesk.mail.thread import without_markers
from helpdesk.models import Comment, EmailMessage, Ticket
from helpdesk.models.mail import EmailState, QuotedHistory
from helpdesk.policy.status import CommentKind
from helpdesk.services import access, people
from helpdesk.services.outbox import queue
from helpdesk.services.outbox.told import name_of

PUBLIC = (CommentKind.INCOMING, CommentKind.REPLY)
MOST_CHARS = 12_000  # of all that is quoted: mail programs cut what is larger than 102 kB
LONGEST = 4_000  # of one message


@dataclass(frozen=True, slots=True)
class Quoted:
    """A message said before; `is_cut` when the rest of it stands on the ticket only."""

    comment_id: int
    at: datetime
    author: str
    text: str = field(repr=False)
    source: str = field(default="", repr=False)
    is_cut: bool = False
    pictures: Mapping[str, str] = field(default_factory=dict)

    @property
    def lines(self) -> str:
        """With the marks of a quotation."""
        return "\n".join(f"> {line}".rstrip() for line in self.text.split("\n"))


def quoted(ticket: Ticket, emails: Sequence[str], *, before: Comment | None = None) -> tuple[Quoted, ...]:
    """What the account quotes to exactly these people, the newest first; of an answer that is said already what was
    said `before` it."""
    how = ticket.account.quoted_history
    if how is QuotedHistory.NONE:
        return ()
    said = [
        c for c in _read_by_all(ticket, emails) if c.text.strip() and (before is None or c.id < before.id)
    ]
    said.reverse()
    if how is QuotedHistory.LAST:
        said = [next((c for c in said if c.kind is CommentKind.INCOMING), *said[:1])] if said else []
    return tuple(_within(said))


def _read_by_all(ticket: Ticket, emails: Sequence[str]) -> list[Comment]:
    """What every one of them may read, and what was said in public of that: a colleague in copy reads more."""
    readers = {user.id: user for user in map(people.find_user, emails) if user is not None}
    if not readers or any(people.find_user(email) is None for email in emails):
        return []
    lists = [access.visible_comments(ticket, reader) for reader in readers.values()]
    shared = set.intersection(*({comment.id for comment in comments} for comments in lists))
    shared -= _taken_back(ticket)
    return [c for c in lists[0] if c.id in shared and c.kind in PUBLIC and c.is_released]


def _taken_back(ticket: Ticket) -> set[int | None]:
    rows = select(EmailMessage).where(
        EmailMessage.ticket_id == ticket.id,
        EmailMessage.purpose == queue.REPLY,
        EmailMessage.state == EmailState.CANCELLED,
    )
    return {mail.comment_id for mail in db.session.scalars(rows) if mail.is_replaced}


def _within(said: Sequence[Comment]) -> Iterable[Quoted]:
    """As many as there is room for."""
    room = MOST_CHARS
    for comment in said:
        limit = min(LONGEST, room)
        text = without_markers(comment.text).strip("\n")
        is_cut = len(text) > limit
        if is_cut and limit < LONGEST:
            return
        room -= min(len(text), limit)
        author = name_of(comment.author, is_customer=True) or comment.author_name
        yield Quoted(
            comment.id,
            comment.created_at,
            " ".join(author.split()),
            f"{text[:limit].rstrip()} …" if is_cut else text,
            "" if is_cut else comment.source,
            is_cut,
        )
