"""The bytes of a mail the desk itself writes: made once, when the mail is first claimed, and never again."""

from __future__ import annotations

from sqlalchemy import update

from helpdesk import storage
from helpdesk.database import claim, db, end_read, transaction
from helpdesk.models import Comment, EmailMessage
from helpdesk.models.senders import Cause
from helpdesk.services.outbox import queue, unreachable
from helpdesk.services.outbox.claims import Claimed
from helpdesk.services.outbox.letters import LETTERS, ask_again
from helpdesk.services.outbox.writing import NotWanted

__all__ = ["NotWanted", "ensure"]


def ensure(mail: Claimed, token: str) -> bytes | None:
    """The bytes of the mail claimed with `token`, made and kept now if it has none. Opens its own transaction.

    None when somebody has taken the mail over meanwhile. Raises NotWanted when what it was to tell is no longer so, or
    its reader may not read it any more, and whatever a template or the storage raises.
    """
    if mail.raw_sha256 is None:
        return _make(mail, token)
    if mail.payload:  # only a notification has a reader who could have lost a right
        ask_again(db.session.get_one(EmailMessage, mail.id))
    return storage.read(mail.raw_sha256)


def _make(mail: Claimed, token: str) -> bytes | None:
    _refuse_in_vain(mail)
    letter = LETTERS[mail.purpose](db.session.get_one(EmailMessage, mail.id))
    end_read()
    blob = storage.stage(letter.raw)
    with transaction():
        is_ours = claim(
            EmailMessage,
            EmailMessage.id == mail.id,
            EmailMessage.claim == token,
            EmailMessage.raw_sha256.is_(None),
            raw_sha256=storage.keep(blob),
            size=blob.size,
            subject=letter.subject,
            message_id=letter.message_id,
            message_id_hash=queue.hash_of(letter.message_id),
            payload={**mail.payload, **letter.payload},
        )
        if is_ours and mail.comment_id is not None and mail.purpose == queue.REPLY:
            named = update(Comment).where(Comment.id == mail.comment_id, Comment.message_id.is_(None))
            db.session.execute(named.values(message_id=letter.message_id))
    return letter.raw if is_ours else None


def _refuse_in_vain(mail: Claimed) -> None:
    """What a machine has to say is not worth another report; a person's own words fail where he sees it."""
    if mail.purpose == queue.REPLY:
        return
    people = set(mail.addressed)
    if not people or people != set(queue.unreachable_of(mail)):
        return
    match next(iter(unreachable.left_alone(people).values())).cause:
        case Cause.BOUNCE:
            raise NotWanted("Mail to this address has come back.")
        case Cause.COMPLAINT:
            raise NotWanted("The owner of this address has called a mail of the desk spam.")
        case Cause.BY_HAND:
            raise NotWanted("An administrator has put this address on the suppression list.")
