"""Which ticket a mail belongs to, and as what: the first evidence that holds decides.

1. A mail this desk sent, named by its reply address, by its signed id or by its signed mark in quoted text: whoever takes
   part is heard; a proven agent answers in public what the customer got as well, and writes a note to what only the
   team got, to what he had a blind copy of, or where both are named; anybody else's words wait to be released, and everybody's that answer a forward.
2. The id of a mail already on a ticket, written by somebody else, of this account or of one the same people work on:
   counts only for who takes part, and for a proven agent, who writes a note.
3. The conversation Exchange names (Thread-Index), and then the number in the subject: likewise. A number says nothing
   in a mail its own domain disowns (DMARC); of an agent by From alone, his words wait to be released.
4. Otherwise a new ticket. A stranger's number or id is a hint for agents, and nothing the sender could notice.

An agent is proven by the reply address or the id of a mail that went to him alone, or by DMARC on the word of the
account's own server; never by From alone. Only an author that can be told for sure is somebody; an "unverified
sender" takes part nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from helpdesk.database import db, utcnow
from helpdesk.mail.authentication import Verdict
from helpdesk.mail.thread import Evidence, IssuedId
from helpdesk.models import EmailAccount, EmailMessage, Grant, Participant, Ticket, User, UserAddress
from helpdesk.models.mail import Direction
from helpdesk.policy.status import Disposition, is_closed_for_good
from helpdesk.services import access
from helpdesk.services.ingest import reached
from helpdesk.services.ingest.trace import Sentence, Trace
from helpdesk.services.outbox.queue import hash_of
from helpdesk.services.tickets.merge import merge_target


class RouteKind(StrEnum):
    NEW = "new"
    APPEND = "append"
    UNRELEASED = "unreleased"
    NOTE = "note"
    REPLY = "reply"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a mail goes. `ticket` is None exactly for NEW; `reason` is the sentence for a mail that is held.

    `is_proven`: something only we could have issued led there. `is_agent`: its author is proven to be one of the team
    who may work on the ticket, or for NEW on the account.
    """

    kind: RouteKind
    ticket: Ticket | None = None
    may_belong_to: Ticket | None = None
    follow_up_of: Ticket | None = None
    is_proven: bool = False
    is_agent: bool = False
    reason: Sentence = field(default_factory=Sentence)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The mail as far as it matters here. `former` is a member of the team who was deactivated."""

    account: EmailAccount
    author: UserAddress | None
    former: UserAddress | None
    dmarc: Verdict
    trace: Trace
    evidence: Evidence

    @property
    def agent(self) -> UserAddress | None:
        """The author, when he is of the team and his domain stands by the mail."""
        is_proven = self.author is not None and self.author.user.is_team and self.dmarc is Verdict.PASS
        return self.author if is_proven else None


def route(
    evidence: Evidence,
    account: EmailAccount,
    author: UserAddress | None,
    trace: Trace,
    *,
    dmarc: Verdict = Verdict.UNKNOWN,
) -> Route:
    """Find the place of a mail; adds to `trace` what was found and what decided. Reads only."""
    former = None
    if author is not None and not author.user.is_active:
        trace.tell("sender", "The sender's user is deactivated and counts as a stranger.")
        former, author = (author if author.user.is_team else None), None
    asked = _Asked(account, author, former, dmarc, trace, evidence)
    return (
        _by_issued(evidence, asked)
        or _by_known_id(evidence.foreign, asked)
        or _by_thread_index(evidence, asked)
        or _by_number(evidence.subject_number, asked)
        or _new(asked, Sentence("Nothing in the mail names a ticket: a new one."))
    )


# what we issued


def _by_issued(evidence: Evidence, asked: _Asked) -> Route | None:
    for found in evidence.tokens:
        text = Sentence("It came to the reply address of a mail this desk sent.")
        if (place := _issued_place(found, asked, text)) is not None:
            return place
    for found in evidence.issued:
        text = Sentence("It answers a mail this desk sent, proven by its signed id.")
        if (place := _issued_place(found, asked, text)) is not None:
            return place
    for found in evidence.marked:
        text = Sentence("It quotes a mail this desk sent, proven by its signed mark.")
        if (place := _issued_place(found, asked, text, is_mark=True)) is not None:
            return place
    return None


def _issued_place(found: IssuedId, asked: _Asked, text: Sentence, *, is_mark: bool = False) -> Route | None:
    ticket = _living(found.ticket_id, asked, text)
    if ticket is None:
        return None
    asked.trace.tell_sentence("thread", text, counted=True, ticket_id=ticket.id)
    person = asked.former or asked.author  # whom a mail went to matters for members of the team alone
    got_it = reached.by(found, ticket) if person is not None and person.user.is_team else set()
    if asked.former is not None and not is_mark and reached.is_his_alone(got_it, asked.former):
        return _held(asked, ticket, asked.former.user)
    if (place := _of_team(ticket, asked, got_it, is_mark=is_mark)) is not None:
        return place
    if reached.names_forward(asked.evidence, ticket):
        asked.trace.tell("decision", "It answers what was passed on: the words wait to be released.")
        return Route(RouteKind.UNRELEASED, ticket)
    if asked.author is not None and _takes_part(ticket, asked.author):
        return _heard(ticket, asked, is_proven=True)
    if _is_closed_for_good(ticket, asked.account):
        return _new(asked, Sentence("Its ticket was closed long ago: a new one."), may_belong_to=ticket)
    asked.trace.tell("decision", "The sender does not take part: his words wait to be released.")
    return Route(RouteKind.UNRELEASED, ticket)


def _of_team(ticket: Ticket, asked: _Asked, got_it: set[str], *, is_mark: bool) -> Route | None:
    """As what a member of the team is heard; None for whom nothing proves to be one, and for the requester himself."""
    author = asked.author
    if author is None or not author.user.is_team or ticket.requester_id == author.user_id:
        return None
    if not is_mark and reached.is_his_alone(got_it, author):
        return _of_agent(ticket, author.user, asked, is_public=False)
    if asked.agent is not None:
        is_internal = reached.tells_of_team(asked.evidence, ticket) or reached.reads_in_secret(
            asked.evidence, ticket, author
        )
        is_public = reached.has_customer(got_it) and not is_internal
        return _of_agent(ticket, author.user, asked, is_public=is_public)
    asked.trace.tell(
        "agent",
        "It claims to be from one of the team, which nothing proves.",
        counted=False,
        ticket_id=ticket.id,
    )
    return None


def _of_agent(ticket: Ticket, user: User, asked: _Asked, *, is_public: bool) -> Route:
    if ticket.account_id not in access.account_ids(user):
        return _held(asked, ticket, user)
    if is_public:
        asked.trace.tell(
            "decision", "An agent answers a mail the customer got as well: an answer.", ticket_id=ticket.id
        )
        return Route(RouteKind.REPLY, ticket, is_proven=True, is_agent=True)
    asked.trace.tell("decision", "An agent answers what only the team was told: a note.", ticket_id=ticket.id)
    return Route(RouteKind.NOTE, ticket, is_proven=True, is_agent=True)


def _held(asked: _Asked, ticket: Ticket, user: User) -> Route:
    asked.trace.tell(
        "decision", "The agent has no access to this ticket's account: held.", ticket_id=ticket.id
    )
    if user.is_active:
        reason = Sentence("%(name)s has no access to this ticket's account.", name=user.shown_name)
    else:
        reason = Sentence("%(name)s is deactivated and may not write on tickets.", name=user.shown_name)
    return Route(RouteKind.HOLD, ticket, is_agent=True, reason=reason)


# what others issued


def _by_known_id(foreign: Sequence[str], asked: _Asked) -> Route | None:
    """Mails the customer's side wrote, seen before on a ticket."""
    hashes = [hash_of(message_id) for message_id in foreign]
    known = dict(_known(EmailMessage.message_id_hash, hashes))
    text = Sentence("It answers a mail that is on a ticket already.")
    for ticket_id in (known[key] for key in hashes if key in known):
        ticket = _living(ticket_id, asked, text)
        if ticket is not None and _same_people(ticket, asked, text):
            return _spoken_on(ticket, asked, text)
    return None


