"""What opens no ticket by itself: answers of machines to nothing, floods, echoes, and what has to wait for a person."""

from __future__ import annotations

from helpdesk.database import db
from helpdesk.mail.types import Automatic
from helpdesk.models import UserAddress
from helpdesk.models.mail import EmailState
from helpdesk.services import events, inbox
from helpdesk.services.ingest import echoes, floods
from helpdesk.services.ingest.delivery import Delivery, Outcome
from helpdesk.services.ingest.trace import Sentence


def refuse_new(mail: Delivery, author: UserAddress | None) -> Outcome | None:
    parsed, email = mail.reading.parsed, mail.email
    if mail.is_forced:
        return None
    if parsed.automatic is Automatic.REPLY:
        because = parsed.automatic_because
        return Outcome(
            EmailState.IGNORED, Sentence("An automatic answer to no ticket: %(because)s.", because=because)
        )
    flood = floods.reason(
        email, mail.reading.claimed.email[:320], parsed.subject[:998], mail.reading.full_text
    )
    reason = flood or echoes.reason(mail, author)
    return hold(mail, reason) if reason else None


def is_first_held(mail: Delivery) -> bool:
    """Whether nothing else of this sender waits already."""
    return floods.is_first_held(mail.email, mail.reading.claimed.email[:320])


def hold(mail: Delivery, reason: Sentence) -> Outcome:
    """One notice to the team for all that is held of a sender within the hour."""
    if is_first_held(mail):
        event = events.record(
            "email.held", actor=None, email_id=mail.email.id, account_id=mail.email.account_id
        )
        db.session.flush()
        inbox.tell_held(mail.email, event.id)
    return Outcome(EmailState.HELD, reason)
