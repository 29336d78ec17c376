"""Reports that are neither tickets nor delivery reports: read receipts (RFC 8098) and complaints about spam (RFC 5965).

They are recorded on the ticket of the mail they name, if this desk has sent it, once for each mail however many come. A
complaint about a mail that went to one person alone also stops what the desk mails him by itself. Nothing else may: who
was in copy of a mail knows its id and could speak for the others, as could whoever reads it among the References of a
later one; and a report about no mail of ours is anybody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlalchemy import select

from helpdesk.database import db
from helpdesk.mail.complaint import Complaint, read_complaint
from helpdesk.mail.headers import message_ids, normalise_address
from helpdesk.mail.types import ParsedEmail
from helpdesk.models import EmailMessage, Event, Participant, Ticket, UserAddress
from helpdesk.models.mail import Direction, EmailState
from helpdesk.models.senders import Cause
from helpdesk.policy import envelope
from helpdesk.services import events
from helpdesk.services.ingest import returned
from helpdesk.services.ingest.delivery import Delivery, Outcome
from helpdesk.services.ingest.trace import Sentence
from helpdesk.services.outbox import queue, unreachable
from helpdesk.services.outbox.conversation import TO_CUSTOMERS

MAX_READ = 64 * 1024
MOST_IDS = 10
ABOUT = (
    "message/disposition-notification",
    "message/rfc822",
    "text/rfc822-headers",
)
_ID = re.compile(rb"(?im)^(?:original-)?message-id:[ \t]*(<[^\s<>]{1,998}>)")


def record(mail: Delivery) -> Outcome:
    """Say on the ticket what the report is about. One that names no mail of ours waits in its tray."""
    complaint = read_complaint(mail.reading.parsed)
    if complaint is not None:
        return _complained(complaint, mail)
    kind = mail.reading.parsed.header("Content-Type").lower()
    type_, reason = "email.reported", Sentence("A report of a mail program, such as a read receipt.")
    if "disposition-notification" in kind:
        type_, reason = "email.read", Sentence("A read receipt.")
    sent = returned.find_sent(mail, _named(mail.reading.parsed))
    if sent is None:
        return Outcome(EmailState.IGNORED, reason)
    _note(type_, sent, mail)
    return Outcome(EmailState.IGNORED, reason, sent.ticket_id)


def _complained(complaint: Complaint, mail: Delivery) -> Outcome:
    if not complaint.is_serious:
        type_, reason = "email.reported", Sentence("A mail provider's report about a mail of this desk.")
    else:
        type_, reason = "email.complained", Sentence("Its recipient calls a mail of this desk spam.")
    sent = returned.find_sent(mail, complaint.message_ids)
    if sent is None:
        return Outcome(EmailState.IGNORED, reason)
    _note(type_, sent, mail)
    if complaint.is_serious:
        _leave_alone(sent, complaint, mail)
    return Outcome(EmailState.IGNORED, reason, sent.ticket_id)


def _leave_alone(sent: EmailMessage, complaint: Complaint, mail: Delivery) -> None:
    """Who complained is known for sure where there was one recipient; providers often black out who it was."""
    people = list(returned.everybody(sent).values())
    if len(people) != 1:
        mail.trace.tell("complaint", "That mail went to several people: nobody is left alone for it.")
        return
    (email,) = people
    if not returned.is_proven(sent, mail) and _is_known_to_others(sent, email):
        mail.trace.tell("complaint", "Others have been told of that mail: nobody is left alone for it.")
        return
    if unreachable.leave_alone(email, Cause.COMPLAINT, words=complaint.kind, email_id=sent.id):
        mail.trace.tell("complaint", "The desk mails nothing to %(email)s by itself any more.", email=email)


def _is_known_to_others(sent: EmailMessage, email: str) -> bool:
    """Whether somebody else was written to on the same ticket, or takes part: what he gets names this mail.

    Notifications and forwards are named to nobody but their own readers.
    """
    if sent.ticket_id is None or sent.purpose not in TO_CUSTOMERS:
        return False
    mails = select(EmailMessage.recipients).where(
        EmailMessage.ticket_id == sent.ticket_id,
        EmailMessage.direction == Direction.OUT,
        EmailMessage.purpose != queue.NOTIFICATION,
    )
    part = select(UserAddress.address).join(Participant).where(Participant.ticket_id == sent.ticket_id)
    people = {address for columns in db.session.scalars(mails) for address in envelope.read(columns).everyone}
    known = {normalise_address(one) for one in people} | set(db.session.scalars(part))
    return known != {normalise_address(email)}


def _note(type_: str, sent: EmailMessage, mail: Delivery) -> None:
    """A line in the history, once for each mail."""
    same = select(Event.id).where(Event.email_id == sent.id, Event.type == type_)
    if db.session.scalar(same.limit(1)) is not None:
        return
    ticket = db.session.get(Ticket, sent.ticket_id) if sent.ticket_id else None
    events.record(
        type_, actor=None, ticket=ticket, comment_id=sent.comment_id, email_id=sent.id,
        account_id=sent.account_id, report_id=mail.email.id,
    )  # fmt: skip


def _named(parsed: ParsedEmail) -> Iterator[str]:
    """The ids of the mails a report may be about: those of its parts, then those it answers."""
    found = [
        each.decode("ascii", "replace")
        for file in parsed.files
        if file.content_type in ABOUT
        for each in _ID.findall(file.data[:MAX_READ])
    ]
    yield from message_ids(" ".join(found))[:MOST_IDS]
    yield from [*parsed.in_reply_to, *reversed(parsed.references)][:MOST_IDS]
