"""The bytes of a mail the desk itself writes: made once, when the mail is first claimed, and never again."""

from __future__ import annotations

from sqlalchemy import update

from helpdesk import storage
from helpdesk.database import claim, db, end_read, transaction
from helpdesk.models import Comment, EmailMessage
from helpdesk.models.senders import Cause
from helpdesk.services.outbox import queue, unreachable
from helpdesk.services.outbox.letters import LETTERS, ask_again
from helpdesk.services.outbox.writing import NotWanted

__all__ = ["NotWanted", "ensure"]


def _refuse_in_vain(email: EmailMessage) -> None:
    """What a machine has to say is not worth another report; a person's own words fail where he sees it."""
    if email.purpose == queue.REPLY:
        return
    people = set(email.addressed)
    if not people or people != set(queue.unreachable_of(email)):
        return
    match next(iter(unreachable.left_alone(people).values())).cause:
        case Cause.BOUNCE:
            raise NotWanted("Mail to this address has come back.")
        case Cause.COMPLAINT:
            raise NotWanted("The owner of this address has called a mail of the desk spam.")
        case Cause.BY_HAND:
            raise NotWanted("An administrator has put this address on the suppression list.")


def ensure(email_id: int, token: str) -> None:
    """Give the mail claimed with `token` its bytes, if it has none. Opens its own transaction.

    Raises NotWanted when what it was to tell is no longer so, or its reader may not read it any more, and whatever a
    template or the storage raises.
    """
    email = db.session.get_one(EmailMessage, email_id)
    if email.raw_sha256 is not None:
        ask_again(email)
        return
    _refuse_in_vain(email)
    letter = LETTERS[email.purpose](email)
    comment_id = email.comment_id if email.purpose == queue.REPLY else None
    end_read()
    blob = storage.stage(letter.raw)
    with transaction():
        claim(
            EmailMessage,
            EmailMessage.id == email_id,
            EmailMessage.claim == token,
            EmailMessage.raw_sha256.is_(None),
            raw_sha256=storage.keep(blob),
            size=blob.size,
            subject=letter.subject,
            message_id=letter.message_id,
            message_id_hash=queue.hash_of(letter.message_id),
        )
        if comment_id is not None:
            named = update(Comment).where(Comment.id == comment_id, Comment.message_id.is_(None))
            db.session.execute(named.values(message_id=letter.message_id))
