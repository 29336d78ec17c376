"""Filing a ticket under tags: one form, a field to add and a button on each tag to take it off."""

from __future__ import annotations

from flask import request
from werkzeug.wrappers import Response

from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError
from helpdesk.services import access, tags
from helpdesk.web.access import require, viewer
from helpdesk.web.errors import say
from helpdesk.web.tickets.blueprint import blueprint
from helpdesk.web.tickets.showing import back_to


@blueprint.post("/tickets/<int:number>/tags")
@require("team")
def tag(number: int) -> Response:
    """Take off what `remove` names, else add what `tag` holds; several parted by commas."""
    ticket = access.get_ticket_by_number(viewer(), number)
    gone = request.form.get("remove", "")
    try:
        with transaction():
            if gone.isascii() and gone.isdigit():
                tags.remove(ticket, int(gone[:9]), actor=viewer())
            else:
                for name in tags.split(request.form.get("tag", "")[:1000]):
                    tags.add(ticket, name, actor=viewer())
    except HelpdeskError as error:
        say(error)
    return back_to(ticket)
