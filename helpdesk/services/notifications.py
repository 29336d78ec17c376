"""Who is told what when something happens, in the browser and by mail, and the one-time links people ask for.

Runs inside the transaction of the fact. A machine's mail is queued as ids and made when it is sent
(`outbox/letters.py`); whether it is still wanted is asked again then. Who is told is decided in `notices` alone.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy import func, or_, select

from helpdesk import storage
from helpdesk.database import db, hold, utcnow
from helpdesk.models import Comment, EmailAccount, EmailMessage, Event, Ticket, User, UserAddress
from helpdesk.models.mail import Direction, EmailState
from helpdesk.policy import audience, echo
from helpdesk.policy.acknowledge import may_acknowledge
from helpdesk.policy.audience import Notice
from helpdesk.services import business_hours, digests, events, inbox, notices, settings, templates
from helpdesk.services.links import LIFETIME, Purpose
from helpdesk.services.outbox import queue, told, writing

logger = logging.getLogger(__name__)

GATHERED_FOR = timedelta(minutes=1)  # what happens to a ticket within it is one mail to each person
LINKS = {  # purpose of the link -> template, path
    Purpose.SIGN_IN: ("sign_in_link", "/sign-in/link/"),
    Purpose.INVITATION: ("invitation", "/invitation/"),
    Purpose.PASSWORD: ("password_link", "/password/"),
}


def init() -> None:
    """Listen to what somebody may be told of from now on."""
    events.listen(on_event, set(audience.Event), tells_people=True)


def on_event(event: Event, ticket: Ticket) -> None:
    """Tell of a fact in the browser at once, by mail with what follows it; an acknowledgement leaves at once.

    What a person says to the customer is its own mail, queued by `replies`.
    """
    settings.instance_id()  # made while a transaction is open: composing mails outside of one needs it
    facts = notices.facts_of(event, ticket)
    inbox.tell(event, ticket, facts)
    found = notices.of(event, ticket, facts=facts)
    if not found:
        return
    if any(notice.is_acknowledgement for notice in found):
        _acknowledge(event, ticket)
    to_tell = [notice for notice in found if not (notice.is_acknowledgement or notice.is_answer)]
    single = [notice for notice in to_tell if not _is_kept(event, ticket, notice)]
    waiting = _waiting(ticket) if single else {}
    for notice in single:
        _tell(event, ticket, notice, waiting.get(notice.user_id))


def _is_kept(event: Event, ticket: Ticket, notice: Notice) -> bool:
    """Whether it waits for the person's digest."""
    user = db.session.get_one(User, notice.user_id)
    if not digests.is_for(user, notice.kind):
        return False
    digests.put(user, ticket, event)
    return True


