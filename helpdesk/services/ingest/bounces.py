"""A delivery report is never a ticket: it tells the outgoing mail it is about that it did not arrive."""

from __future__ import annotations

from sqlalchemy import select

from helpdesk.database import db
from helpdesk.mail.types import Bounce
from helpdesk.models import EmailMessage, Ticket
from helpdesk.models.mail import Direction, EmailState
from helpdesk.services import events
from helpdesk.services.ingest.trace import Sentence, Trace
from helpdesk.services.outbox.queue import hash_of

WENT_OUT = (EmailState.SENT, EmailState.UNCERTAIN, EmailState.BOUNCED)


def record(bounce: Bounce, email: EmailMessage, trace: Trace) -> tuple[Sentence, int | None]:
    """Link the report to the mail it names and note what it says; returns the reason and the ticket's id.

    Only an id this desk gave to a mail it sent counts. Temporary trouble changes nothing on the mail.
    """
    failed = [r for r in bounce.recipients if r.action == "failed" or r.status.startswith("5")]
    words = "; ".join(f"{r.recipient}: {r.diagnostic or r.status or r.action}" for r in bounce.recipients)
    sent = _find(bounce.original_message_id)
    if sent is None:
        trace.tell("bounce", "A delivery report about no mail this desk knows.")
        return _report_of(words), None
    trace.tell(
        "bounce",
        "A delivery report about mail %(number)d.",
        number=sent.id,
        email_id=sent.id,
        ticket_id=sent.ticket_id,
    )
    is_final = bool(failed) and sent.state in WENT_OUT
    if is_final:
        sent.state = EmailState.BOUNCED
        sent.reason = "Not delivered to %(recipients)s."
        sent.reason_params = {"recipients": ", ".join(r.recipient for r in failed)[:1000]}
        sent.detail = words[:5000]
    ticket = db.session.get(Ticket, sent.ticket_id) if sent.ticket_id else None
    events.record(
        "email.bounced" if is_final else "email.delayed", actor=None, ticket=ticket,
        comment_id=sent.comment_id, email_id=sent.id, account_id=sent.account_id, report_id=email.id,
        statuses=[r.status for r in bounce.recipients][:20],
    )  # fmt: skip
    reason = Sentence("Not delivered: %(words)s", words=words[:1000]) if is_final else _report_of(words)
    return reason, sent.ticket_id


def _report_of(words: str) -> Sentence:
    return (
        Sentence("Delivery report: %(words)s", words=words[:1000]) if words else Sentence("Delivery report.")
    )


def _find(message_id: str) -> EmailMessage | None:
    if not message_id:
        return None
    sent = select(EmailMessage).where(
        EmailMessage.direction == Direction.OUT, EmailMessage.message_id_hash == hash_of(message_id)
    )
    return db.session.scalar(sent.limit(1))
