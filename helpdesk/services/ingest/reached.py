"""Whom a mail of ours was written to: what an agent may answer to it depends on who else has it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, select

from helpdesk.database import db
from helpdesk.mail.headers import normalise_address
from helpdesk.mail.thread import Evidence, IssuedId
from helpdesk.models import EmailMessage, Ticket, User, UserAddress
from helpdesk.models.mail import Direction
from helpdesk.policy import envelope
from helpdesk.policy.envelope import Recipients
from helpdesk.policy.status import TEAM
from helpdesk.services.outbox.queue import FORWARD


def by(found: IssuedId, ticket: Ticket) -> set[str]:
    """Whom that mail of ours was written to; nobody when its row is gone. A merged ticket's mails went with it."""
    return {normalise_address(email) for email in _people(found, ticket).everyone}


def _people(found: IssuedId, ticket: Ticket) -> Recipients:
    sent = select(EmailMessage.recipients).where(*_is(found, ticket))
    return envelope.read(db.session.scalar(sent.order_by(EmailMessage.id).limit(1)) or {})


def is_forward(found: IssuedId, ticket: Ticket) -> bool:
    """Whether that mail of ours passed something on to somebody outside: what answers it is for the team alone."""
    forward = select(EmailMessage.id).where(*_is(found, ticket), EmailMessage.purpose == FORWARD)
    return db.session.scalar(forward.limit(1)) is not None


def names_forward(evidence: Evidence, ticket: Ticket) -> bool:
    """Whether anything in a mail names a forward: whoever wrote it answers words no customer has seen."""
    return any(is_forward(found, ticket) for found in _named(evidence))


def tells_of_team(evidence: Evidence, ticket: Ticket) -> bool:
    """Whether anything in a mail names one that went to the team alone: what is quoted of it is not for customers."""
    every = [got_it for found in _named(evidence) if (got_it := by(found, ticket))]
    return not all(map(has_customer, every)) or names_forward(evidence, ticket)


def reads_in_secret(evidence: Evidence, ticket: Ticket, author: UserAddress) -> bool:
    """Whether he has a mail that is named in blind copy: a public answer would tell everybody that he reads along."""
    own = {address.address for address in author.user.addresses}
    hidden = (email for found in _named(evidence) for email in _people(found, ticket).bcc)
    return not own.isdisjoint(map(normalise_address, hidden))


def _named(evidence: Evidence) -> set[IssuedId]:
    """Everything of ours a mail names, in whatever way."""
    return {*evidence.tokens, *evidence.issued, *evidence.marked}


def _is(found: IssuedId, ticket: Ticket) -> tuple[ColumnElement[bool], ...]:
    return (
        EmailMessage.ticket_id.in_({found.ticket_id, ticket.id}),
        EmailMessage.direction == Direction.OUT,
        EmailMessage.message_id.startswith(found.message_prefix, autoescape=True),
    )


def is_his_alone(got_it: set[str], author: UserAddress) -> bool:
    return bool(got_it) and got_it <= {address.address for address in author.user.addresses}


def has_customer(got_it: set[str]) -> bool:
    """Whether anybody outside of the team got it."""
    of_team = (
        select(UserAddress.address).join(User).where(UserAddress.address.in_(got_it), User.role.in_(TEAM))
    )
    return bool(got_it - set(db.session.scalars(of_team)))
