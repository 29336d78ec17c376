"""Opens tickets: the number, the requester as first participant, the description as comment number 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict, Unpack

from sqlalchemy import select, update

from helpdesk.database import db, insert_once, utcnow
from helpdesk.errors import Forbidden, InvalidInput
from helpdesk.models import Comment, Counter, EmailAccount, Participant, Ticket, User, UserAddress
from helpdesk.policy.permissions import Action
from helpdesk.policy.status import Category, CommentKind, Disposition, Priority, Status
from helpdesk.services import access, events
from helpdesk.services.tickets.changing import may_work_on
from helpdesk.services.tickets.comments import Words, write

MAX_SUBJECT = 255
NO_SUBJECT = "(no subject)"


def next_number() -> int:
    """One sequence, never repeated; a rolled back transaction gives its number back."""
    statement = update(Counter).where(Counter.name == "ticket").values(value=Counter.value + 1)
    return db.session.execute(statement.returning(Counter.value)).scalar_one()


def tidy_subject(subject: str) -> str:
    """One line, cut to a length every page can show; a mail's full subject stays in its source."""
    subject = " ".join(subject.split())
    if len(subject) > MAX_SUBJECT:
        subject = subject[: MAX_SUBJECT - 1].rstrip() + "…"
    return subject or NO_SUBJECT


class Links(TypedDict, total=False):
    """What a new ticket hangs together with: the form that opened it, other tickets; and whether it is spam."""

    form_key: str | None
    may_belong_to: Ticket | None
    follow_up_of: Ticket | None
    disposition: Disposition


def open_ticket(
    *,
    account: EmailAccount,
    requester: UserAddress,
    subject: str,
    words: Words,
    actor: User | None,
    created_by: User | None = None,
    from_email: bool = False,
    priority: Priority | None = None,
    category: Category | None = None,
    cc: Sequence[UserAddress] = (),
    email_id: int | None = None,
    automatic: str = "no",
    said_by: str = "",
    is_unverified: bool = False,
    **links: Unpack[Links],
) -> tuple[Ticket, Comment]:
    """Make a ticket and its description. Raises InvalidInput for a form without a subject, Forbidden for whom the
    account or the requester is none of his business.

    `created_by` is the agent who opens it on behalf of the customer; then the description is the agent's reply, else
    the customer's words. `automatic` is the value of `mail.types.Automatic`, for whoever decides on an answer.
    `is_unverified`: somebody who calls himself `said_by` typed the requester's address into a public form.
    """
    if not from_email:
        _check_form(actor, created_by, account, requester, subject)
    ticket = new_row(account, requester, created_by, subject, from_email=from_email, **links)
    ticket.priority = priority or account.default_priority
    ticket.category = category or account.default_category
    db.session.add(ticket)
    db.session.flush()
    join(ticket, requester, role="requester")
    for address in cc:
        join(ticket, address, role="cc")
    kind = CommentKind.REPLY if created_by else CommentKind.INCOMING
    author = None if is_unverified else actor or requester.user
    comment = write(
        ticket, kind, words, author=author, address=requester, said_by=said_by, is_unverified=is_unverified
    )
    events.record(
        "ticket.opened", actor=actor, ticket=ticket, comment_id=comment.id, email_id=email_id,
        via="email" if from_email else "form" if is_unverified else "web", automatic=automatic, assignee_id=ticket.assignee_id,
    )  # fmt: skip
    if ticket.disposition is Disposition.SPAM:
        events.record("ticket.marked_spam", actor=None, ticket=ticket, email_id=email_id)
    return ticket, comment


def _check_form(
    actor: User | None, created_by: User | None, account: EmailAccount, requester: UserAddress, subject: str
) -> None:
    """A member of the team opens tickets on accounts of his, anybody else for himself; a form names a subject."""
    if created_by is not None:
        access.demand_on_account(created_by, Action.OPEN_TICKET, account.id)
    elif actor is not None and actor.id != requester.user_id:
        raise Forbidden("You may not do this here.")
    if not subject.strip():
        raise InvalidInput("Please give the ticket a subject.", field="subject")


def new_row(
    account: EmailAccount,
    requester: UserAddress,
    created_by: User | None,
    subject: str,
    *,
    from_email: bool,
    **links: Unpack[Links],
) -> Ticket:
    """The row. What an agent opens is being worked on already; what a customer opens waits from now on."""
    now = utcnow()
    return Ticket(
        number=next_number(),
        account=account,
        requester=requester.user,
        requester_address=requester,
        created_by=created_by,
        assignee=None if created_by else default_assignee(account),
        subject=tidy_subject(subject),
        status=Status.OPEN if created_by else Status.NEW,
        created_from_email=from_email,
        email_from=requester.email if from_email else None,
        waiting_since=None if created_by else now,
        last_activity_at=now,
        created_at=now,
        **links,
    )


def default_assignee(account: EmailAccount) -> User | None:
    """Who gets what customers write to this account, as long as he may still work on it."""
    chosen = account.default_assignee
    return chosen if chosen is not None and may_work_on(account.id, chosen) else None


def join(ticket: Ticket, address: UserAddress, *, role: str, later: bool = False) -> None:
    """Let an address take part; `later` hides what was said before now from it. Known ones stay as they are."""
    now = utcnow()
    insert_once(
        Participant,
        ticket_id=ticket.id,
        address_id=address.id,
        role=role,
        since=now if later else None,
        created_at=now,
    )
    db.session.expire(ticket, ["participants"])


def find_by_form(form_key: str | None) -> Ticket | None:
    """The ticket a form sent before has already made."""
    return db.session.scalar(select(Ticket).where(Ticket.form_key == form_key)) if form_key else None
