"""A mail a proven agent forwards to the desk: the ticket of whoever wrote the mail inside.

What the agent wrote above it is a note. A forward nobody can read is the agent's own ticket, until he says whose it is;
what it holds may be meant for the team, so that person is shown only what comes after.
"""

from __future__ import annotations

from helpdesk.mail.forwarded import Forwarded
from helpdesk.mail.headers import normalise_address
from helpdesk.mail.thread import bare_subject, without_markers
from helpdesk.models import EmailAccount, Ticket, UserAddress
from helpdesk.models.mail import EmailState
from helpdesk.services import people, settings
from helpdesk.services.ingest.delivery import NOTHING, Delivery, Outcome
from helpdesk.services.tickets import comments, opening
from helpdesk.services.tickets.comments import Words


def inner_of(mail: Delivery, author: UserAddress) -> Forwarded | None:
    """The mail inside one an agent sent, when it is somebody else's; says in the trace why not."""
    if not mail.reading.looks_forwarded:
        return None
    inner = mail.reading.forwarded
    if inner is None or mail.own.holds(inner.author.email):
        mail.trace.tell("forward", "An agent forwards a mail whose author cannot be read.", counted=False)
        return None
    own = {address.address for address in author.user.addresses}
    if normalise_address(inner.author.email) in own:
        mail.trace.tell("forward", "An agent forwards a mail of his own.", counted=False)
        return None
    mail.trace.tell(
        "forward",
        "An agent forwards a mail of %(email)s, whose ticket it is.",
        counted=True,
        email=inner.author.email,
    )
    return inner


def open_for(mail: Delivery, account: EmailAccount, author: UserAddress, inner: Forwarded) -> Outcome:
    """Open the ticket of the mail inside; what the agent added becomes a note."""
    requester = people.address_for(inner.author.email, inner.author.name)
    text = without_markers(inner.text)
    words = Words(
        text=text,
        full_text=inner.text,
        html=inner.html,
        files=mail.inner_files if inner.is_attached else mail.files,
        message_id=inner.message_id[:998] or None,
        is_from_email=True,
    )
    ticket, comment = opening.open_ticket(
        account=account,
        requester=requester,
        subject=bare_subject(inner.subject or mail.reading.parsed.subject),
        words=words,
        actor=requester.user,
        from_email=True,
        email_id=mail.email.id,
    )
    if inner.own_text:
        added = Words(inner.own_text, is_from_email=True)
        comments.add_note(ticket, added, actor=author.user, email_id=mail.email.id)
    return _opened(mail, ticket, comment.id)


def ask_whose(mail: Delivery, ticket: Ticket) -> None:
    """Let the ticket's page ask for its requester, when it is an agent's only because his forward cannot be read."""
    is_unread = mail.reading.looks_forwarded and mail.reading.forwarded is None
    if is_unread or (mail.reading.forwarded and mail.own.holds(mail.reading.forwarded.author.email)):
        ticket.needs_requester = True


def _opened(mail: Delivery, ticket: Ticket, comment_id: int) -> Outcome:
    tag = settings.tag_of(ticket)
    mail.trace.tell("ticket", "Opened %(tag)s.", tag=tag, ticket_id=ticket.id)
    return Outcome(EmailState.OPENED, NOTHING, ticket.id, comment_id, tag)