def _waiting(ticket: Ticket) -> dict[int, EmailMessage]:
    """The mails about this ticket that are not made yet, by who gets them.

    The ticket's row is held, so that two events at once do not both think theirs is the first; the mails' rows are,
    so that a worker takes each either before or after it was added to.
    """
    hold(Ticket.id, ticket.id)
    rows = (
        select(EmailMessage)
        .where(
            EmailMessage.ticket_id == ticket.id,
            EmailMessage.direction == Direction.OUT,
            EmailMessage.purpose == queue.NOTIFICATION,
            EmailMessage.state == EmailState.QUEUED,
            EmailMessage.raw_sha256.is_(None),
        )
        .order_by(EmailMessage.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {email.payload["user_id"]: email for email in db.session.scalars(rows)}  # type: ignore[misc]


def _tell(event: Event, ticket: Ticket, notice: Notice, waiting: EmailMessage | None) -> None:
    """Add the event to the mail that waits for this person, or begin one."""
    if waiting is not None:
        ids = [*waiting.payload["events"], event.id]  # type: ignore[misc]
        waiting.payload = waiting.payload | {"events": ids}
        return
    queue.add(
        ticket.account,
        purpose=queue.NOTIFICATION,
        to=[notices.address_of(notice, ticket)],
        ticket=ticket,
        payload={"user_id": notice.user_id, "events": [event.id]},
        delay=GATHERED_FOR,
    )


def _acknowledge(event: Event, ticket: Ticket) -> None:
    """Tell the requester the ticket's number, unless that could start a loop, flood somebody, or tell a stranger.

    At the times its account answers; whether somebody is there now is kept with the mail, which is made later.
    """
    account, now = ticket.account, utcnow()
    closed = business_hours.closed_facts(account, now)
    if not account.is_acknowledging:
        return
    if not account.acknowledges_when.is_now(is_open=not closed):
        logger.info("ticket=%s acknowledgement=none because=not at this time", ticket.number)
        return
    address = ticket.requester_address
    earlier = _acknowledgements(address, ticket, since=now - timedelta(days=1))
    verdict = may_acknowledge(
        automatic=event.data.get("automatic", "no") != "no",
        already_acknowledged=any(ticket_id == ticket.id for ticket_id, _ in earlier),
        sent_last_hour=sum(at > now - timedelta(hours=1) for _, at in earlier),
        sent_last_day=sum(at > now - timedelta(days=1) for _, at in earlier),
        address=address.address,
        is_repeated=_is_repeated(ticket, [ticket_id for ticket_id, _ in earlier if ticket_id]),
    )
    if not verdict.allowed:
        logger.info("ticket=%s acknowledgement=none because=%s", ticket.number, verdict.reason)
        return
    queue.add(account, purpose="ticket_created", to=[address.email], ticket=ticket, payload=closed)


def _is_repeated(ticket: Ticket, earlier: Sequence[int]) -> bool:
    """Whether one of the tickets acknowledged lately says the same: a machine whose mails only count on."""
    others = [ticket_id for ticket_id in earlier if ticket_id != ticket.id]
    if not others:
        return False
    first = select(func.min(Comment.id)).where(Comment.ticket_id.in_([*others, ticket.id]))
    beginning = func.substr(Comment.text, 1, echo.MAX_READ)
    rows = select(Comment.ticket_id, Ticket.subject + " " + beginning).join(Ticket)
    rows = rows.where(Comment.id.in_(first.group_by(Comment.ticket_id)))
    said = {row[0]: row[1] for row in db.session.execute(rows)}
    own = said.pop(ticket.id, "")
    return any(echo.is_same(own, text) for text in said.values())


def _acknowledgements(
    address: UserAddress, ticket: Ticket, *, since: datetime
) -> list[tuple[int | None, datetime]]:
    """(ticket id, time) of every acknowledgement this address was sent, or soon will be: lately, or on this ticket.

    The address's row is held until the end of the transaction: two workers that take two mails of one sender at once
    must not both count to one. (KEY SHARE: both hold it already by the tickets they opened; more would deadlock.)
    """
    hold(UserAddress.id, address.id)
    rows = (
        select(EmailMessage.ticket_id, EmailMessage.created_at)
        .join(Ticket, Ticket.id == EmailMessage.ticket_id)
        .where(
            Ticket.requester_address_id == address.id,
            EmailMessage.direction == Direction.OUT,
            EmailMessage.purpose == "ticket_created",
            EmailMessage.state != EmailState.CANCELLED,
            or_(EmailMessage.created_at > since, Ticket.id == ticket.id),
        )
    )
    return [(ticket_id, at) for ticket_id, at in db.session.execute(rows)]


def queue_test_mail(account: EmailAccount, to: str, *, actor: User | None) -> EmailMessage:
    """Queue a mail that says that sending works. Raises InvalidInput for a bad address.

    Whoever tries an account wants to know how it is now: what waited for its server waits no longer.
    """
    settings.instance_id()
    queue.try_now(account.id)
    rendered = templates.render(
        "test",
        language=actor.language if actor else None,
        account=account,
        desk_name=settings.desk_name(),
        account_email=account.email,
        url=writing.site_url("/"),
    )
    letter = writing.write(writing.Envelope(account, [to]), rendered, automatic=writing.GENERATED)
    return queue.add(
        account, purpose="test", to=[to], actor=actor, subject=letter.subject, message_id=letter.message_id,
        blob=storage.stage(letter.raw),
    )  # fmt: skip


def queue_link_mail(
    purpose: Purpose, address: UserAddress, token: str, target: str | None = None
) -> EmailMessage | None:
    """Queue a one-time link to this very address; None, with a warning, on a desk without a mail account.

    `target` is the page of this desk it leads on to.

    These mails are made at once: the token must stand in no column, and only its hash is kept elsewhere. It lives in
    the mail's stored bytes alone, which nobody is shown.
    """
    account = db.session.scalar(
        select(EmailAccount)
        .where(EmailAccount.is_active)
        .order_by(
            EmailAccount.outgoing_protocol == "maildir",  # nobody reads a practice mailbox
            ~EmailAccount.is_sending,
            EmailAccount.sending_failing_since.is_not(None),
            EmailAccount.id,
        )
        .limit(1)
    )
    if account is None:
        logger.warning("user=%s no mail account: the %s link was not sent", address.user_id, purpose.value)
        return None
    settings.instance_id()
    template, path = LINKS[purpose]
    rendered = templates.render(
        template,
        language=address.user.language,
        account=account,
        name=told.harmless_name(address.user),
        email=address.email,
        desk_name=settings.desk_name(),
        url=writing.site_url(path + token + (f"?{urlencode({'next': target})}" if target else "")),
        lifetime=LIFETIME[purpose],
    )
    letter = writing.write(writing.Envelope(account, [address.email]), rendered, automatic=writing.GENERATED)
    return queue.add(
        account, purpose=template, to=[address.email], subject=letter.subject, message_id=letter.message_id,
        blob=storage.stage(letter.raw),
    )  # fmt: skip
