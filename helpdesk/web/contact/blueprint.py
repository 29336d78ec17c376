"""The blueprint: views register themselves when `helpdesk.web.contact` is imported."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("contact", __name__, url_prefix="/contact")
