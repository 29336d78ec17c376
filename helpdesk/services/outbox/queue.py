"""The rows of outgoing mail: how they come to be, which is next, and what a person may do with one that failed.

A row is the truth about its mail. `recipients` is the SMTP envelope as it was when the mail was queued: nothing that
happens to the ticket afterwards sends it anywhere else. `accepted` in it are those a server has said yes to; they are
never handed over again. `claim` names the drain that has the row in hand, or is `OFFLINE`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Row, Select, Text, bindparam, cast, exists, literal_column, or_, select, update
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement

from helpdesk import storage
from helpdesk.database import UtcDateTime, claim, db, free_ones, utcnow
from helpdesk.errors import Conflict, NotFound
from helpdesk.models import Comment, EmailAccount, EmailMessage, SendSlot, Ticket, User
from helpdesk.models.mail import Direction, EmailState
from helpdesk.policy.envelope import Recipients
from helpdesk.policy.permissions import Action
from helpdesk.queue import wake_after_commit
from helpdesk.services import access, events, settings
from helpdesk.services.lease import is_over
from helpdesk.services.outbox import unreachable
from helpdesk.services.outbox.backoff import FURTHEST, LONGEST_WAIT, is_due
from helpdesk.services.sentences import Sentence, reason_columns

REPLY = "reply"
FORWARD = "forward"  # what an agent passes on to somebody who takes no part
RESENT = "resent"  # an answer's very bytes once more
PERSONS_WORDS = frozenset({REPLY, FORWARD, RESENT})
HELD_MAIL = "mail_held"  # tells an agent that what he wrote by mail is on no ticket
DIGEST = "digest"  # facts about several tickets for one person, by ticket in `payload`
NOTIFICATION = "notification"  # facts about a ticket for one person; which ones, `payload` says
OTHER_URGENCY, LEAST_URGENT = 5, 99
PERSONS_WISH = frozenset({"sign_in_link", "invitation", "password_link", "test"})
ALARMS = ("fetch_stalled", "fetch_recovered", "sending_stalled", "sending_recovered")
URGENCY = dict.fromkeys(PERSONS_WISH, 0) | dict.fromkeys((*PERSONS_WORDS, *ALARMS), 1)
# What a machine answers to a mail has no envelope sender, so that nobody answers it in turn (RFC 3834 3.3). Whatever else
# the desk writes by itself has the account's address (RFC 5321 4.5.5): it comes back where reports of it are understood.
WITHOUT_SENDER = frozenset({"ticket_created", HELD_MAIL})
MOST_TRIES_TO_MAKE = 5
OFFLINE = "offline"  # in `claim`: put off with all others because the account's server cannot be used
MAY_CANCEL = (EmailState.QUEUED, EmailState.FAILED, EmailState.UNCERTAIN)
MAY_RETRY = (*MAY_CANCEL, EmailState.BOUNCED, EmailState.CANCELLED)


def hash_of(message_id: str) -> str:
    """What a Message-ID is looked up by; "" for none."""
    return hashlib.sha256(message_id.encode("utf-8", "surrogatepass")).hexdigest() if message_id else ""


def add(
    account: EmailAccount,
    *,
    purpose: str,
    to: Sequence[str],
    cc: Sequence[str] = (),
    bcc: Sequence[str] = (),
    actor: User | None = None,
    ticket: Ticket | None = None,
    comment: Comment | None = None,
    subject: str = "",
    message_id: str = "",
    blob: storage.StagedBlob | None = None,
    payload: dict[str, object] | None = None,
    delay: timedelta = timedelta(0),
) -> EmailMessage:
    """Queue a mail: with its bytes in `blob`, or with the ids they are made from when it is claimed.

    What may wait (`delay`) is found by the sweep.
    """
    now = utcnow()
    email = EmailMessage(
        account_id=account.id,
        direction=Direction.OUT,
        state=EmailState.QUEUED,
        purpose=purpose,
        urgency=URGENCY.get(purpose, OTHER_URGENCY),
        ticket_id=ticket.id if ticket else None,
        comment_id=comment.id if comment else None,
        recipients=Recipients(tuple(to), tuple(cc), tuple(bcc)).columns,
        payload=payload or {},
        raw_sha256=storage.keep(blob) if blob else None,
        size=blob.size if blob else 0,
        message_id=message_id,
        message_id_hash=hash_of(message_id),
        from_address=account.from_email or account.email,
        from_name=account.from_name or account.name,
        subject=subject,
        due_at=now + delay,
        created_at=now,
    )
    db.session.add(email)
    db.session.flush()
    events.record(
        "email.queued", actor=actor, ticket=ticket, comment_id=email.comment_id, email_id=email.id,
        account_id=account.id, purpose=purpose,
    )  # fmt: skip
    if not delay:
        wake_after_commit("send_account", account.id)
    return email


def next_due(account_id: int, now: datetime, *, up_to: int = LEAST_URGENT) -> Row[int, int] | None:
    """Id and urgency of the mail to send now: the most urgent, the oldest of them, of those up to an urgency.

    Answers on one ticket keep their order.
    """
    values = {"account_id": account_id, "now": now, "far": now + FURTHEST, "up_to": up_to}
    return db.session.execute(_next_due(), values).first()


@cache
def _next_due() -> Select[int, int]:
    """Made once: putting it together takes longer than asking. The state stands in it as it is, not as a parameter:
    only then does a walk along the index of what is queued find the first at once, however many wait.
    """
    due = (
        EmailMessage.account_id == bindparam("account_id"),
        EmailMessage.state == literal_column("'queued'"),
        EmailMessage.urgency <= bindparam("up_to"),
        is_due(EmailMessage.due_at, *(bindparam(at, type_=UtcDateTime()) for at in ("now", "far"))),
        or_(EmailMessage.purpose != REPLY, EmailMessage.ticket_id.is_(None), ~_earlier_answer_waits()),
    )
    order = (EmailMessage.urgency, EmailMessage.id)
    return select(EmailMessage.id, EmailMessage.urgency).where(*due).order_by(*order).limit(1)


def is_held(account_id: int) -> bool:
    """Whether an admin has stopped all sending, or this account's: what waits goes on waiting, and counts no try."""
    is_sending = select(EmailAccount.is_sending).where(EmailAccount.id == account_id)
    return settings.is_holding() or db.session.scalar(is_sending) is False


