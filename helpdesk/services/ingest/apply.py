"""Makes of one mail what it is to become: a ticket, a comment, or a word that says why neither. One transaction.

In this order: a copy of a mail already taken, our own mail coming back, a delivery report, another report, then the
ticket it belongs to, then vacation answers and floods. Every step leaves a sentence in the trace.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import select, update

from helpdesk.database import db, insert_once, utcnow
from helpdesk.mail.types import Automatic
from helpdesk.models import Comment, EmailAccount, EmailMessage, MailClaim, Ticket, UserAddress
from helpdesk.models.mail import EmailState
from helpdesk.services import events, people, routing, settings
from helpdesk.services.attachments import StagedFile
from helpdesk.services.ingest import bounces, copies, floods
from helpdesk.services.ingest.own import OwnAddresses
from helpdesk.services.ingest.reading import UNVERIFIED_EMAIL, UNVERIFIED_NAME, Reading
from helpdesk.services.ingest.trace import Trace
from helpdesk.services.routing import Route, RouteKind
from helpdesk.services.tickets import comments, opening
from helpdesk.services.tickets.comments import Words

MAX_RECEIVED = 40
FORCED = "is_forced"  # in `payload`: a person said that this mail shall be taken


@dataclass(frozen=True, slots=True)
class Outcome:
    """The final word for a mail. `reason` is a sentence for a person, "" when the state says it all."""

    state: EmailState
    reason: str = ""
    ticket_id: int | None = None
    comment_id: int | None = None
    ticket_tag: str = ""  # as people write the number, for the log


@dataclass
class Delivery:
    """One mail on its way through: its row, what it says, and what is known so far."""

    email: EmailMessage
    reading: Reading
    own: OwnAddresses
    files: list[StagedFile] = field(default_factory=list)
    trace: Trace = field(default_factory=Trace)

    @property
    def is_forced(self) -> bool:
        return bool(self.email.payload.get(FORCED))


def apply(mail: Delivery) -> Outcome:
    """Decide and do. The caller stores the outcome in the same transaction."""
    _describe(mail)
    outcome = _copy(mail) or _own_mail(mail) or _report(mail)
    if outcome is None:
        outcome = _take_in(mail)
    mail.trace.add("outcome", outcome.reason or outcome.state.value, ticket_id=outcome.ticket_id)
    if outcome.ticket_id is not None and outcome.state is not EmailState.DUPLICATE:
        statement = update(MailClaim).where(MailClaim.email_id == mail.email.id)
        db.session.execute(statement.values(ticket_id=outcome.ticket_id))
    return outcome


def _describe(mail: Delivery) -> None:
    parsed = mail.reading.parsed
    if mail.reading.author is None:
        mail.trace.add("sender", "Who wrote it cannot be told for sure: an unverified sender.")
    else:
        mail.trace.add("sender", f"Written by {mail.reading.author.email}.")
    if parsed.automatic is not Automatic.NO:
        mail.trace.add("automatic", f"Written by a machine ({parsed.automatic}): {parsed.automatic_because}.")
    for problem in parsed.problems:
        mail.trace.add("damage", problem)


def _copy(mail: Delivery) -> Outcome | None:
    """A unique row per mail decides who was first; whoever comes later is a copy, in whatever account."""
    key = {"message_id_hash": mail.reading.message_key, "body_digest": mail.reading.body_digest}
    if insert_once(MailClaim, **key, email_id=mail.email.id, created_at=utcnow()) is not None:
        return None
    first = db.session.scalars(select(MailClaim).filter_by(**key)).one()
    if first.email_id == mail.email.id:
        return None
    earlier = db.session.get(EmailMessage, first.email_id)
    if earlier is None or earlier.account_id == mail.email.account_id:
        text = "The same mail was taken before."
    else:
        text = f"The same mail was also delivered to {earlier.account.email}."
        earlier.trace = [
            *earlier.trace,
            {"step": "copy", "text": f"Also delivered to {mail.email.account.email}."},
        ]
    mail.trace.add("copy", text, email_id=first.email_id)
    return Outcome(EmailState.DUPLICATE, text, first.ticket_id)


def _own_mail(mail: Delivery) -> Outcome | None:
    parsed = mail.reading.parsed
    author = mail.reading.author
    if mail.reading.evidence.is_own:
        reason = f"A mail of this desk came back: {mail.reading.evidence.loop}."
    elif author is not None and mail.own.holds(author.email):
        reason = f"Sent from {author.email}, an address of this desk."
    elif parsed.received_count > MAX_RECEIVED:
        reason = f"It went through {parsed.received_count} mail servers: it goes round in circles."
    else:
        return None
    if mail.is_forced:
        mail.trace.add("loop", f"{reason} Taken because a person said so.")
        return None
    return Outcome(EmailState.IGNORED, reason)


def _report(mail: Delivery) -> Outcome | None:
    parsed = mail.reading.parsed
    if parsed.bounce is not None:
        reason, ticket_id = bounces.record(parsed.bounce, mail.email, mail.trace)
        return Outcome(EmailState.BOUNCED, reason, ticket_id)
    if parsed.is_report and not mail.is_forced:
        return Outcome(EmailState.IGNORED, "A report of a mail program, such as a read receipt.")
    return None


def _take_in(mail: Delivery) -> Outcome:
    account = db.session.get_one(EmailAccount, mail.own.owner(mail.reading.parsed, mail.email.account_id))
    author = people.find_address(mail.reading.author.email) if mail.reading.author else None
    route = routing.route(mail.reading.evidence, account, author, mail.trace)
    match route.kind:
        case RouteKind.NEW:
            return _refuse_new(mail) or _open(mail, account, route)
        case RouteKind.APPEND | RouteKind.UNRELEASED:
            assert route.ticket is not None
            return _append(mail, route, route.ticket)
        case RouteKind.NOTE:
            assert route.ticket is not None and author is not None
            return _note(mail, route.ticket, author)
        case RouteKind.HOLD:
            return _hold(mail, route.reason)


def _refuse_new(mail: Delivery) -> Outcome | None:
    parsed, email = mail.reading.parsed, mail.email
    if mail.is_forced:
        return None
    if parsed.automatic is Automatic.REPLY:
        return Outcome(EmailState.IGNORED, f"An automatic answer to no ticket: {parsed.automatic_because}.")
    flood = floods.reason(
        email, mail.reading.claimed.email[:320], parsed.subject[:998], mail.reading.full_text
    )
    return _hold(mail, flood) if flood else None


def _hold(mail: Delivery, reason: str) -> Outcome:
    if floods.is_first_held(mail.email, mail.reading.claimed.email[:320]):
        events.record("email.held", actor=None, email_id=mail.email.id, account_id=mail.email.account_id)
    return Outcome(EmailState.HELD, reason)


def _sender(mail: Delivery) -> UserAddress:
    """The author's address, known from now on; a stand-in that is never written to for who cannot be told."""
    author = mail.reading.author
    if author is None:
        return people.address_for(UNVERIFIED_EMAIL, UNVERIFIED_NAME)
    return people.address_for(author.email, author.name)


