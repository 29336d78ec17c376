"""Pictures of the web in mails, and whose a member of the team always wants to see.

Loading one tells its sender that the mail is being read, when, and from where; so it is every reader's own decision,
and it holds only for mails that may be the sender's own.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, select

from helpdesk.database import db, insert_once, utcnow
from helpdesk.errors import InvalidInput
from helpdesk.mail.authentication import Verdict
from helpdesk.mail.headers import normalise_address
from helpdesk.models import Comment, EmailMessage, PicturePermission, User, UserAddress
from helpdesk.policy.permissions import Action
from helpdesk.services import access


def always_shown(user: User, comments: Iterable[Comment]) -> set[int]:
    """The ids of messages whose pictures this person always wants to see. Asks nothing where there are none."""
    senders = {
        comment.id: normalise_address(comment.author_email)
        for comment in comments
        if comment.remote_pictures and has_sender(comment)
    }
    if not senders:
        return set()
    wanted = select(UserAddress.address).join(PicturePermission).where(PicturePermission.user_id == user.id)
    known = set(db.session.scalars(wanted.where(UserAddress.address.in_(set(senders.values())))))
    chosen = {comment_id for comment_id, sender in senders.items() if sender in known}
    return chosen - _disowned(chosen)


def has_sender(comment: Comment) -> bool:
    """Whether it can be told who wrote it: of anybody else nothing is remembered."""
    return bool(comment.author_email) and not comment.is_unverified


def _disowned(comment_ids: set[int]) -> set[int]:
    """Those whose mail the sender's domain calls forged."""
    if not comment_ids:
        return set()
    forged = select(EmailMessage.comment_id).where(
        EmailMessage.comment_id.in_(comment_ids), EmailMessage.dmarc == Verdict.FAIL
    )
    return {comment_id for comment_id in db.session.scalars(forged) if comment_id is not None}


def show_always(comment: Comment, *, actor: User) -> UserAddress:
    """From now on this person sees the pictures of whoever wrote the message. Raises InvalidInput for nobody known."""
    address = _sender(comment, actor)
    insert_once(PicturePermission, user_id=actor.id, address_id=address.id, created_at=utcnow())
    return address


def ask_again(comment: Comment, *, actor: User) -> UserAddress:
    """Take `show_always` back."""
    address = _sender(comment, actor)
    mine = PicturePermission.user_id == actor.id
    db.session.execute(delete(PicturePermission).where(mine, PicturePermission.address_id == address.id))
    return address


def _sender(comment: Comment, actor: User) -> UserAddress:
    access.demand(actor, Action.SEE_NOTES, comment.ticket)
    known = select(UserAddress).where(UserAddress.address == normalise_address(comment.author_email))
    address = db.session.scalar(known) if has_sender(comment) else None
    if address is None:
        raise InvalidInput("Nobody can tell who wrote this message, so nothing was remembered.")
    return address
