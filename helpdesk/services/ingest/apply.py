"""Makes of one mail what it is to become: a ticket, a comment, or a word that says why neither. One transaction.

In this order: a copy of a mail already taken, our own mail coming back, a delivery report, another report, a blocked
sender, then the ticket it belongs to, then vacation answers and floods. Every step leaves a sentence in the trace.
"""

from __future__ import annotations

from sqlalchemy import select, update

from helpdesk.database import db, insert_once, utcnow
from helpdesk.mail.types import Automatic
from helpdesk.models import EmailMessage, MailClaim
from helpdesk.models.mail import Direction, EmailState
from helpdesk.models.trays import Tray
from helpdesk.services import links
from helpdesk.services.ingest import blocking, bounces, history, proof, reports
from helpdesk.services.ingest.delivery import HOLDS_LINK, Delivery, Outcome
from helpdesk.services.ingest.taking import take_in
from helpdesk.services.ingest.trace import Sentence, as_step
from helpdesk.services.outbox import unreachable

MAX_RECEIVED = 40


def apply(mail: Delivery) -> Outcome:
    """Decide and do. The caller stores the outcome in the same transaction."""
    return history.at_its_time(mail, _apply) if mail.is_imported else _apply(mail)


def _apply(mail: Delivery) -> Outcome:
    _describe(mail)
    _guard_links(mail)
    proof.judge(mail)
    outcome = _copy(mail) or _take(mail)
    word = outcome.reason or Sentence(outcome.state.value)
    mail.trace.tell_sentence("outcome", word, ticket_id=outcome.ticket_id)
    if outcome.ticket_id is not None and outcome.state is not EmailState.DUPLICATE:
        statement = update(MailClaim).where(MailClaim.email_id == mail.email.id)
        db.session.execute(statement.values(ticket_id=outcome.ticket_id))
    return outcome


def _take(mail: Delivery) -> Outcome:
    if mail.is_imported:
        return history.take(mail)
    refused = _own_mail(mail) or _report(mail) or blocking.refuse(mail)
    if refused is None:
        _reach_again(mail)
    return refused or take_in(mail)


def _guard_links(mail: Delivery) -> None:
    """A link that came back by mail, in a report or quoted, may be read by the whole team: it signs nobody in any more.

    A mere copy of a mail of ours is shown to nobody instead: its recipient has it as well, and is to use it.
    """
    found = links.tokens_in(mail.reading.every_text)
    if not (mail.reading.evidence.is_own and not mail.is_forced):
        links.spoil(found)
    elif found:
        mail.email.payload = mail.email.payload | {HOLDS_LINK: True}


def _describe(mail: Delivery) -> None:
    parsed = mail.reading.parsed
    if mail.reading.author is None:
        mail.trace.tell("sender", "Who wrote it cannot be told for sure: an unverified sender.")
    else:
        mail.trace.tell("sender", "Written by %(email)s.", email=mail.reading.author.email)
    if parsed.automatic is not Automatic.NO:
        mail.trace.tell(
            "automatic",
            "Written by a machine (%(kind)s): %(because)s.",
            kind=parsed.automatic.value,
            because=parsed.automatic_because,
        )
    for problem in parsed.problems:
        mail.trace.tell_sentence("damage", Sentence(problem))


def _reach_again(mail: Delivery) -> None:
    """Who writes to us can be written to."""
    if not mail.own.has_unreachable:
        return
    if mail.reading.author is not None and mail.reading.parsed.automatic is Automatic.NO:
        unreachable.lift([mail.reading.author.email])


def _copy(mail: Delivery) -> Outcome | None:
    """A unique row per mail decides who was first; whoever comes later is a copy, in whatever account."""
    key = {"message_id_hash": mail.reading.message_key, "body_digest": mail.reading.body_digest}
    is_first = insert_once(MailClaim, **key, email_id=mail.email.id, created_at=utcnow()) is not None
    twin = _same_bytes(mail.email) if is_first else None
    if is_first and twin is None:
        return None
    first = db.session.scalars(select(MailClaim).filter_by(**key)).one()
    if twin is not None:
        first.email_id, first.ticket_id = twin.id, twin.ticket_id
    if first.email_id == mail.email.id:
        return None
    earlier = db.session.get(EmailMessage, first.email_id)
    if earlier is not None and earlier.tray is Tray.BLOCKED and earlier.account_id != mail.email.account_id:
        first.email_id = mail.email.id  # who is blocked there may write here
        return None
    if earlier is None or earlier.account_id == mail.email.account_id:
        text = Sentence("The same mail was taken before.")
    else:
        text = Sentence("The same mail was also delivered to %(email)s.", email=earlier.account.email)
        also = Sentence("Also delivered to %(email)s.", email=mail.email.account.email)
        earlier.trace = [*earlier.trace, as_step("copy", also)]
    mail.trace.tell_sentence("copy", text, email_id=first.email_id)
    return Outcome(EmailState.DUPLICATE, text, first.ticket_id)


def _same_bytes(email: EmailMessage) -> EmailMessage | None:
    """The mail on a ticket that is this one to the last byte: an earlier version may have read it otherwise."""
    same = (
        EmailMessage.raw_sha256 == email.raw_sha256,
        EmailMessage.id != email.id,
        EmailMessage.direction == Direction.IN,
        EmailMessage.state.in_([EmailState.OPENED, EmailState.APPENDED]),
    )
    return db.session.scalar(select(EmailMessage).where(*same).order_by(EmailMessage.id).limit(1))


def _own_mail(mail: Delivery) -> Outcome | None:
    parsed = mail.reading.parsed
    author = mail.reading.author
    if mail.reading.evidence.is_own:
        reason = Sentence("A mail of this desk came back: %(how)s.", how=mail.reading.evidence.loop)
    elif author is not None and mail.own.holds(author.email):
        reason = Sentence("Sent from %(email)s, an address of this desk.", email=author.email)
    elif parsed.received_count > MAX_RECEIVED:
        reason = Sentence(
            "It went through %(count)d mail servers: it goes round in circles.", count=parsed.received_count
        )
    else:
        return None
    if mail.is_forced:
        mail.trace.tell_sentence("loop", reason, counted=False)
        mail.trace.tell("loop", "Taken because a person said so.")
        return None
    return Outcome(EmailState.IGNORED, reason)


def _report(mail: Delivery) -> Outcome | None:
    parsed = mail.reading.parsed
    if mail.is_forced:
        return None
    if parsed.bounce is not None:
        return bounces.record(parsed.bounce, mail)
    if parsed.is_report:
        return reports.record(mail)
    return None
