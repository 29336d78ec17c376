"""Addresses offered while one is typed. Fields that ask for them work as plain text without."""

from __future__ import annotations

from flask import jsonify, request
from werkzeug.wrappers import Response

from helpdesk.services import address_book
from helpdesk.web.access import require, viewer
from helpdesk.web.tickets.blueprint import blueprint


@blueprint.get("/people/suggestions")
@require("team")
def suggestions() -> Response:
    """As JSON, of the people this person may know."""
    found = address_book.suggest(viewer(), request.args.get("q", ""))
    return jsonify([{"email": one.email, "name": one.name} for one in found])
