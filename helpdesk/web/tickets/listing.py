"""The list of tickets, alone or beside an open ticket."""

from __future__ import annotations

from flask import render_template, request, url_for

from helpdesk.database import utcnow
from helpdesk.policy.search_words import fold
from helpdesk.policy.status import Category, Priority, Status
from helpdesk.services import access, glance, queries, tags
from helpdesk.services.sorting import Sort
from helpdesk.web.access import require, viewer
from helpdesk.web.tickets.blueprint import blueprint
from helpdesk.web.tickets.filters import ListState, read_list_state
from helpdesk.web.tickets.wording import category_word, priority_word, sort_word, status_word

MAX_TAGS = 200


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
        "accounts": access.accounts_of(viewer()),
        "team": glance.team(),
        "status_options": [(s.value, status_word(s)) for s in Status],
        "tag_options": tag_options(state.chosen.tag),
        "sort_options": [(s.value, sort_word(s)) for s in Sort],
        "priority_options": [(p.value, priority_word(p)) for p in Priority],
        "category_options": [(c.value, category_word(c)) for c in Category],
        "now": utcnow(),
    }


def tag_options(chosen: str | None) -> list[tuple[str, str]]:
    """The tags to filter by; a chosen one is among them even when there are too many for a list."""
    options = [(tag.name, tag.name) for tag in tags.known()[:MAX_TAGS]]
    folded = fold(chosen) if chosen else ""
    if chosen and all(fold(name) != folded for name, _ in options):
        options.insert(0, (chosen, chosen))
    return [(chosen if chosen and fold(name) == folded else name, name) for name, _ in options]


@blueprint.get("/tickets")
@require("team")
def index() -> str:
    return render_template("tickets/index.html", **list_context(read_list_state(request.args, viewer())))
