"""The blueprint: views register themselves when `helpdesk.web.admin` is imported."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response

from helpdesk.web.access import require
from helpdesk.web.security import go

blueprint = Blueprint("admin", __name__, url_prefix="/admin")


@blueprint.get("")
@require("admin")
def index() -> Response:
    return go("admin.accounts")
