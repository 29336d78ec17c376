"""The blueprint: views register themselves when `helpdesk.web.auth` is imported."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("auth", __name__)
