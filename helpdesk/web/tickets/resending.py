"""An answer that did not arrive, or is wanted once more: its text back into the editor, or its bytes to somebody again."""

from __future__ import annotations

from flask import flash, render_template, request
from flask_babel import gettext as _

from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError, InvalidInput, NotFound
from helpdesk.models import EmailMessage, Ticket
from helpdesk.services import access, participants, resending
from helpdesk.services.outbox import queue, unreachable
from helpdesk.web.access import require, viewer
from helpdesk.web.errors import say, sentence
from helpdesk.web.forms import is_form_key, new_form_key
from helpdesk.web.tickets.blueprint import blueprint
from helpdesk.web.tickets.showing import Page, back_to


def _asked(number: int, email_id: int) -> tuple[Ticket, EmailMessage]:
    """Raises NotFound for anything but an answer on this ticket."""
    ticket = access.get_ticket_by_number(viewer(), number)
    mail = access.get_mail(ticket, email_id)
    if mail.purpose != queue.REPLY:
        raise NotFound("There is no such mail.")
    return ticket, mail


@blueprint.post("/tickets/<int:number>/mails/<int:email_id>/edit")
@require("team")
def edit_again(number: int, email_id: int) -> Page:
    """The text of an answer that did not arrive stands in the editor again; nobody sends the mail any more."""
    ticket, mail = _asked(number, email_id)
    try:
        with transaction():
            resending.edit_again(ticket, mail, actor=viewer())
    except HelpdeskError as error:
        say(error)
        return back_to(ticket)
    flash(
        _(
            "The text is in the editor again, with its recipients and files. The old mail is not sent any more."
        ),
        "success",
    )
    return back_to(ticket, write="reply")


@blueprint.route("/tickets/<int:number>/mails/<int:email_id>/resend", methods=["GET", "POST"])
@require("team")
def resend(number: int, email_id: int) -> Page:
    """Send the very same mail once more, to whom it was for or to somebody else who may read it."""
    ticket, mail = _asked(number, email_id)
    if request.method == "GET":
        return _page(ticket, mail)
    try:
        with transaction():
            resending.resend(
                ticket, mail, request.form.getlist("to")[:100], actor=viewer(), form_key=_form_key()
            )
    except InvalidInput as error:
        return _page(ticket, mail, error=sentence(error)), 422
    except HelpdeskError as error:
        say(error)
        return back_to(ticket)
    flash(_("It is sent once more within a minute."), "success")
    return back_to(ticket)


def _form_key() -> str:
    typed = request.form.get("form_id", "")
    return typed if is_form_key(typed) else ""


def _page(ticket: Ticket, mail: EmailMessage, *, error: str = "") -> str:
    emails = resending.readers(ticket, mail)
    lost = unreachable.among(emails, for_answer=True)
    names = participants.names_of(ticket, emails)
    people = [
        {"email": email, "name": name, "got_it": email in mail.addressed, "lost": lost.get(email, "")}
        for email, name in zip(emails, names, strict=True)
    ]
    return render_template(
        "tickets/resend.html", ticket=ticket, mail=mail, people=people, error=error, form_id=_form_key() or new_form_key()
    )  # fmt: skip
