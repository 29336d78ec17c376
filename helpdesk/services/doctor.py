"""Checks that nothing is half made, lost or forgotten, and says what is, a sentence each.

Reads only. Each check yields findings; an empty result is the promise that every ticket has its words, every file
its bytes, every lease an owner, every mail up to the cursor its row, and every ticket is found by what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from sqlalchemy import exists, select

from helpdesk.database import db, utcnow
from helpdesk.models import (
    Attachment,
    Comment,
    EmailAccount,
    EmailMessage,
    FetchCursor,
    ScheduledReply,
    SendSlot,
    Ticket,
)
from helpdesk.models.composing import ReplyState
from helpdesk.models.mail import Direction, EmailState
from helpdesk.services import search_care
from helpdesk.services.retention import UNUSED_FOR
from helpdesk.storage import Blob, is_whole, unused

GRACE = timedelta(minutes=5)
MOST_NAMED = 10  # tickets in one finding
Check = Callable[[], Iterator[str]]


def examine() -> list[str]:
    """Every finding of every check; empty when all is well."""
    return [finding for check in CHECKS for finding in check()]


def tickets_without_comment() -> Iterator[str]:
    rows = select(Ticket.number).where(~exists().where(Comment.ticket_id == Ticket.id))
    for number in db.session.scalars(rows):
        yield f"Ticket #{number} has no comment."


def comments_without_ticket() -> Iterator[str]:
    rows = select(Comment.id).where(~exists().where(Ticket.id == Comment.ticket_id))
    for comment_id in db.session.scalars(rows):
        yield f"Comment {comment_id} belongs to no ticket."


def mails_without_comment() -> Iterator[str]:
    """Every mail that opened or was added to a ticket must have its comment, and every comment one mail only."""
    made = EmailMessage.state.in_([EmailState.OPENED, EmailState.APPENDED])
    rows = select(EmailMessage.id).where(
        EmailMessage.direction == Direction.IN, made, EmailMessage.comment_id.is_(None)
    )
    for email_id in db.session.scalars(rows):
        yield f"Mail {email_id} was taken into a ticket but has no comment."


def answers_not_sent() -> Iterator[str]:
    """An answer whose time for undoing is long over, and nobody has delivered it."""
    late = select(ScheduledReply).where(
        ScheduledReply.state == ReplyState.WAITING, ScheduledReply.due_at < utcnow() - GRACE
    )
    for reply in db.session.scalars(late):
        yield f"An answer on ticket #{reply.ticket.number} should have been sent: is a worker or cron running?"


def files_without_bytes() -> Iterator[str]:
    missing = ~exists().where(Blob.sha256 == Attachment.sha256)
    for attachment in db.session.scalars(select(Attachment).where(missing)):
        yield f"The file “{attachment.filename}” of comment {attachment.comment_id} has no bytes."
    lost = select(EmailMessage.id).where(
        EmailMessage.raw_sha256.is_not(None), ~exists().where(Blob.sha256 == EmailMessage.raw_sha256)
    )
    for email_id in db.session.scalars(lost):
        yield f"Mail {email_id} has no bytes."


def blobs_in_pieces() -> Iterator[str]:
    for blob in db.session.scalars(select(Blob).execution_options(yield_per=500)):
        if not is_whole(blob):
            yield f"The stored file {blob.sha256} is missing or not whole."


def blobs_without_owner() -> Iterator[str]:
    """Nothing clears them away before they are `retention.UNUSED_FOR` old; give it a day more."""
    rows = select(Blob.sha256).where(unused(utcnow() - UNUSED_FOR - timedelta(days=1)))
    for sha256 in db.session.scalars(rows):
        yield f"The stored file {sha256} belongs to nothing."


def forgotten_leases() -> Iterator[str]:
    """A lease or claim past its end that no sweep has taken over."""
    limit = utcnow() - GRACE
    for account in db.session.scalars(select(EmailAccount)):
        for what, until in (("fetching", account.fetch_lease_until), ("sending", account.send_lease_until)):
            if until is not None and until < limit:
                yield f"The lease for {what} on account {account.id} ended at {until:%Y-%m-%d %H:%M} and was never given back."
    slots = select(SendSlot.account_id, SendSlot.number).where(SendSlot.lease_until < limit)
    for account_id, number in db.session.execute(slots):
        yield f"The lease for connection {number + 1} of sending on account {account_id} was never given back."
    working = EmailMessage.state.in_([EmailState.PROCESSING, EmailState.SENDING])
    for email_id in db.session.scalars(
        select(EmailMessage.id).where(working, EmailMessage.claimed_until < limit)
    ):
        yield f"Mail {email_id} is claimed by a worker that is gone."


def gaps_before_cursors() -> Iterator[str]:
    """A UID the cursor has passed, neither stored nor waiting, that lies between two stored ones' folder and end.

    Only the server knows which UIDs ever existed; what can be seen here is a cursor ahead of every stored mail of its
    folder while mails are still noted as pending below it.
    """
    for cursor in db.session.scalars(select(FetchCursor)):
        numbering = f"{cursor.folder}/{cursor.uidvalidity}/"
        stored = select(EmailMessage.transport_key).where(
            EmailMessage.account_id == cursor.account_id,
            EmailMessage.transport_key.startswith(numbering, autoescape=True),
        )
        # a key that was given to two mails ends in something of their bytes
        uids = [key[len(numbering) :].partition("/")[0] for key in db.session.scalars(stored) if key]
        highest = max((int(uid) for uid in uids if uid.isdigit()), default=0)
        if highest > cursor.last_uid:
            yield (
                f"Account {cursor.account_id}, folder {cursor.folder}: mail {highest} is stored but the cursor "
                f"stands at {cursor.last_uid}."
            )


def search_index_differs() -> Iterator[str]:
    if search_care.is_broken():
        yield "The search index is damaged: run `flask rebuild-search`."
    numbers = list(search_care.differing())
    if numbers:
        shown = ", ".join(f"#{number}" for number in numbers[:MOST_NAMED])
        more = " and more" if len(numbers) > MOST_NAMED else ""
        yield f"{len(numbers)} tickets are not found by what they say, {shown}{more}: run `flask rebuild-search`."


CHECKS: tuple[Check, ...] = (
    tickets_without_comment,
    comments_without_ticket,
    mails_without_comment,
    answers_not_sent,
    files_without_bytes,
    blobs_in_pieces,
    blobs_without_owner,
    forgotten_leases,
    gaps_before_cursors,
    search_index_differs,
)
