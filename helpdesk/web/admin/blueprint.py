"""The blueprint: views register themselves when `helpdesk.web.admin` is imported."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response

from helpdesk.web.access import require
from helpdesk.web.admin import words
from helpdesk.web.security import go

blueprint = Blueprint("admin", __name__, url_prefix="/admin")


@blueprint.context_processor
def names() -> dict[str, object]:
    """What mails are called, for the pages that show them."""
    return {"mail_states": words.STATES, "mail_tones": words.TONES, "purposes": words.PURPOSES}


@blueprint.get("")
@require("admin")
def index() -> Response:
    return go("admin.accounts")
