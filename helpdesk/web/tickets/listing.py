"""The list of tickets, alone or beside an open ticket."""

from __future__ import annotations

from flask import render_template, request, url_for

from helpdesk.database import utcnow
from helpdesk.policy.status import Category, Priority, Status
from helpdesk.services import people, queries
from helpdesk.services.sorting import Sort
from helpdesk.web.access import require, viewer
from helpdesk.web.tickets.blueprint import blueprint
from helpdesk.web.tickets.filters import ListState, read_list_state
from helpdesk.web.tickets.wording import category_word, priority_word, sort_word, status_word


def list_context(state: ListState) -> dict[str, object]:
    """What the list pane shows, for every page of the workspace."""
    page = queries.list_tickets(viewer(), state.chosen, sort=state.sort, after=state.after)
    return {
        "list_state": state,
        "rows": page.rows,
        "next_url": url_for("tickets.index", **state.args, after=str(page.next_key))
        if page.next_key
        else None,
        "first_url": url_for("tickets.index", **state.args) if state.after else None,
        "accounts": queries.visible_accounts(viewer()),
        "team": people.team(),
        "status_options": [(s.value, status_word(s)) for s in Status],
        "sort_options": [(s.value, sort_word(s)) for s in Sort],
        "priority_options": [(p.value, priority_word(p)) for p in Priority],
        "category_options": [(c.value, category_word(c)) for c in Category],
        "now": utcnow(),
    }


@blueprint.get("/tickets")
@require("team")
def index() -> str:
    return render_template("tickets/index.html", **list_context(read_list_state(request.args, viewer())))