def _earlier_answer_waits() -> ColumnElement[bool]:
    """An answer somebody has already got holds nothing back, though another recipient's server still refuses it."""
    earlier = aliased(EmailMessage)
    return exists().where(
        earlier.ticket_id == EmailMessage.ticket_id,
        earlier.id < EmailMessage.id,
        earlier.direction == Direction.OUT,
        earlier.purpose == REPLY,
        earlier.state.in_([EmailState.QUEUED, EmailState.SENDING]),
        cast(earlier.recipients, Text).not_like('%"accepted": ["%'),
    )


def accounts_due(now: datetime | None = None) -> list[int]:
    """The accounts a drain has something to do for: mail that is due, or what a killed worker left behind."""
    if settings.is_holding():
        return []
    now = now or utcnow()
    held = select(EmailAccount.id).where(EmailAccount.is_sending.is_(False))
    ours = select(EmailMessage.account_id).where(EmailMessage.direction == Direction.OUT)
    waiting = ours.where(
        EmailMessage.state == EmailState.QUEUED, is_due(EmailMessage.due_at, now, now + FURTHEST)
    )
    left = ours.where(EmailMessage.state == EmailState.SENDING, is_over(EmailMessage.claimed_until, now))
    leases = select(EmailAccount.id).where(is_over(EmailAccount.send_lease_until, now))
    slots = select(SendSlot.account_id).where(is_over(SendSlot.lease_until, now))
    found = {id_ for asked in (waiting, left, leases, slots) for id_ in db.session.scalars(asked)}
    return sorted(found - set(db.session.scalars(held)))


def take_over_expired(account_id: int, now: datetime) -> None:
    """Within a transaction: free the rows of a worker that died in the middle of one.

    Without bytes nothing was sent. With them the server may have said yes: it gets the same bytes once more, and
    if that ends in the same way a person decides.
    """
    rows = select(EmailMessage).where(
        EmailMessage.account_id == account_id,
        EmailMessage.direction == Direction.OUT,
        EmailMessage.state == EmailState.SENDING,
        or_(EmailMessage.claimed_until.is_(None), is_over(EmailMessage.claimed_until, now)),
    )
    for email in db.session.scalars(free_ones(rows)):
        email.claim = email.claimed_until = None
        if email.raw_sha256 is not None:
            email.uncertain_count += 1
        if email.raw_sha256 is None and email.attempts >= MOST_TRIES_TO_MAKE:
            email.state, email.finished_at = EmailState.FAILED, now
            _say(email, Sentence("Making this mail was interrupted again and again."))
            record_event("email.failed", email)
        elif email.uncertain_count > 1:
            email.state, email.finished_at = EmailState.UNCERTAIN, now
            _say(email, Sentence("Sending was interrupted twice: it may or may not have arrived."))
            record_event("email.uncertain", email)
        else:
            email.state, email.due_at = EmailState.QUEUED, now


def _say(email: EmailMessage, reason: Sentence) -> None:
    email.reason, email.reason_params = reason.template, reason.params


def record_event(type_: str, email: EmailMessage, *, actor: User | None = None) -> None:
    events.record(
        type_, actor=actor, ticket_id=email.ticket_id, comment_id=email.comment_id, email_id=email.id,
        account_id=email.account_id, purpose=email.purpose, attempts=email.attempts,
    )  # fmt: skip


# when the account's server cannot be used


def offline_until(account_id: int) -> tuple[datetime, int] | None:
    """When the server is tried again and how often it has failed, None when it is not known to be away."""
    row = db.session.execute(
        select(EmailMessage.due_at, EmailMessage.payload)
        .where(*_waiting(account_id), EmailMessage.claim == OFFLINE)
        .order_by(EmailMessage.due_at)
        .limit(1)
    ).first()
    if row is None or row.due_at is None:
        return None
    return row.due_at, failures_of(row.payload)


