"""What may be done with an answer that waits: taken back, and one for later sent at once or at another time."""

from __future__ import annotations

from flask import flash
from flask_babel import gettext as _

from helpdesk.database import transaction, utcnow
from helpdesk.errors import HelpdeskError, NotFound
from helpdesk.models import ScheduledReply, Ticket
from helpdesk.policy.status import CommentKind
from helpdesk.services import access, scheduled, scheduled_delivery, scheduled_later
from helpdesk.web.access import require, viewer
from helpdesk.web.errors import say
from helpdesk.web.filters import exact
from helpdesk.web.security import go_to
from helpdesk.web.sending import forward_url
from helpdesk.web.tickets.blueprint import blueprint
from helpdesk.web.tickets.showing import Page, back_to
from helpdesk.web.tickets.timing import moment, read_when


def _own(number: int, reply_id: int) -> Ticket:
    """Raises NotFound for an answer that is not this person's."""
    ticket = access.get_ticket_by_number(viewer(), number)
    if not scheduled.is_of(viewer(), ticket, reply_id):
        raise NotFound("There is no such message.")
    return ticket


def say_when(reply: ScheduledReply) -> None:
    """Tell what becomes of an answer that was just sent off; one that cannot be taken back goes at once."""
    if reply.waits_for_silence:
        flash(_("It will be sent on %(when)s.", when=exact(reply.due_at)), "success")
    elif reply.due_at <= utcnow() and scheduled_delivery.deliver(reply.id):
        is_forward = reply.kind is CommentKind.FORWARD
        flash(_("Your forward is on its way.") if is_forward else _("Your answer is on its way."), "success")


@blueprint.post("/tickets/<int:number>/replies/<int:reply_id>/undo")
@require("team")
def undo(number: int, reply_id: int) -> Page:
    """Take an answer back while it waits: it stands in the editor again, with its files and copies."""
    ticket = _own(number, reply_id)
    try:
        with transaction():
            reply = scheduled.undo(ticket, reply_id, actor=viewer())
    except HelpdeskError as error:
        say(error)
        return back_to(ticket)
    if reply.kind is CommentKind.FORWARD:
        flash(_("Nothing was sent."), "success")
        return go_to(forward_url(reply))
    flash(_("Nothing was sent. Your text is in the editor again."), "success")
    return back_to(ticket, write="reply")


@blueprint.post("/tickets/<int:number>/replies/<int:reply_id>/time")
@require("team")
def change_time(number: int, reply_id: int) -> Page:
    """Let an answer for later go out at another time."""
    ticket = _own(number, reply_id)
    try:
        at = moment(read_when()) or utcnow()
        with transaction():
            reply = scheduled_later.change_time(ticket, reply_id, at, actor=viewer())
        say_when(reply)
    except HelpdeskError as error:
        say(error)
    return back_to(ticket)


@blueprint.post("/tickets/<int:number>/replies/<int:reply_id>/now")
@require("team")
def send_now(number: int, reply_id: int) -> Page:
    """Send an answer for later as if Send had been pressed just now."""
    ticket = _own(number, reply_id)
    try:
        with transaction():
            reply = scheduled_later.send_now(ticket, reply_id, actor=viewer())
        say_when(reply)
    except HelpdeskError as error:
        say(error)
    return back_to(ticket)
