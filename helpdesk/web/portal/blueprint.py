"""The blueprint: views register themselves when `helpdesk.web.portal` is imported."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("portal", __name__, url_prefix="/my")
