"""Answering, noting, changing: every act a plain form, every refused one with what was typed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from flask import flash, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from helpdesk.database import end_read, transaction
from helpdesk.errors import HelpdeskError, InvalidInput
from helpdesk.models import Ticket, User
from helpdesk.policy.status import Category, CommentKind, Priority, Status
from helpdesk.services import access, attachments, people, replies, settings
from helpdesk.services.attachments import MailFile
from helpdesk.services.outbox import queue
from helpdesk.services.tickets import changing, comments
from helpdesk.services.tickets.comments import Words
from helpdesk.web.access import require, viewer
from helpdesk.web.errors import say, sentence
from helpdesk.web.forms import is_form_key, read_files
from helpdesk.web.security import go_to
from helpdesk.web.tickets.blueprint import blueprint
from helpdesk.web.tickets.showing import Typed, render_ticket

Page = str | Response | tuple[str, int]
FIELDS = ("status", "assignee", "priority", "category", "due")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the composer sent."""

    kind: CommentKind
    text: str
    cc: tuple[str, ...]
    then: Status | None
    form_key: str


def read_answer() -> Answer:
    """Raises InvalidInput for a form that cannot have been ours."""
    form_key = request.form.get("form_id", "")
    if not is_form_key(form_key):
        raise InvalidInput("The form was incomplete. Please send it again.")
    then = request.form.get("then", "")
    return Answer(
        kind=CommentKind.NOTE if request.form.get("kind") == "note" else CommentKind.REPLY,
        text=request.form.get("body", "").replace("\r\n", "\n").strip(),
        cc=tuple(re.split(r"[,;\s]+", request.form.get("cc", "")[:5000].strip())),
        then=Status(then) if then in set(Status) else None,
        form_key=form_key,
    )


def back_to(ticket: Ticket) -> Response:
    """The ticket again, beside the same list."""
    kept: dict[str, Any] = {name: value for name, value in request.args.items() if name != "number"}
    return go_to(url_for("tickets.show", number=ticket.number, **kept))


@blueprint.post("/tickets/<int:number>/answer")
@require("team")
def answer(number: int) -> Page:
    ticket = access.get_ticket_by_number(viewer(), number)
    try:
        typed = read_answer()
        files = read_files("attachments")
        if typed.kind is CommentKind.NOTE:
            _add_note(ticket, typed, files)
        else:
            _send_reply(ticket, typed, files)
    except HelpdeskError as error:
        kept = Typed(
            request.form.get("kind", "reply"), request.form.get("body", ""), request.form.get("cc", "")
        )
        return render_ticket(ticket, kept, errors=[sentence(error)]), 422
    return back_to(ticket)


def _send_reply(ticket: Ticket, typed: Answer, files: list[MailFile]) -> None:
    prepared = replies.prepare(ticket, typed.text, files, actor=viewer(), cc=typed.cc)
    with transaction():
        replies.send(ticket, prepared, actor=viewer(), status=typed.then, form_key=typed.form_key)
    flash(_("Your answer is on its way."), "success")


def _add_note(ticket: Ticket, typed: Answer, files: list[MailFile]) -> None:
    end_read()
    staged = attachments.stage(files)
    with transaction():
        if comments.find_by_form(typed.form_key) is None:
            comments.add_note(
                ticket, Words(typed.text, files=staged, form_key=typed.form_key), actor=viewer()
            )
    flash(_("Note added. Only the team can see it."), "success")


@blueprint.post("/tickets/<int:number>/properties")
@require("team")
def change(number: int) -> Page:
    """Apply the fields whose value differs from what the page had shown: a colleague's change stays."""
    ticket = access.get_ticket_by_number(viewer(), number)
    wanted = {
        name: request.form[name]
        for name in FIELDS
        if name in request.form and request.form[name] != request.form.get(f"was_{name}")
    }
    try:
        with transaction():
            for name, value in wanted.items():
                _change(ticket, name, value, viewer())
    except HelpdeskError as error:
        say(error)
    return back_to(ticket)


def _change(ticket: Ticket, field: str, value: str, actor: User) -> None:
    """Set one field. Raises InvalidInput for a value that is none."""
    try:
        match field:
            case "status":
                changing.set_status(ticket, Status(value), actor=actor)
            case "priority":
                changing.set_priority(ticket, Priority(value), actor=actor)
            case "category":
                changing.set_category(ticket, Category(value), actor=actor)
            case "assignee":
                changing.assign(ticket, _member(value), actor=actor)
            case "due":
                changing.set_due(ticket, read_due(value), actor=actor)
    except ValueError as error:
        raise InvalidInput("This value cannot be used.") from error


def _member(value: str) -> User | None:
    """Raises ValueError for somebody who is not in the team."""
    if not value:
        return None
    for member in people.team():
        if str(member.id) == value:
            return member
    raise ValueError(value)


def read_due(value: str) -> datetime | None:
    """A day means its end in the desk's time zone; "" means no due date. Raises ValueError."""
    if not value:
        return None
    moment = datetime.fromisoformat(value)
    if len(value) == len("2026-01-02"):
        moment = datetime.combine(moment.date(), time(23, 59, 59))
    return moment.replace(tzinfo=settings.desk_zone())


@blueprint.post("/tickets/<int:number>/comments/<int:comment_id>/release")
@require("team")
def release(number: int, comment_id: int) -> Page:
    ticket = access.get_ticket_by_number(viewer(), number)
    with transaction():
        comments.release(access.get_comment(viewer(), comment_id, ticket=ticket), actor=viewer())
    return back_to(ticket)


@blueprint.post("/tickets/<int:number>/mails/<int:email_id>/retry")
@require("team")
def retry(number: int, email_id: int) -> Page:
    ticket = access.get_ticket_by_number(viewer(), number)
    mail = access.get_mail(ticket, email_id)
    with transaction():
        queue.retry(mail.id, actor=viewer())
    flash(_("It will be sent again within a minute."), "success")
    return back_to(ticket)
