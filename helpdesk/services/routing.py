"""Which ticket a mail belongs to, and as what: the first evidence that holds decides.

1. An id this desk issued and signed: whoever takes part is heard; an agent answering a notification sent to him alone
   writes a note; anybody else's words wait to be released.
2. The id of a mail already on a ticket, written by somebody else: counts only for who takes part.
3. The number in the subject: likewise; of an agent by From alone, his words wait to be released.
4. Otherwise a new ticket. A stranger's number or id is a hint for agents, and nothing the sender could notice.
Only an author that can be told for sure is somebody; an "unverified sender" takes part nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from helpdesk.database import db, utcnow
from helpdesk.mail.headers import normalise_address
from helpdesk.mail.thread import Evidence, IssuedId
from helpdesk.models import EmailAccount, EmailMessage, Participant, Ticket, User, UserAddress
from helpdesk.models.mail import Direction
from helpdesk.policy.status import Disposition, is_closed_for_good
from helpdesk.services import access
from helpdesk.services.ingest.trace import Sentence, Trace
from helpdesk.services.outbox.queue import hash_of


class RouteKind(StrEnum):
    NEW = "new"
    APPEND = "append"
    UNRELEASED = "unreleased"
    NOTE = "note"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a mail goes. `ticket` is None exactly for NEW; `reason` is the sentence for a mail that is held."""

    kind: RouteKind
    ticket: Ticket | None = None
    may_belong_to: Ticket | None = None
    follow_up_of: Ticket | None = None
    is_proven: bool = False
    reason: Sentence = field(default_factory=Sentence)


def route(evidence: Evidence, account: EmailAccount, author: UserAddress | None, trace: Trace) -> Route:
    """Find the place of a mail; adds to `trace` what was found and what decided. Reads only."""
    if author is not None and not author.user.is_active:
        trace.tell("sender", "The sender's user is deactivated and counts as a stranger.")
        author = None
    return (
        _by_issued_id(evidence.issued, account, author, trace)
        or _by_known_id(evidence.foreign, account, author, trace)
        or _by_number(evidence.subject_number, account, author, trace)
        or _new(trace, Sentence("Nothing in the mail names a ticket: a new one."))
    )


def _by_issued_id(
    issued: Sequence[IssuedId], account: EmailAccount, author: UserAddress | None, trace: Trace
) -> Route | None:
    for found in issued:
        ticket = _living(found.ticket_id, trace)
        if ticket is None:
            continue
        trace.tell(
            "thread", "It answers a mail this desk sent, proven by its signed id.", ticket_id=ticket.id
        )
        if author is not None and _takes_part(ticket, author):
            return _heard(ticket, account, trace, is_proven=True)
        personal = author is not None and author.user.is_team and _was_sent_to_him_alone(found, author)
        if author is not None and personal:
            return _of_agent(ticket, author.user, trace)
        if _is_closed_for_good(ticket, account):
            return _new(trace, Sentence("Its ticket was closed long ago: a new one."), may_belong_to=ticket)
        trace.tell("decision", "The sender does not take part: his words wait to be released.")
        return Route(RouteKind.UNRELEASED, ticket)
    return None


def _by_known_id(
    foreign: Sequence[str], account: EmailAccount, author: UserAddress | None, trace: Trace
) -> Route | None:
    """Mails the customer's side wrote, seen before on a ticket of this account."""
    hashes = [hash_of(message_id) for message_id in foreign]
    if not hashes:
        return None
    rows = select(EmailMessage.message_id_hash, EmailMessage.ticket_id).where(
        EmailMessage.message_id_hash.in_(hashes),
        EmailMessage.direction == Direction.IN,
        EmailMessage.ticket_id.is_not(None),
    )
    found = db.session.execute(rows.order_by(EmailMessage.id.desc())).all()
    known = {row.message_id_hash: row.ticket_id for row in found}
    for ticket_id in (known[key] for key in hashes if key in known):
        ticket = _living(ticket_id, trace)
        if ticket is None or ticket.account_id != account.id:
            continue
        trace.tell("thread", "It answers a mail that is on a ticket already.", ticket_id=ticket.id)
        if author is not None and _takes_part(ticket, author):
            return _heard(ticket, account, trace)
        return _new(
            trace, Sentence("The sender does not take part there: a new ticket."), may_belong_to=ticket
        )
    return None


