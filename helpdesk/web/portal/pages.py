"""A customer's tickets, one of them, and answering it."""

from __future__ import annotations

from flask import Response, current_app, flash, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError

from helpdesk.database import end_read, transaction
from helpdesk.errors import HelpdeskError
from helpdesk.models import Comment, Ticket, User
from helpdesk.policy.status import Status
from helpdesk.services import access, attachments, portal, queries
from helpdesk.services.queries import PageKey, TicketFilter
from helpdesk.services.tickets.comments import Words
from helpdesk.web.access import require, viewer
from helpdesk.web.errors import sentence
from helpdesk.web.forms import is_form_key, new_form_key, read_files
from helpdesk.web.portal.blueprint import blueprint
from helpdesk.web.security import go

Page = str | Response | tuple[str, int]


@blueprint.get("/tickets")
@require("customer")
def index() -> Page:
    after = PageKey.parse(request.args.get("after", ""))
    page = queries.list_tickets(viewer(), TicketFilter(statuses=()), after=after)
    next_url = url_for("portal.index", after=str(page.next_key)) if page.next_key else None
    return render_template("portal/index.html", rows=page.rows, next_url=next_url, is_first=after is None)


@blueprint.get("/tickets/<int:number>")
@require("customer")
def show(number: int) -> Page:
    return _show(access.get_ticket_by_number(viewer(), number))


def _show(ticket: Ticket, *, body: str = "", errors: tuple[str, ...] = ()) -> str:
    return render_template(
        "portal/show.html",
        ticket=ticket,
        comments=access.visible_comments(ticket, viewer()),
        files_of=_files_of,
        body=body,
        errors=errors,
        form_id=new_form_key(),
        is_closed=ticket.status in (Status.RESOLVED, Status.CLOSED),
        max_bytes=current_app.config["EMAIL_MAX_ATTACHMENT_SIZE"],
    )


def _files_of(comment: Comment) -> list[dict[str, object]]:
    return [
        {"name": f.filename, "size": f.size, "url": url_for("files.download", token=f.token, name=f.filename)}
        for f in comment.attachments
    ]


@blueprint.post("/tickets/<int:number>/answer")
@require("customer")
def answer(number: int) -> Page:
    ticket = access.get_ticket_by_number(viewer(), number)
    typed = request.form.get("body", "")
    try:
        words = _read_words(typed)
        _save(ticket, words, viewer())
    except HelpdeskError as error:
        return _show(ticket, body=typed, errors=(sentence(error), *_lost_files())), 422
    flash(_("Your answer has arrived."), "success")
    return go("portal.show", number=number)


def _read_words(typed: str) -> Words:
    """What was written and attached. Raises InvalidInput for a file that is too large."""
    key = request.form.get("form_id", "")
    files = read_files("attachments")
    end_read()
    staged = attachments.stage(files)
    text = typed.replace("\r\n", "\n").strip()
    return Words(text, files=staged, form_key=key if is_form_key(key) else None)


def _save(ticket: Ticket, words: Words, actor: User) -> None:
    """Of the same form sent twice at once, one is stored: the other finds its key taken."""
    try:
        with transaction():
            portal.answer(ticket, words, actor=actor)
    except IntegrityError:
        with transaction():
            portal.answer(ticket, words, actor=actor)


def _lost_files() -> tuple[str, ...]:
    """Browsers forget chosen files; better said than found out."""
    if any(file.filename for file in request.files.getlist("attachments")):
        return (_("Please choose your files again."),)
    return ()
