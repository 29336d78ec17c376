"""Whom a mail of ours was written to: what an agent may answer to it depends on who else has it."""

from __future__ import annotations

from sqlalchemy import select

from helpdesk.database import db
from helpdesk.mail.headers import normalise_address
from helpdesk.mail.thread import IssuedId
from helpdesk.models import EmailMessage, Ticket, User, UserAddress
from helpdesk.models.mail import Direction
from helpdesk.policy import envelope
from helpdesk.policy.status import TEAM


def by(found: IssuedId, ticket: Ticket) -> set[str]:
    """Whom that mail of ours was written to; nobody when its row is gone. A merged ticket's mails went with it."""
    sent = select(EmailMessage.recipients).where(
        EmailMessage.ticket_id.in_({found.ticket_id, ticket.id}),
        EmailMessage.direction == Direction.OUT,
        EmailMessage.message_id.startswith(found.message_prefix, autoescape=True),
    )
    recipients = db.session.scalar(sent.order_by(EmailMessage.id).limit(1)) or {}
    return {normalise_address(email) for email in envelope.read(recipients).everyone}


def is_his_alone(got_it: set[str], author: UserAddress) -> bool:
    return bool(got_it) and got_it <= {address.address for address in author.user.addresses}


def has_customer(got_it: set[str]) -> bool:
    """Whether anybody outside of the team got it."""
    of_team = (
        select(UserAddress.address).join(User).where(UserAddress.address.in_(got_it), User.role.in_(TEAM))
    )
    return bool(got_it - set(db.session.scalars(of_team)))
