"""A customer opens a ticket."""

from __future__ import annotations

from flask import current_app, flash, render_template
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError

from helpdesk.database import transaction
from helpdesk.errors import InvalidInput
from helpdesk.models import EmailAccount, Ticket, User
from helpdesk.policy.status import Category
from helpdesk.services import accounts, people, portal
from helpdesk.services.tickets.comments import Words
from helpdesk.web.access import require, viewer
from helpdesk.web.forms import new_form_key
from helpdesk.web.portal import limits
from helpdesk.web.portal.blueprint import blueprint
from helpdesk.web.portal.form_files import Kept, read_form_files
from helpdesk.web.portal.forms import OwnTicketForm
from helpdesk.web.portal.pages import Page
from helpdesk.web.security import go


@blueprint.get("/tickets/new")
@require("customer")
def new() -> Page:
    offered = portal.offered_accounts()
    form = OwnTicketForm(None, form_key=new_form_key(), category=Category.SUPPORT.value)
    return _render(form, offered)


@blueprint.post("/tickets/new")
@limits.per_person_tickets
@require("customer")
def create() -> Page:
    form, offered, files = OwnTicketForm(), portal.offered_accounts(), read_form_files()
    form.offer(offered)
    try:
        if not form.validate():
            return _render(form, offered, files.keep(viewer())), 422
        words = files.words(form.text.data, form.form_key.data)
        number = _save(form, words, viewer())
    except InvalidInput as error:
        form.reject(error)
        return _render(form, offered, files.keep(viewer())), 422
    flash(_("Your message has arrived."), "success")
    return go("portal.show", number=number)


def _save(form: OwnTicketForm, words: Words, actor: User) -> int:
    """The ticket's number; of the same form sent twice at once both get the same one."""
    try:
        with transaction():
            return _open(form, words, actor).number
    except IntegrityError:
        with transaction():
            return _open(form, words, actor).number


def _open(form: OwnTicketForm, words: Words, actor: User) -> Ticket:
    account = accounts.get(form.account.data)
    category = Category(form.category.data)
    return portal.open_ticket(account, form.subject.data, words, category=category, actor=actor)


def _render(form: OwnTicketForm, offered: list[EmailAccount], kept: Kept | None = None) -> str:
    form.offer(offered)
    return render_template(
        "portal/new.html",
        form=form,
        several=len(offered) > 1,
        is_possible=bool(offered),
        answer_to=people.main_address(viewer()).email,
        kept=kept or Kept(),
        max_bytes=current_app.config["EMAIL_MAX_ATTACHMENT_SIZE"],
    )
