"""Reports that are neither tickets nor delivery reports: read receipts (RFC 8098) and complaints about spam (RFC 5965).

They are recorded on the ticket of the mail they name, if this desk has sent it, and ask nobody to do anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from helpdesk.database import db
from helpdesk.mail.headers import message_ids
from helpdesk.mail.types import ParsedEmail
from helpdesk.models import Ticket
from helpdesk.models.mail import EmailState
from helpdesk.services import events
from helpdesk.services.ingest import bounces
from helpdesk.services.ingest.delivery import Delivery, Outcome
from helpdesk.services.ingest.trace import Sentence

MAX_READ = 64 * 1024
MOST_IDS = 10
ABOUT = (
    "message/disposition-notification",
    "message/feedback-report",
    "message/rfc822",
    "text/rfc822-headers",
)
_ID = re.compile(rb"(?im)^(?:original-)?message-id:[ \t]*(<[^\s<>]{1,998}>)")


def record(mail: Delivery) -> Outcome:
    """Say on the ticket what the report is about. One that names no mail of ours waits in its tray."""
    kind = mail.reading.parsed.header("Content-Type").lower()
    type_, reason = "email.reported", Sentence("A report of a mail program, such as a read receipt.")
    if "feedback-report" in kind:
        type_, reason = "email.complained", Sentence("Its recipient calls a mail of this desk spam.")
    elif "disposition-notification" in kind:
        type_, reason = "email.read", Sentence("A read receipt.")
    for message_id in _named(mail.reading.parsed):
        sent = bounces.find_sent(message_id)
        if sent is not None:
            ticket = db.session.get(Ticket, sent.ticket_id) if sent.ticket_id else None
            events.record(
                type_, actor=None, ticket=ticket, comment_id=sent.comment_id, email_id=sent.id,
                account_id=sent.account_id, report_id=mail.email.id,
            )  # fmt: skip
            return Outcome(EmailState.IGNORED, reason, sent.ticket_id)
    return Outcome(EmailState.IGNORED, reason)


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
