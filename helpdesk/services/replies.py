"""Staff answers: composed before the transaction, said and queued in it, so that a comment and its mail are one fact.

Whom an answer goes to is settled when the agent presses Send: what he saw is what the mail's row holds, and nothing
that changes on the ticket afterwards sends it anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from helpdesk import storage
from helpdesk.database import db, end_read, hold
from helpdesk.errors import InvalidInput
from helpdesk.mail.headers import normalise_address
from helpdesk.mail.types import MailFile
from helpdesk.models import Comment, EmailAccount, Ticket, User
from helpdesk.policy.envelope import Recipients
from helpdesk.policy.permissions import Action
from helpdesk.policy.status import DONE, Category, CommentKind, Priority, Status
from helpdesk.services import access, accounts, attachments, people, recipients
from helpdesk.services.attachments import StagedFile
from helpdesk.services.outbox import answers, queue, writing
from helpdesk.services.tickets import changing, comments, opening
from helpdesk.services.tickets.comments import Outcome, Words


@dataclass(frozen=True, slots=True)
class PreparedReply:
    """A finished answer: its mail's bytes and its files are safe, nothing is said yet.

    `status` is what its author wants the ticket to be then; `outcome` what the mail says of that.
    """

    ticket_id: int
    text: str = field(repr=False)
    people: Recipients
    subject: str
    message_id: str
    blob: storage.StagedBlob = field(repr=False)
    files: tuple[StagedFile, ...] = field(repr=False)
    status: Status | None = None
    outcome: Status | None = None
    payload: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PreparedOpening:
    """A ticket on behalf of a customer, not opened yet."""

    account_id: int
    requester: str
    cc: tuple[str, ...]
    subject: str
    text: str = field(repr=False)
    files: tuple[StagedFile, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Composed:
    """A finished answer of which nothing is kept yet."""

    people: Recipients
    letter: writing.Letter
    outcome: Status | None = None


def compose(
    ticket: Ticket,
    text: str,
    files: Sequence[MailFile] = (),
    *,
    actor: User,
    cc: Iterable[str] | None = None,
    bcc: Iterable[str] = (),
    to: str | None = None,
    status: Status | None = None,
) -> Composed:
    """Settle whom the answer goes to, as `recipients.settle` does, and make its mail; reads only.

    An answer that leaves the ticket done with (`status`) says so. Raises InvalidInput for an empty answer, a bad
    address, or a mail that is too large, Conflict when whom it is addressed to takes part no more.
    """
    access.demand(actor, Action.ANSWER, ticket)
    chosen = recipients.settle(ticket, to=to, cc=cc, bcc=bcc)
    if not text.strip() and not files:
        comments.refuse_empty(Words(text))
    after = comments.status_after_reply(ticket, status)
    outcome = after if after in DONE else None
    letter = answers.answer(
        ticket, text, files, actor=actor, to=chosen.to, cc=chosen.cc, bcc=chosen.bcc, outcome=outcome
    )
    return Composed(chosen, letter, outcome)


def prepare(
    ticket: Ticket,
    text: str,
    files: Sequence[MailFile] = (),
    *,
    actor: User,
    cc: Iterable[str] | None = None,
    bcc: Iterable[str] = (),
    to: str | None = None,
    status: Status | None = None,
) -> PreparedReply:
    """Compose the answer, as `compose` does, and make its bytes safe; outside any transaction."""
    composed = compose(ticket, text, files, actor=actor, cc=cc, bcc=bcc, to=to, status=status)
    letter, ticket_id = composed.letter, ticket.id
    end_read()
    return PreparedReply(
        ticket_id=ticket_id,
        text=text,
        people=composed.people,
        subject=letter.subject,
        message_id=letter.message_id,
        blob=storage.stage(letter.raw),
        files=tuple(attachments.stage(files)),
        status=status,
        outcome=composed.outcome,
        payload=letter.payload,
    )


def send(
    ticket: Ticket,
    prepared: PreparedReply,
    *,
    actor: User,
    form_key: str | None = None,
) -> Comment:
    """Say it on the ticket and queue its mail, within the transaction; a form sent twice says it once."""
    if prepared.ticket_id != ticket.id:
        raise ValueError(f"prepared for ticket {prepared.ticket_id}, not {ticket.id}")
    changing.one_at_a_time(ticket)
    known = comments.said_before(ticket, CommentKind.REPLY, form_key, author=actor)
    if known is not None:
        return known
    _join(ticket, prepared.people.cc)
    words = comments.in_markdown(
        prepared.text, files=prepared.files, message_id=prepared.message_id, form_key=form_key
    )
    comment = comments.add_reply(ticket, words, actor=actor, status=prepared.status, told=_told(prepared))
    queue.add(
        ticket.account,
        purpose=queue.REPLY,
        to=prepared.people.to,
        cc=prepared.people.cc,
        bcc=prepared.people.bcc,
        actor=actor,
        ticket=ticket,
        comment=comment,
        subject=prepared.subject,
        message_id=prepared.message_id,
        blob=prepared.blob,
        payload=prepared.payload,
    )
    return comment


def send_by_mail(ticket: Ticket, words: Words, *, actor: User, email_id: int) -> Comment:
    """Say within the transaction what an agent wrote with his own mail program; everybody but himself gets it.

    Its mail is made when it is claimed, from the comment. Raises InvalidInput when nobody would get it.
    """
    chosen = recipients.settle(ticket)
    own = {address.address for address in actor.addresses}
    changing.one_at_a_time(ticket)
    comment = comments.add_reply(ticket, words, actor=actor, email_id=email_id)
    cc = [email for email in chosen.cc if normalise_address(email) not in own]
    queue.add(
        ticket.account, purpose=queue.REPLY, to=chosen.to, cc=cc, actor=actor, ticket=ticket, comment=comment
    )
    return comment


def _told(prepared: PreparedReply) -> Outcome | None:
    if prepared.outcome is None:
        return None
    readers = [people.find_user(email) for email in prepared.people.everyone]
    return Outcome(prepared.outcome, frozenset(user.id for user in readers if user is not None))


def prepare_opening(
    account: EmailAccount,
    requester: str,
    subject: str,
    text: str,
    files: Sequence[MailFile] = (),
    *,
    actor: User,
    cc: Iterable[str] = (),
) -> PreparedOpening:
    """Check a ticket on behalf of a customer and make its files safe; outside any transaction.

    Raises InvalidInput for an address that is none or is the desk's own, a missing subject, an empty message,
    Forbidden for an account that is none of his.
    """
    access.demand_on_account(actor, Action.OPEN_TICKET, account.id)
    to = recipients.checked([requester], field="requester")
    if not to:
        raise InvalidInput("Please choose whom the ticket is for.", field="requester")
    if not subject.strip():
        raise InvalidInput("Please give the ticket a subject.", field="subject")
    staged = tuple(attachments.stage(files))
    comments.refuse_empty(Words(text, files=staged))
    account_id = account.id
    prepared = PreparedOpening(
        account_id, to[0], tuple(recipients.checked(cc, besides=to)), subject, text, staged
    )
    end_read()
    return prepared


def open_and_send(
    prepared: PreparedOpening,
    *,
    actor: User,
    requester_name: str = "",
    priority: Priority | None = None,
    category: Category | None = None,
    assignee_id: int | None = None,
    form_key: str | None = None,
) -> Ticket:
    """Open the ticket and queue its first mail, within the transaction; a form sent twice opens one.

    The mail's bytes need the ticket's number, so they are made when it is claimed, from the comment, which never
    changes; its recipients are settled here.
    """
    hold(User.id, actor.id)
    known = opening.find_by_form(form_key)  # of two copies of one form the second waited for the first
    if known is not None and known.created_by_id != actor.id:
        raise InvalidInput("The form was incomplete. Please send it again.")
    if known is not None:
        return known
    account = accounts.get(prepared.account_id)
    ticket, comment = opening.open_ticket(
        account=account,
        requester=people.address_for(prepared.requester, requester_name),
        subject=prepared.subject,
        words=comments.in_markdown(prepared.text, files=prepared.files),
        actor=actor,
        created_by=actor,
        priority=priority,
        category=category,
        cc=[people.address_for(email) for email in prepared.cc],
        form_key=form_key,
    )
    queue.add(
        account, purpose=queue.REPLY, to=[prepared.requester], cc=prepared.cc, actor=actor, ticket=ticket,
        comment=comment,
    )  # fmt: skip
    if assignee_id is not None:
        changing.assign(ticket, db.session.get(User, assignee_id), actor=actor)
    return ticket


def _join(ticket: Ticket, cc: Iterable[str]) -> None:
    """Whoever the agent added takes part from now on; what was said before stays hidden from them."""
    for email in cc:
        opening.join(ticket, people.address_for(email), role="cc", later=True)
