"""Answering, noting, changing: every act a plain form, every refused one with what was typed."""

from __future__ import annotations

from datetime import datetime, time

from flask import flash, request
from flask_babel import gettext as _

from helpdesk.database import end_read, transaction
from helpdesk.errors import HelpdeskError, InvalidInput
from helpdesk.models import Ticket, User
from helpdesk.policy.status import Category, CommentKind, Priority, Status
from helpdesk.services import (
    access,
    attachments,
    drafts,
    inbox,
    mentions,
    people,
    scheduled,
    settings,
)
from helpdesk.services.outbox import queue
from helpdesk.services.tickets import changing, comments, split
from helpdesk.web.access import require, viewer
from helpdesk.web.errors import say, sentence
from helpdesk.web.tickets import warning
from helpdesk.web.tickets.blueprint import blueprint
from helpdesk.web.tickets.composing import Answer, files_of, read_answer, require_form_key
from helpdesk.web.tickets.drafting import keep_what_can_be_kept
from helpdesk.web.tickets.showing import Page, back_to, render_ticket
from helpdesk.web.tickets.timing import moment
from helpdesk.web.tickets.waiting import say_when

FIELDS = ("status", "assignee", "priority", "category", "due")


@blueprint.post("/tickets/<int:number>/answer")
@require("team")
def answer(number: int) -> Page:
    ticket = access.get_ticket_by_number(viewer(), number)
    typed = read_answer()
    try:
        changing.refuse_merged(ticket)
        require_form_key(typed)
        if typed.kind is CommentKind.NOTE:
            _add_note(ticket, typed)
        else:
            _send_reply(ticket, typed)
    except HelpdeskError as error:
        keep_what_can_be_kept(ticket, typed)
        crossed = error if isinstance(error, scheduled.Crossed) else None
        return render_ticket(ticket, typed, errors=[sentence(error)], crossed=crossed), 422
    return back_to(ticket)


def _send_reply(ticket: Ticket, typed: Answer) -> None:
    later = moment(typed.when)
    ready = scheduled.prepare(
        ticket, typed.text, files_of(typed), actor=viewer(), to=typed.addressee, cc=typed.cc,
        bcc=typed.bcc, tokens=typed.tokens,
    )  # fmt: skip
    warning.refuse_unwarned(ready.people.everyone)
    with transaction():
        warning.try_again(ready.people.everyone)
        reply = scheduled.schedule(
            ticket,
            ready,
            actor=viewer(),
            form_key=typed.form_key,
            status=typed.then,
            seen=typed.seen,
            draft_revision=typed.revision,
            later=later,
        )
        inbox.mark_ticket_read(viewer(), ticket)
    say_when(reply)


def _add_note(ticket: Ticket, typed: Answer) -> None:
    kept = drafts.as_mail_files(drafts.uploads_of(viewer(), ticket, typed.tokens), typed.text)
    files = [*kept, *files_of(typed)]
    end_read()
    staged = attachments.stage(files)
    with transaction():
        changing.one_at_a_time(ticket)
        scheduled.refuse_key_of_answer(typed.form_key)
        if comments.said_before(ticket, CommentKind.NOTE, typed.form_key, author=viewer()) is None:
            words = comments.in_markdown(typed.text, files=staged, form_key=typed.form_key)
            comments.add_note(ticket, words, actor=viewer())
            drafts.drop_files(drafts.uploads_of(viewer(), ticket, typed.tokens))
            drafts.take(
                viewer(),
                ticket,
                CommentKind.NOTE,
                typed.text,
                revision=typed.revision,
                form_key=typed.form_key or "",
            )
        inbox.mark_ticket_read(viewer(), ticket)
    flash(_("Note added. Only the team can see it."), "success")
    for name in mentions.unreachable(ticket, typed.text):
        flash(
            _("%(who)s was not told: this ticket is of an account he has no access to.", who=name), "warning"
        )


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


@blueprint.post("/tickets/<int:number>/comments/<int:comment_id>/split")
@require("team")
def split_off(number: int, comment_id: int) -> Page:
    """A stranger's words become a ticket of their own, which the page then shows."""
    ticket = access.get_ticket_by_number(viewer(), number)
    comment = access.get_comment(viewer(), comment_id, ticket=ticket)
    try:
        with transaction():
            own = split.split(comment, actor=viewer())
    except HelpdeskError as error:
        say(error)
        return back_to(ticket)
    flash(_("It is a ticket of its own now."), "success")
    return back_to(own)


@blueprint.post("/tickets/<int:number>/mails/<int:email_id>/retry")
@require("team")
def retry(number: int, email_id: int) -> Page:
    ticket = access.get_ticket_by_number(viewer(), number)
    mail = access.get_mail(ticket, email_id)
    with transaction():
        queue.retry(mail.id, actor=viewer())
    flash(_("It will be sent again within a minute."), "success")
    return back_to(ticket)
