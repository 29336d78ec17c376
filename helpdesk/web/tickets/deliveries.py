"""How the mails of a ticket fare, as its page shows it: to whom they went, what is wrong, and what can be done about it."""

from __future__ import annotations

from collections.abc import Sequence

from flask import url_for

from helpdesk.models import EmailMessage, Ticket
from helpdesk.models.mail import EmailState
from helpdesk.policy import envelope
from helpdesk.services import participants, resending
from helpdesk.services.outbox import queue
from helpdesk.web.filters import reason

TROUBLE = (EmailState.FAILED, EmailState.UNCERTAIN, EmailState.BOUNCED)


def went_to(ticket: Ticket, mail: EmailMessage | None) -> dict[str, str]:
    """Whom an answer was addressed to, in words, for the team's eyes alone."""
    if mail is None:
        return {"to": ticket.requester.shown_name}
    people_ = envelope.read(mail.recipients)
    named = {name: participants.names_of(ticket, getattr(people_, name)) for name in envelope.FIELDS}
    return {name: ", ".join(names) for name, names in named.items() if names}


def delivery(mail: EmailMessage | None, ticket: Ticket) -> dict[str, object] | None:
    """How a mail fares, for the macros."""
    if mail is None:
        return None
    is_trouble, waits = mail.state in TROUBLE, mail.state is EmailState.QUEUED and mail.attempts > 0
    return {
        "state": mail.state.value,
        "why": reason(mail) if is_trouble or waits or mail.is_replaced else "",
        "words": mail.detail if is_trouble or waits else "",
        "next_at": mail.due_at if waits else None,
        **_urls(mail, ticket),
    }


def _urls(mail: EmailMessage, ticket: Ticket) -> dict[str, str | None]:
    """What can be done: the same mail to who has not got it, its text taken back, its bytes to somebody once more."""
    may = {
        "retry": mail.state in TROUBLE,
        "edit": mail.state in resending.MAY_EDIT,
        "resend": mail.state in resending.MAY_RESEND and mail.raw_sha256 is not None,
    }
    is_answer = mail.purpose == queue.REPLY and not mail.is_replaced
    endpoints = {"retry": "retry", "edit": "edit_again", "resend": "resend"}
    return {
        f"{act}_url": url_for(f"tickets.{endpoints[act]}", number=ticket.number, email_id=mail.id)
        if may[act] and (is_answer or act == "retry")
        else None
        for act in may
    }


def once_more(mails: Sequence[EmailMessage], ticket: Ticket) -> dict[int, list[dict[str, object]]]:
    """By comment the mails that carried it once more, each with whom it went to."""
    found: dict[int, list[dict[str, object]]] = {}
    for mail in mails:
        shown = delivery(mail, ticket) if mail.purpose == queue.RESENT and mail.comment_id else None
        if shown is not None:
            found.setdefault(mail.comment_id or 0, []).append(shown | went_to(ticket, mail))
    return found


def machine_mails(mails: Sequence[EmailMessage]) -> list[EmailMessage]:
    """Mails of the desk itself that need a person's eye."""
    return [mail for mail in mails if mail.purpose not in queue.PERSONS_WORDS and mail.state in TROUBLE]
