"""The front door, the theme, and the page a monitor asks."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify, request

from helpdesk.policy.status import Role
from helpdesk.services import health, people
from helpdesk.web.access import require, viewer_or_none
from helpdesk.web.locale import THEME_COOKIE, THEMES
from helpdesk.web.security import go, go_to, is_https, safe_next

blueprint = Blueprint("home", __name__)
YEAR_S = 365 * 24 * 3600


def landing_url() -> str:
    """Where a person's work begins: tickets for the team, one's own for customers, signing in for anybody else."""
    user = viewer_or_none()
    if user is None:
        return "/sign-in"
    return "/my/tickets" if user.role is Role.CUSTOMER else "/tickets"


@blueprint.get("/")
@require("anyone")
def index() -> Response:
    if viewer_or_none() is None and not people.has_admin():
        return go("setup.waiting")
    return go_to(landing_url())


@blueprint.post("/theme")
@require("anyone")
def theme() -> Response:
    """Light, dark, or as the system has it. A cookie, so that it needs neither a person nor a script."""
    chosen = request.form.get("theme", "")
    response = go_to(safe_next(request.form.get("next")) or "/")
    if chosen in THEMES:
        response.set_cookie(
            THEME_COOKIE, chosen, max_age=YEAR_S, httponly=True, samesite="Lax", secure=is_https(current_app)
        )
    return response


@blueprint.get("/health")
@require("anyone")
def status() -> tuple[Response, int]:
    found = health.check()
    parts = {name: getattr(found, name) for name in ("database", "redis", "worker", "scheduler")}
    return jsonify(status=found.word, **parts), 200 if found.database else 503
