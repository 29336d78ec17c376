"""What one was told of: a list, newest first, each line opening its ticket."""

from __future__ import annotations

from flask import Blueprint, flash, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from helpdesk.database import transaction
from helpdesk.policy.inbox import Kind
from helpdesk.services import access, inbox
from helpdesk.services.inbox import Item
from helpdesk.web.access import require, viewer
from helpdesk.web.errors import sentence
from helpdesk.web.security import go

blueprint = Blueprint("inbox", __name__)
ICONS = {
    Kind.ASSIGNED: "user", Kind.ANSWERED: "mail", Kind.REPLIED: "reply", Kind.NOTE: "note", Kind.MENTION: "at",
    Kind.MAIL_FAILED: "warning", Kind.STOPPED: "stop", Kind.CROSSED: "mail", Kind.OVERDUE: "clock",
    Kind.HELD: "tray", Kind.OPENED: "plus", Kind.NEW: "plus", Kind.FORWARDED: "forward", Kind.CHANGED: "history",
}  # fmt: skip


def words(item: Item) -> str:
    """Why one is told, in a sentence."""
    who = item.who or _("The desk")
    match item.kind:
        case Kind.OPENED:
            return _("%(who)s opened a ticket that is yours", who=who)
        case Kind.NEW:
            return _("%(who)s opened a ticket", who=who)
        case Kind.ASSIGNED:
            return _("%(who)s assigned this ticket to you", who=who)
        case Kind.ANSWERED:
            return _("%(who)s wrote", who=who)
        case Kind.REPLIED:
            return _("%(who)s answered the customer", who=who)
        case Kind.FORWARDED:
            return _("%(who)s forwarded the ticket", who=who)
        case Kind.CHANGED:
            return _("%(who)s changed the ticket", who=who)
        case Kind.NOTE:
            return _("%(who)s added a note", who=who)
        case Kind.MENTION:
            return _("%(who)s mentioned you", who=who)
        case Kind.MAIL_FAILED:
            return _("An answer could not be delivered")
        case Kind.STOPPED if item.is_forward:
            return _("Your forward was not sent; it waits on the ticket")
        case Kind.STOPPED:
            return _("Your answer was not sent; it is a draft again")
        case Kind.CROSSED:
            return _("%(who)s wrote while your answer was being sent", who=who)
        case Kind.OVERDUE:
            return _("This ticket is overdue")
        case Kind.HELD:
            return _("Mail of %(who)s is held until somebody looks", who=item.who or _("an unknown sender"))


@blueprint.get("/notifications")
@require("team")
def index() -> str:
    before = request.args.get("before", "")
    key = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None
    items, next_key = inbox.page(viewer(), before=key)
    return render_template(
        "inbox/index.html",
        items=items,
        next_key=next_key,
        is_first=key is None,
        words=words,
        icons=ICONS,
        sentence=sentence,
    )


@blueprint.post("/notifications/<int:notification_id>/open")
@require("team")
def open_one(notification_id: int) -> Response:
    with transaction():
        told = inbox.mark_read(viewer(), notification_id)
        number, email_id = told.ticket.number if told.ticket else None, told.email_id
    if number is None:
        return go("trays.show", email_id=email_id)
    return go("tickets.show", number=number)


@blueprint.post("/notifications/<int:notification_id>/read")
@require("team")
def read_one(notification_id: int) -> Response:
    with transaction():
        inbox.mark_read(viewer(), notification_id)
    return go("inbox.index")


@blueprint.post("/notifications/read")
@require("team")
def read_all() -> Response:
    with transaction():
        inbox.mark_all_read(viewer())
    flash(_("All marked as read."), "success")
    return go("inbox.index")


@blueprint.post("/tickets/<int:number>/seen")
@require("team")
def read_ticket(number: int) -> Response:
    """Whoever looks at a ticket has seen what he was told of it."""
    ticket = access.get_ticket_by_number(viewer(), number)
    with transaction():
        inbox.mark_ticket_read(viewer(), ticket)
    return go("tickets.show", number=number)