def _by_thread_index(evidence: Evidence, asked: _Asked) -> Route | None:
    """Exchange names a conversation whose ids it may have rewritten; only who takes part can be meant by it.

    The name is the customer's own, or one this desk made, whose signature was checked.
    """
    text = Sentence("It belongs to a conversation that is on a ticket already (Thread-Index).")
    index = [evidence.thread_index] if evidence.thread_index else []
    ours = [evidence.indexed_ticket] if evidence.indexed_ticket else []
    for ticket_id in [*ours, *(known for _, known in _known(EmailMessage.thread_index, index))]:
        ticket = _living(ticket_id, asked, text)
        if ticket is None or not _same_people(ticket, asked, text):
            continue
        if asked.author is not None and _takes_part(ticket, asked.author):
            return _spoken_on(ticket, asked, text)
        asked.trace.tell_sentence("thread", text, counted=False, ticket_id=ticket.id)
    return None


def _known(column: InstrumentedAttribute[str], values: Sequence[str]) -> Iterable[tuple[str, int]]:
    """(value, ticket id) of received mails on tickets, the oldest last, so that the first mail of a value names it."""
    if not values:
        return []
    rows = select(column, EmailMessage.ticket_id).where(
        column.in_(values), EmailMessage.direction == Direction.IN, EmailMessage.ticket_id.is_not(None)
    )
    found = db.session.execute(rows.order_by(EmailMessage.id.desc()))
    return [(value, ticket_id) for value, ticket_id in found if ticket_id is not None]


