"""Mails on their way out, as a test needs them."""

from datetime import timedelta

from sqlalchemy import select, update

from helpdesk import storage
from helpdesk.database import db, transaction
from helpdesk.models import EmailMessage
from helpdesk.models.mail import Direction
from helpdesk.services.outbox import queue
from tests import factories


def queue_mail(account, *, to=(factories.CUSTOMER,), cc=(), purpose="reply", ticket=None, raw=None, **values):
    """A finished mail waiting to go; `values` change its columns."""
    blob = storage.stage(raw or factories.make_mail(sender=account.email, to=to[0]))
    with transaction():
        email = queue.add(account, purpose=purpose, to=to, cc=cc, ticket=ticket, blob=blob)
        for name, value in values.items():
            setattr(email, name, value)
    return email


def outgoing(**where):
    """Every outgoing mail, oldest first, as it stands now."""
    db.session.rollback()
    rows = select(EmailMessage).where(EmailMessage.direction == Direction.OUT).order_by(EmailMessage.id)
    return list(db.session.scalars(rows.filter_by(**where)))


def let_time_pass(**duration):
    """Move every time the outbox waits for into the past."""
    by = timedelta(**duration)
    for email in outgoing():
        moments = {name: getattr(email, name) for name in ("due_at", "claimed_until", "handed_at")}
        values = {name: moment - by for name, moment in moments.items() if moment is not None}
        with transaction() as session:
            session.execute(update(EmailMessage).where(EmailMessage.id == email.id).values(**values))
