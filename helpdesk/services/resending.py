"""What a person does with an answer that did not arrive: its very bytes once more, or its text back into the editor."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

from sqlalchemy import select

from helpdesk.database import claim, db, utcnow
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.mail.headers import normalise_address
from helpdesk.models import Comment, Draft, EmailMessage, Ticket, Upload, User, UserAddress
from helpdesk.models.mail import REPLACED, Direction, EmailState
from helpdesk.policy import envelope
from helpdesk.policy.permissions import Action
from helpdesk.policy.status import CommentKind
from helpdesk.queue import wake_after_commit
from helpdesk.services import access, accounts, attachments, drafts, recipients
from helpdesk.services.drafts import Written
from helpdesk.services.outbox import queue, unreachable
from helpdesk.services.outbox.writing import QUOTED
from helpdesk.services.sentences import Sentence, reason_columns
from helpdesk.services.tickets import changing

MAY_RESEND = (EmailState.SENT, EmailState.FAILED, EmailState.UNCERTAIN, EmailState.BOUNCED)
MAY_EDIT = (EmailState.FAILED, EmailState.UNCERTAIN, EmailState.BOUNCED)


def readers(ticket: Ticket, email: EmailMessage) -> list[str]:
    """Who may get an answer once more: whom it was for, and who takes part and may read it already, with all it quotes."""
    comment, own = db.session.get(Comment, email.comment_id or 0), accounts.own_addresses()
    quoted = email.payload.get(QUOTED)
    wanted = {comment.id if comment else 0, *(quoted if isinstance(quoted, list) else ())}
    people = [p.address for p in ticket.participants if _may_read(p.address, ticket, wanted)]
    every = [*email.addressed, *(one.email for one in people if one.address not in own)]
    found: dict[str, str] = {}
    for email_address in every:
        found.setdefault(normalise_address(email_address), email_address)
    return list(found.values())


def _may_read(address: UserAddress, ticket: Ticket, wanted: set[int]) -> bool:
    if not address.user.is_active:
        return False
    return wanted <= {comment.id for comment in access.visible_comments(ticket, address.user)}


def resend(
    ticket: Ticket, email: EmailMessage, emails: Iterable[str], *, actor: User, form_key: str = ""
) -> EmailMessage:
    """Within a transaction: queue the same bytes for these people, whatever came back from them before; a form sent twice
    for the same people queues them once.

    Raises NotFound for a mail that is no answer of this ticket, InvalidInput for nobody and for whom it is not meant,
    Conflict while it is on its way or when its bytes were cleared away.
    """
    access.demand(actor, Action.ANSWER, ticket)
    _refuse_other(ticket, email)
    changing.one_at_a_time(ticket)
    possible = {normalise_address(one): one for one in readers(ticket, email)}
    chosen = [possible.get(normalise_address(one), "") for one in emails]
    if not chosen or not all(chosen):
        raise InvalidInput("Please choose who gets it once more.", field="to")
    for one in _copies(email):
        if form_key and one.payload.get("form_key") == form_key and set(one.addressed) == set(chosen):
            return one
    if email.state not in MAY_RESEND or email.is_replaced:
        raise Conflict("This mail is being sent or has been taken back.")
    if email.raw_sha256 is None:
        raise Conflict("The bytes of this mail are not kept any more.")
    again = _copy(email, chosen, form_key)
    unreachable.lift(chosen)
    queue.record_event("email.resent", again, actor=actor)
    wake_after_commit("send_account", email.account_id)
    return again


def _copies(email: EmailMessage) -> list[EmailMessage]:
    """The mails that carried the same bytes once more."""
    rows = select(EmailMessage).where(
        EmailMessage.ticket_id == email.ticket_id,
        EmailMessage.comment_id == email.comment_id,
        EmailMessage.purpose == queue.RESENT,
    )
    found = db.session.scalars(rows.order_by(EmailMessage.id))
    return [one for one in found if one.payload.get("again") == email.id]


def _copy(email: EmailMessage, to: list[str], form_key: str) -> EmailMessage:
    now = utcnow()
    again = EmailMessage(
        account_id=email.account_id, direction=Direction.OUT, state=EmailState.QUEUED, purpose=queue.RESENT,
        urgency=queue.URGENCY[queue.RESENT], ticket_id=email.ticket_id, comment_id=email.comment_id,
        recipients=envelope.Recipients(tuple(to)).columns, payload={"again": email.id, "form_key": form_key}, raw_sha256=email.raw_sha256,
        size=email.size, message_id=email.message_id, message_id_hash=email.message_id_hash,
        from_address=email.from_address, from_name=email.from_name, subject=email.subject, due_at=now, created_at=now,
    )  # fmt: skip
    db.session.add(again)
    db.session.flush()
    return again


def edit_again(ticket: Ticket, email: EmailMessage, *, actor: User) -> Draft:
    """Within a transaction: an answer that did not arrive is its sender's draft again, with recipients and files; the
    mail is given up, so that nobody sends it later.

    Raises NotFound for a mail that is no answer of this ticket, Conflict when it is on its way again.
    """
    access.demand(actor, Action.ANSWER, ticket)
    _refuse_other(ticket, email)
    changing.one_at_a_time(ticket)
    comment = db.session.get(Comment, email.comment_id or 0)
    if comment is None:
        raise NotFound("The message this mail was to carry is gone.")
    _replace(email)
    text, uploads = _taken_out(comment, actor)
    draft = drafts.put_back(actor, ticket, CommentKind.REPLY, _written(ticket, email, text), uploads)
    queue.record_event("email.replaced", email, actor=actor)
    return draft


def _replace(email: EmailMessage) -> None:
    """Give the mail up, and with it its copies that have not left: they say what is about to be said otherwise."""
    if email.is_replaced or not _give_up(email, MAY_EDIT):
        raise Conflict("This mail is being sent or has been taken back.")
    for copy in _copies(email):
        if not _give_up(copy, (EmailState.QUEUED, *MAY_EDIT)) and copy.state is EmailState.SENDING:
            raise Conflict("This mail is being sent or has been taken back.")


def _give_up(email: EmailMessage, states: Sequence[EmailState]) -> bool:
    taken = claim(
        EmailMessage, EmailMessage.id == email.id, EmailMessage.state.in_(states),
        state=EmailState.CANCELLED, **reason_columns(Sentence("Taken back to be written anew.")), claim=None,
        finished_at=utcnow(), payload=email.payload | {REPLACED: True},
    )  # fmt: skip
    db.session.refresh(email)
    return taken


def _taken_out(comment: Comment, actor: User) -> tuple[str, list[Upload]]:
    """The text as it was typed, and its files as they wait in an editor; pictures get new names there."""
    text, uploads = comment.source or comment.text, []
    for file in comment.attachments:
        old, new = attachments.token_of(file.content_id), secrets.token_hex(16)
        if old:
            text = text.replace(f"upload:{old}", f"upload:{new}")
        upload = Upload(
            token=new, user_id=actor.id, sha256=file.sha256, filename=file.filename,
            content_type=file.content_type, size=file.size, is_picture=bool(old), created_at=utcnow(),
        )  # fmt: skip
        db.session.add(upload)
        uploads.append(upload)
    db.session.flush()
    return text, uploads


def _written(ticket: Ticket, email: EmailMessage, text: str) -> Written:
    people = envelope.read(email.recipients)
    possible = {normalise_address(one.email) for one in recipients.choices(ticket)}
    is_requester = normalise_address(people.to[0]) == ticket.requester_address.address
    to = "" if is_requester or normalise_address(people.to[0]) not in possible else people.to[0]
    chosen = {normalise_address(one) for one in people.everyone}
    left_out = [one for one in recipients.of_next_answer(ticket)[1:] if normalise_address(one) not in chosen]
    return Written(text, people.cc, tuple(left_out), to, people.bcc)


def _refuse_other(ticket: Ticket, email: EmailMessage) -> None:
    if email.ticket_id != ticket.id or email.direction is not Direction.OUT or email.purpose != queue.REPLY:
        raise NotFound("There is no such mail.")