def _by_number(
    number: int | None, account: EmailAccount, author: UserAddress | None, trace: Trace
) -> Route | None:
    if number is None or not 0 < number < 2**31:
        return None
    ticket_id = db.session.scalar(select(Ticket.id).where(Ticket.number == number))
    ticket = _living(ticket_id, trace)
    if ticket is None:
        return _new(
            trace,
            Sentence("Its subject names #%(number)d, which is no open matter: a new ticket.", number=number),
        )
    trace.tell("thread", "Its subject names #%(number)d.", number=number, ticket_id=ticket.id)
    if author is not None and _takes_part(ticket, author):
        return _heard(ticket, account, trace)
    if author is not None and author.user.is_team and ticket.account_id in access.account_ids(author.user):
        trace.tell(
            "decision", "From an agent's address, which proves nothing: the words wait to be released."
        )
        return Route(RouteKind.UNRELEASED, ticket)
    return _new(trace, Sentence("The sender does not take part there: a new ticket."), may_belong_to=ticket)


def _living(ticket_id: int | None, trace: Trace) -> Ticket | None:
    """The ticket, or the one it was merged into; None for one that is gone, spam or in the trash."""
    if not ticket_id:
        return None
    ticket = db.session.get(Ticket, ticket_id, options=[joinedload(Ticket.account)])
    if ticket is None:
        trace.tell("thread", "The ticket it belongs to is gone.")
        return None
    ticket = merge_target(ticket)
    if ticket.disposition is not Disposition.NORMAL:
        trace.tell("thread", "The ticket it belongs to was put away.", ticket_id=ticket.id)
        return None
    return ticket


def merge_target(ticket: Ticket) -> Ticket:
    """Where the words for a ticket go: to itself, as long as tickets are not merged."""
    return ticket


def _takes_part(ticket: Ticket, author: UserAddress) -> bool:
    """By any address of the person: he may write from another one than he was written to."""
    row = (
        select(Participant.id)
        .join(UserAddress)
        .where(Participant.ticket_id == ticket.id, UserAddress.user_id == author.user_id)
    )
    return db.session.scalar(row.limit(1)) is not None


def _heard(ticket: Ticket, account: EmailAccount, trace: Trace, *, is_proven: bool = False) -> Route:
    if _is_closed_for_good(ticket, account):
        return _new(
            trace, Sentence("Its ticket was closed long ago: a new one that follows it."), follow_up_of=ticket
        )
    trace.tell("decision", "The sender takes part: his words are added.", ticket_id=ticket.id)
    return Route(RouteKind.APPEND, ticket, is_proven=is_proven)


def _of_agent(ticket: Ticket, user: User, trace: Trace) -> Route:
    """An answer to a notification only this agent got."""
    if ticket.account_id not in access.account_ids(user):
        trace.tell("decision", "The agent has no access to this ticket's account: held.")
        reason = Sentence("%(name)s has no access to this ticket's account.", name=user.shown_name)
        return Route(RouteKind.HOLD, ticket, reason=reason)
    trace.tell("decision", "An agent answers a notification sent to him alone: a note.")
    return Route(RouteKind.NOTE, ticket)


def _was_sent_to_him_alone(found: IssuedId, author: UserAddress) -> bool:
    sent = select(EmailMessage.recipients).where(
        EmailMessage.ticket_id == found.ticket_id,
        EmailMessage.direction == Direction.OUT,
        EmailMessage.message_id.startswith(f"hd.{found.ticket_id}.{found.nonce}.", autoescape=True),
    )
    recipients = db.session.scalar(sent.limit(1)) or {}
    reached = {normalise_address(a) for name in ("to", "cc") for a in recipients.get(name, [])}
    return bool(reached) and reached <= {address.address for address in author.user.addresses}


def _is_closed_for_good(ticket: Ticket, account: EmailAccount) -> bool:
    return is_closed_for_good(ticket.status, ticket.closed_at, account.reopen_days, now=utcnow())


def _new(
    trace: Trace, text: Sentence, *, may_belong_to: Ticket | None = None, follow_up_of: Ticket | None = None
) -> Route:
    trace.tell_sentence("decision", text)
    return Route(RouteKind.NEW, may_belong_to=may_belong_to, follow_up_of=follow_up_of)