def failures_of(payload: Mapping[str, object]) -> int:
    """How often in a row the server had failed when the mail with this payload was put off."""
    count = payload.get("failures", 0)
    return count if isinstance(count, int) else 0


def unreachable_of(email: unreachable.Addressed) -> dict[str, str]:
    """Who of its recipients is left alone, and why. A link to sign in is sent to whoever asks for one, and what a
    person answers to whoever merely wants no mail of machines."""
    if email.purpose in PERSONS_WISH:
        return {}
    return unreachable.among(email.addressed, for_answer=email.purpose in PERSONS_WORDS)


def put_off(account_id: int, until: datetime, failures: int, *, reason: Sentence, detail: str) -> None:
    """Within a transaction: let everything that is due wait until `until` together; attempts do not count."""
    rows = select(EmailMessage).where(*_waiting(account_id), EmailMessage.due_at < until)
    now = utcnow()
    # What an admin, or a desk that was off, kept from leaving before has not waited for the server.
    away_since = db.session.get_one(EmailAccount, account_id).sending_failing_since or now
    for email in db.session.scalars(free_ones(rows)):
        _say(email, reason)
        email.detail = detail
        if now - max(_waiting_since(email), away_since) > LONGEST_WAIT:
            email.state, email.finished_at, email.claim = EmailState.FAILED, now, None
            record_event("email.failed", email)
        else:
            email.due_at, email.claim = until, OFFLINE
            email.payload = email.payload | {"failures": failures}


def fail_due(account_id: int, now: datetime, reason: Sentence) -> None:
    """Within a transaction: give up what is due, for a reason of the desk's own."""
    rows = select(EmailMessage).where(*_waiting(account_id), EmailMessage.due_at <= now)
    for email in db.session.scalars(free_ones(rows)):
        email.state, email.finished_at = EmailState.FAILED, now
        _say(email, reason)
        record_event("email.failed", email)


def _waiting(account_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        EmailMessage.account_id == account_id,
        EmailMessage.direction == Direction.OUT,
        EmailMessage.state == EmailState.QUEUED,
    )


def _waiting_since(email: EmailMessage) -> datetime:
    """A mail somebody has sent again is as young as that."""
    since = email.payload.get("retried_at")
    return datetime.fromisoformat(since) if isinstance(since, str) else email.created_at


def try_now(account_id: int) -> None:
    """Within a transaction: do not wait any longer for a server whose settings were just mended."""
    db.session.execute(
        update(EmailMessage)
        .where(*_waiting(account_id), EmailMessage.claim == OFFLINE)
        .values(due_at=utcnow(), claim=None)
        .execution_options(synchronize_session="fetch")
    )
    wake_after_commit("send_account", account_id)


# what a person may do


def _get(email_id: int, actor: User | None) -> EmailMessage:
    email = db.session.get(EmailMessage, email_id)
    if email is None or email.direction is not Direction.OUT:
        raise NotFound("There is no such mail.")
    access.demand_on_account(actor, Action.SEE_FAILED_MAIL, email.account_id)
    return email


def retry(email_id: int, *, actor: User | None) -> EmailMessage:
    """Send it now, the same bytes, to those who have not got it, also to who could not be reached before; and with it
    what waits for the same server: a person has looked. Raises Conflict when it is already on its way.
    """
    email, now = _get(email_id, actor), utcnow()
    if email.is_replaced:
        raise Conflict("This mail was taken back to be written anew: it is not sent again.")
    taken = claim(
        EmailMessage,
        EmailMessage.id == email_id,
        EmailMessage.state.in_(MAY_RETRY),
        EmailMessage.state == email.state,  # as it was looked at: it may be taken back in this very moment
        state=EmailState.QUEUED,
        attempts=0,
        uncertain_count=0,
        **reason_columns(Sentence()),
        claim=None,
        claimed_until=None,
        due_at=now,
        finished_at=None,
        recipients={key: value for key, value in email.recipients.items() if key != "refused"},
        payload=email.payload | {"retried_at": now.isoformat()},
    )
    if not taken:
        raise Conflict("This mail is being sent or has been sent.")
    db.session.refresh(email)
    unreachable.lift(email.addressed)
    record_event("email.retried", email, actor=actor)
    try_now(email.account_id)
    return email


def cancel(email_id: int, *, actor: User | None) -> EmailMessage:
    """Do not send it any more. Raises Conflict when that comes too late."""
    email = _get(email_id, actor)
    taken = claim(
        EmailMessage,
        EmailMessage.id == email_id,
        EmailMessage.state.in_(MAY_CANCEL),
        state=EmailState.CANCELLED,
        claim=None,
        finished_at=utcnow(),
    )
    if not taken:
        raise Conflict("This mail is being sent or has been sent.")
    db.session.refresh(email)
    record_event("email.cancelled", email, actor=actor)
    return email
