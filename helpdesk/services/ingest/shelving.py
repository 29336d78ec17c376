"""Mail that is no ticket: the tray it lies in, and what a person makes of it.

Nothing is thrown away: what was discarded can be put back or made a ticket as long as its bytes are kept.
"""

from __future__ import annotations

from sqlalchemy import select

from helpdesk.database import db, insert_once, utcnow
from helpdesk.errors import Conflict, NotFound
from helpdesk.models import EmailMessage, MailClaim, User
from helpdesk.models.mail import Direction, EmailState
from helpdesk.models.trays import Tray
from helpdesk.policy.permissions import Action
from helpdesk.queue import wake_after_commit
from helpdesk.services import access, events
from helpdesk.services.ingest.delivery import FORCED
from helpdesk.services.ingest.trace import Sentence

KEY = "claim_key"  # in `payload` of a mail that failed: what its claim would be
CAME_FROM = "discarded_from"  # in `payload` of a discarded mail: its state and tray before
TRAY_OF = {
    EmailState.HELD: Tray.HELD,
    EmailState.FAILED: Tray.FAILED,
    EmailState.IGNORED: Tray.AUTOMATIC,
    EmailState.DISCARDED: Tray.DISCARDED,
}  # where a mail goes that nothing else is said about
BLOCKED = Sentence("Its sender is blocked.")
MOST_SWEPT = 500


def may_retry(email: EmailMessage) -> bool:
    return email.tray is not None


def may_discard(email: EmailMessage) -> bool:
    """Also what waits to be tried again."""
    is_lying = email.tray is not None and email.tray is not Tray.DISCARDED
    return is_lying or email.state is EmailState.RECEIVED


def retry(email_id: int, actor: User | None) -> EmailMessage:
    """Within a transaction: process a mail again. Unless it had failed it is now taken for sure.

    Raises NotFound, Conflict when it lies in no tray any more.
    """
    email = _incoming(email_id, actor)
    if not may_retry(email):
        raise _dealt_with()
    if email.state is not EmailState.FAILED:
        email.payload = email.payload | {FORCED: True}
    email.state, email.tray = EmailState.RECEIVED, None
    email.attempts, email.due_at, email.finished_at, email.reason, email.detail = 0, None, None, "", ""
    email.reason_params = {}
    db.session.flush()
    events.record("email.retried", actor=actor, email_id=email.id, account_id=email.account_id)
    wake_after_commit("process_incoming")
    return email


def discard(email_id: int, actor: User | None) -> EmailMessage:
    """Within a transaction: a person has seen the mail and wants no ticket of it. Its bytes stay. Raises as `retry`."""
    email = _incoming(email_id, actor)
    if not may_discard(email):
        raise _dealt_with()
    was = [email.state.value, email.tray.value if email.tray else Tray.FAILED.value]
    if email.state is not EmailState.RECEIVED:
        email.payload = email.payload | {CAME_FROM: was}
    email.state, email.tray = EmailState.DISCARDED, Tray.DISCARDED
    key = email.payload.get(KEY)
    if isinstance(key, list):
        insert_once(
            MailClaim, message_id_hash=key[0], body_digest=key[1], email_id=email.id, created_at=utcnow()
        )
    db.session.flush()
    events.record("email.discarded", actor=actor, email_id=email.id, account_id=email.account_id)
    return email


def put_back(email_id: int, actor: User | None) -> EmailMessage:
    """Within a transaction: into the tray it was discarded from. Raises as `retry`."""
    email = _incoming(email_id, actor)
    if email.tray is not Tray.DISCARDED:
        raise _dealt_with()
    was = email.payload.get(CAME_FROM)
    state, tray = was if isinstance(was, list) else (EmailState.HELD.value, Tray.HELD.value)
    email.state, email.tray = EmailState(state), Tray(tray)
    email.payload = {key: value for key, value in email.payload.items() if key != CAME_FROM}
    db.session.flush()
    events.record("email.put_back", actor=actor, email_id=email.id, account_id=email.account_id)
    return email


def put_aside(email: EmailMessage) -> None:
    """Within a transaction: into the tray of blocked mail, with what else of its sender is held on its account."""
    held = select(EmailMessage).where(
        EmailMessage.tray == Tray.HELD,
        EmailMessage.account_id == email.account_id,
        EmailMessage.from_address == email.from_address,
    )
    others = db.session.scalars(held.order_by(EmailMessage.id).limit(MOST_SWEPT).with_for_update()).all()
    for each in {email, *others} if email.tray is not None else others:
        each.state, each.tray = EmailState.IGNORED, Tray.BLOCKED
        each.reason, each.reason_params = BLOCKED.template, {}
    db.session.flush()


def _incoming(email_id: int, actor: User | None) -> EmailMessage:
    """Held until the transaction ends, so that of two people only one deals with it."""
    email = db.session.get(EmailMessage, email_id, with_for_update=True) if email_id < 2**31 else None
    if email is None or email.direction is not Direction.IN:
        raise NotFound("There is no such mail.")
    access.demand_on_account(actor, Action.SEE_FAILED_MAIL, email.account_id)
    return email


def _dealt_with() -> Conflict:
    return Conflict("This mail was dealt with already.")