def _by_number(number: int | None, asked: _Asked) -> Route | None:
    if number is None or not 0 < number < 2**31:
        return None
    text = Sentence("Its subject names #%(number)d.", number=number)
    ticket_id = db.session.scalar(select(Ticket.id).where(Ticket.number == number))
    ticket = _living(ticket_id, asked, text)
    if ticket is None:
        gone = Sentence(
            "Its subject names #%(number)d, which is no open matter: a new ticket.", number=number
        )
        return _new(asked, gone)
    if asked.dmarc is Verdict.FAIL:
        asked.trace.tell_sentence("thread", text, counted=False, ticket_id=ticket.id)
        disowned = Sentence(
            "The sender's domain disowns the mail (DMARC): a number proves nothing, a new ticket."
        )
        return _new(asked, disowned, may_belong_to=ticket)
    return _spoken_on(ticket, asked, text, is_number=True)


def _spoken_on(ticket: Ticket, asked: _Asked, text: Sentence, *, is_number: bool = False) -> Route:
    """What names the ticket is known to others than us: heard is who takes part, and a proven agent."""
    author = asked.author
    is_requester = author is not None and ticket.requester_id == author.user_id
    has_access = author is not None and ticket.account_id in access.account_ids(author.user)
    asked.trace.tell_sentence("thread", text, counted=True, ticket_id=ticket.id)
    if asked.agent is not None and has_access and not is_requester:
        asked.trace.tell("decision", "Written by an agent: a note.", ticket_id=ticket.id)
        return Route(RouteKind.NOTE, ticket, is_agent=True)
    if author is not None and _takes_part(ticket, author):
        return _heard(ticket, asked)
    if is_number and has_access:
        asked.trace.tell(
            "decision", "From an agent's address, which proves nothing: the words wait to be released."
        )
        return Route(RouteKind.UNRELEASED, ticket)
    stranger = Sentence("The sender does not take part there: a new ticket.")
    return _new(asked, stranger, may_belong_to=ticket)


def _same_people(ticket: Ticket, asked: _Asked, text: Sentence) -> bool:
    """Whether the ticket is of this account, or of one exactly the same agents work on."""
    if ticket.account_id == asked.account.id or _workers(ticket.account_id) == _workers(asked.account.id):
        return True
    asked.trace.tell_sentence("thread", text, counted=False, ticket_id=ticket.id)
    asked.trace.tell("thread", "That ticket is of an account other people work on.", counted=False)
    return False


def _workers(account_id: int) -> set[int]:
    rows = select(Grant.user_id).join(User).where(Grant.account_id == account_id, User.is_active)
    return set(db.session.scalars(rows))


# what tickets are like


def _living(ticket_id: int | None, asked: _Asked, text: Sentence) -> Ticket | None:
    """The ticket, or the one it was merged into; None for one that is gone, spam or in the trash."""
    if not ticket_id:
        return None
    ticket = db.session.get(Ticket, ticket_id)
    if ticket is None:
        asked.trace.tell_sentence("thread", text, counted=False)
        asked.trace.tell("thread", "The ticket it belongs to is gone.", counted=False)
        return None
    target = merge_target(ticket)
    if target.disposition is not Disposition.NORMAL:
        asked.trace.tell_sentence("thread", text, counted=False, ticket_id=ticket.id)
        asked.trace.tell(
            "thread", "The ticket it belongs to was put away.", counted=False, ticket_id=target.id
        )
        return None
    return target


def _takes_part(ticket: Ticket, author: UserAddress) -> bool:
    """By any address of the person: he may write from another one than he was written to."""
    row = (
        select(Participant.id)
        .join(UserAddress)
        .where(Participant.ticket_id == ticket.id, UserAddress.user_id == author.user_id)
    )
    return db.session.scalar(row.limit(1)) is not None


def _heard(ticket: Ticket, asked: _Asked, *, is_proven: bool = False) -> Route:
    if _is_closed_for_good(ticket, asked.account):
        closed = Sentence("Its ticket was closed long ago: a new one that follows it.")
        return _new(asked, closed, follow_up_of=ticket)
    asked.trace.tell("decision", "The sender takes part: his words are added.", ticket_id=ticket.id)
    return Route(RouteKind.APPEND, ticket, is_proven=is_proven)


def _is_closed_for_good(ticket: Ticket, account: EmailAccount) -> bool:
    return is_closed_for_good(ticket.status, ticket.closed_at, account.reopen_days, now=utcnow())


def _new(
    asked: _Asked, text: Sentence, *, may_belong_to: Ticket | None = None, follow_up_of: Ticket | None = None
) -> Route:
    asked.trace.tell_sentence("decision", text)
    is_agent = asked.agent is not None and asked.account.id in access.account_ids(asked.agent.user)
    return Route(RouteKind.NEW, may_belong_to=may_belong_to, follow_up_of=follow_up_of, is_agent=is_agent)
