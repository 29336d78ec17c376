"""How a text will look before it is said: for a script as a fragment, for a plain form as the page with it."""

from __future__ import annotations

from flask import jsonify
from markupsafe import Markup

from helpdesk.errors import HelpdeskError
from helpdesk.models import Ticket
from helpdesk.services import access, drafts
from helpdesk.web.access import require, viewer
from helpdesk.web.filters import markdown
from helpdesk.web.forms import wants_json
from helpdesk.web.sending import pictures_of
from helpdesk.web.tickets.blueprint import blueprint
from helpdesk.web.tickets.composing import Answer, read_answer
from helpdesk.web.tickets.drafting import keep, refused
from helpdesk.web.tickets.showing import Page, render_ticket


@blueprint.post("/tickets/<int:number>/preview")
@require("team")
def preview(number: int) -> Page:
    """Without a script the text becomes the draft at once, so that its files and pictures are not chosen twice."""
    ticket = access.get_ticket_by_number(viewer(), number)
    typed = read_answer()
    if wants_json():
        return jsonify(html=_shown(ticket, typed))
    try:
        keep(ticket, typed)
    except HelpdeskError as error:
        return refused(ticket, typed, error)
    return render_ticket(ticket, typed, preview=_shown(ticket, typed))


def _shown(ticket: Ticket, typed: Answer) -> Markup:
    uploads = drafts.uploads_of(viewer(), ticket, typed.tokens)
    return markdown(typed.text, pictures_of(uploads, viewer()))
