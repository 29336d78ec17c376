"""What can be seen of the mail behind a message: pictures of the web, the original, and why it is here."""

from __future__ import annotations

from flask import flash, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError
from helpdesk.services import access
from helpdesk.services import pictures as permissions
from helpdesk.web.access import require, viewer
from helpdesk.web.errors import say
from helpdesk.web.tickets.blueprint import blueprint
from helpdesk.web.tickets.showing import back_to


@blueprint.post("/tickets/<int:number>/comments/<int:comment_id>/pictures")
@require("team")
def pictures(number: int, comment_id: int) -> Response:
    """From now on show this sender's pictures of the web to me, or with `stop` in the form ask me again."""
    ticket = access.get_ticket_by_number(viewer(), number)
    comment = access.get_comment(viewer(), comment_id, ticket=ticket)
    try:
        with transaction():
            if "stop" in request.form:
                address = permissions.ask_again(comment, actor=viewer())
                told = _("You are asked again before pictures of %(who)s are shown.", who=address.email)
            else:
                address = permissions.show_always(comment, actor=viewer())
                told = _("Pictures of %(who)s are shown to you from now on.", who=address.email)
    except HelpdeskError as error:
        say(error)
    else:
        flash(told, "success")
    return back_to(ticket, designed=str(comment_id), _anchor=f"comment-{comment_id}")