def _open(mail: Delivery, account: EmailAccount, route: Route) -> Outcome:
    parsed = mail.reading.parsed
    sender = _sender(mail)
    cc = [people.address_for(other.email, other.name) for other in copies.others(parsed, mail.own)]
    if route.follow_up_of is not None:
        cc += [p.address for p in route.follow_up_of.participants if p.address_id != sender.id]
    ticket, comment = opening.open_ticket(
        account=account,
        requester=sender,
        subject=parsed.subject,
        words=_words(mail, mail.reading.full_text),
        actor=sender.user,
        from_email=True,
        cc=list({address.id: address for address in cc}.values()),
        may_belong_to=route.may_belong_to,
        follow_up_of=route.follow_up_of,
        email_id=mail.email.id,
        automatic=parsed.automatic.value,
    )
    _name_unverified(mail, comment)
    tag = settings.tag_of(ticket)
    mail.trace.add("ticket", f"Opened {tag}.", ticket_id=ticket.id)
    return Outcome(EmailState.OPENED, "", ticket.id, comment.id, tag)


def _fold(mail: Delivery) -> str:
    """What is shown of an answer, said in the trace; a ticket's first mail is shown whole."""
    if mail.reading.visible_text != mail.reading.full_text:
        opinion = mail.reading.second_opinion
        folded = "Quoted history and signatures are folded"
        mail.trace.add("history", folded + (f"; {opinion}." if opinion else "."))
    return mail.reading.visible_text


def _append(mail: Delivery, route: Route, ticket: Ticket) -> Outcome:
    sender = _sender(mail)
    is_released = route.kind is RouteKind.APPEND
    words = _words(mail, _fold(mail), is_released=is_released)
    comment = comments.add_incoming(ticket, words, address=sender, actor=sender.user, email_id=mail.email.id)
    _name_unverified(mail, comment)
    if is_released and route.is_proven and sender.id == ticket.requester_address_id:
        _let_join(mail, ticket)
    what = "Added to" if is_released else "Added, to be released, to"
    tag = settings.tag_of(ticket)
    mail.trace.add("ticket", f"{what} {tag}.", ticket_id=ticket.id)
    return Outcome(EmailState.APPENDED, "", ticket.id, comment.id, tag)


def _let_join(mail: Delivery, ticket: Ticket) -> None:
    """Whom the requester copies in takes part from now on; what was said before stays hidden from him."""
    known = {p.address.address for p in ticket.participants}
    for other in copies.others(mail.reading.parsed, mail.own):
        address = people.address_for(other.email, other.name)
        if address.address not in known:
            opening.join(ticket, address, role="cc", later=True)
            events.record("participant.joined", actor=None, ticket=ticket, address_id=address.id, role="cc")
            mail.trace.add("copy", f"{address.email} takes part from now on.", ticket_id=ticket.id)


def _note(mail: Delivery, ticket: Ticket, author: UserAddress) -> Outcome:
    text = _fold(mail)
    words = _words(mail, text if text.strip() or mail.files else "(no text)")
    comment = comments.add_note(ticket, words, actor=author.user)
    tag = settings.tag_of(ticket)
    mail.trace.add("ticket", f"Noted on {tag}.", ticket_id=ticket.id)
    return Outcome(EmailState.APPENDED, "", ticket.id, comment.id, tag)


def _words(mail: Delivery, text: str, *, is_released: bool = True) -> Words:
    parsed = mail.reading.parsed
    return Words(
        text=text,
        full_text=mail.reading.full_text,
        html=parsed.html,
        files=mail.files,
        message_id=parsed.message_id[:998] or None,
        is_from_email=True,
        is_automatic=parsed.automatic is Automatic.REPLY,
        is_released=is_released,
        particulars=[each.plain() for each in parsed.particulars],
    )


def _name_unverified(mail: Delivery, comment: Comment) -> None:
    """Show what the mail claims, and that nobody vouches for it."""
    if mail.reading.author is None:
        comment.is_unverified = True
        claimed = mail.reading.claimed
        shown = f"{claimed.name} <{claimed.email}>".strip() if claimed.email else "no sender"
        comment.author_name = f"{shown[:220]} (unverified)"
