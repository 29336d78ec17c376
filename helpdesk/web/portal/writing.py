"""What a customer does on a ticket: answer, say that it is solved, or that it is not. All three take words and files."""

from __future__ import annotations

from collections.abc import Callable

from flask import flash, request
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError

from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError
from helpdesk.models import Comment, Ticket, User
from helpdesk.services import access, portal
from helpdesk.services.tickets import merge
from helpdesk.services.tickets.comments import Words
from helpdesk.web.access import require, viewer
from helpdesk.web.errors import sentence, status_of
from helpdesk.web.portal import limits
from helpdesk.web.portal.blueprint import blueprint
from helpdesk.web.portal.form_files import read_form_files
from helpdesk.web.portal.pages import Page, Typed, render_ticket
from helpdesk.web.security import go

Act = Callable[..., Comment | None]  # of (ticket, words, actor=)


@blueprint.post("/tickets/<int:number>/answer")
@limits.per_person_words
@require("customer")
def answer(number: int) -> Page:
    ticket = merge.open_to(viewer(), number)
    return _act(ticket.number, portal.answer, _("Your answer has arrived."))


@blueprint.post("/tickets/<int:number>/close")
@limits.per_person_words
@limits.per_person_settling
@require("customer")
def close(number: int) -> Page:
    return _act(number, portal.close, _("Good to hear. The ticket is closed."))


@blueprint.post("/tickets/<int:number>/reopen")
@limits.per_person_words
@limits.per_person_settling
@require("customer")
def reopen(number: int) -> Page:
    return _act(number, portal.reopen, _("The ticket is open again."))


def _act(number: int, act: Act, done: str) -> Page:
    ticket = access.get_ticket_by_number(viewer(), number)
    text, files = request.form.get("body", ""), read_form_files()
    try:
        words = files.words(text, request.form.get("form_id", ""))
        new_number = _save(act, ticket, words, viewer())
    except HelpdeskError as error:
        typed = Typed(text, (sentence(error),), files.keep(viewer()))
        return render_ticket(ticket, typed), status_of(error)
    if new_number != number:
        done = _("That ticket was closed a while ago, so your answer opened this new one.")
    flash(done, "success")
    return go("portal.show", number=new_number)


def _save(act: Act, ticket: Ticket, words: Words, actor: User) -> int:
    """The number of the ticket the words are on. Of the same form sent twice at once, one is stored: the other finds
    its key taken.
    """
    try:
        with transaction():
            comment = act(ticket, words, actor=actor)
    except IntegrityError:
        with transaction():
            comment = act(ticket, words, actor=actor)
    return comment.ticket.number if comment else ticket.number
