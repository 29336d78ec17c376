"""Mails that wait for a person: failed, held or uncertain ones, what may be done with each, and their bytes."""

from __future__ import annotations

from helpdesk import storage
from helpdesk.database import db
from helpdesk.errors import NotFound
from helpdesk.models import EmailMessage, User
from helpdesk.models.mail import Direction
from helpdesk.services import access, mail_log
from helpdesk.services.ingest import shelving
from helpdesk.services.outbox import queue


def get(user: User, email_id: int) -> EmailMessage:
    """A mail of an account the person may work on. Raises NotFound."""
    email = db.session.get(EmailMessage, email_id) if email_id < 2**31 else None
    if email is None or email.account_id not in access.account_ids(user):
        raise NotFound("There is no such mail.")
    return email


def retry(email: EmailMessage, *, actor: User) -> None:
    """Within a transaction: try it again. Raises Conflict when it was dealt with already."""
    if email.direction is Direction.IN:
        shelving.retry(email.id, actor)
    else:
        queue.retry(email.id, actor=actor)


def put_away(email: EmailMessage, *, actor: User) -> None:
    """Within a transaction: discard a received mail, cancel one of ours. Raises Conflict as `retry`."""
    if email.direction is Direction.IN:
        shelving.discard(email.id, actor)
    else:
        queue.cancel(email.id, actor=actor)


def raw(email: EmailMessage) -> bytes:
    """The bytes of a mail. Raises NotFound for one with a one-time link: it would sign the reader in as somebody else."""
    if email.raw_sha256 is None or mail_log.is_secret(email):
        raise NotFound("There is no such mail.")
    return storage.read(email.raw_sha256)
