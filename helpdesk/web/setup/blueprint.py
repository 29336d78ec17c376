"""The blueprint: views register themselves when `helpdesk.web.setup` is imported."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("setup", __name__)
