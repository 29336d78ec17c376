"""A ticket's way into spam and back, and blocking who sent it."""

from __future__ import annotations

from typing import Any

from flask import flash, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError
from helpdesk.models import Ticket
from helpdesk.services import access
from helpdesk.services.tickets import setting_aside
from helpdesk.web.access import require, viewer
from helpdesk.web.errors import say
from helpdesk.web.security import go_to
from helpdesk.web.tickets.blueprint import blueprint
from helpdesk.web.tickets.showing import back_to

ACTS = {
    "spam": setting_aside.mark_spam,
    "restore": setting_aside.restore,
    "block": setting_aside.block_sender,
}


@blueprint.post("/tickets/<int:number>/<any(spam, restore, block):act>")
@require("team")
def set_aside(number: int, act: str) -> Response:
    ticket = access.get_ticket_by_number(viewer(), number)
    email = ticket.requester_address.email
    try:
        with transaction():
            ACTS[act](ticket, actor=viewer())
    except HelpdeskError as error:
        say(error)
        return back_to(ticket)
    if act == "restore":
        flash(_("It is among the tickets again."), "success")
        return back_to(ticket)
    text = _("Marked as spam.") if act == "spam" else _("Marked as spam; %(email)s is blocked.", email=email)
    flash(_with_undo(text, ticket), "success")  # type: ignore[arg-type]
    kept: dict[str, Any] = dict(request.args)
    return go_to(url_for("tickets.index", **kept))


def _with_undo(text: str, ticket: Ticket) -> dict[str, object]:
    """Brings the ticket back; a block stays until it is taken off the list."""
    action = url_for("tickets.set_aside", number=ticket.number, act="restore")
    return {"text": text, "action": action, "fields": {}, "button": _("Not spam")}
