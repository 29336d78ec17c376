"""Who is asking, and who may use which page. A view that does not say so is refused to everybody.

Roles decide about pages here; rows are decided by `services.access`, which answers "not found" for what is foreign.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

from flask import Flask, current_app, g, request, session, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from helpdesk.database import transaction
from helpdesk.errors import Forbidden, NotFound
from helpdesk.extensions import login
from helpdesk.models import User, UserSession
from helpdesk.policy.status import Role
from helpdesk.services import sessions
from helpdesk.web.errors import kept_page
from helpdesk.web.security import go

logger = logging.getLogger(__name__)
View = TypeVar("View", bound=Callable[..., Any])


class Audience(StrEnum):
    """Who may use a view."""

    ANYONE = "anyone"
    PERSON = "person"  # anybody signed in
    CUSTOMER = "customer"
    TEAM = "team"
    ADMIN = "admin"


def init_app(app: Flask) -> None:
    login.user_loader(_load)
    app.before_request(_admit)
    app.context_processor(lambda: {"viewer": viewer_or_none()})


def open_to_anyone(app: Flask, *endpoints: str) -> None:
    """Declare views that are not made here: style sheets, scripts, icons."""
    for endpoint in endpoints:
        require(Audience.ANYONE)(app.view_functions[endpoint])


def require(audience: Audience | str) -> Callable[[View], View]:
    """Declare who may use a view (`@require("team")`); it stands directly above the function."""
    chosen = Audience(audience)

    def declare(view: View) -> View:
        view.audience = chosen  # type: ignore[attr-defined]
        return view

    return declare


def audience_of(endpoint: str) -> Audience | None:
    """What the endpoint's view declared; None when it declared nothing and is refused."""
    return getattr(current_app.view_functions[endpoint], "audience", None)


def viewer() -> User:
    """The person asking, inside a view for signed-in people. Raises NotFound for anybody else."""
    user = viewer_or_none()
    if user is None:
        raise NotFound("There is no such page.")
    return user


def viewer_or_none() -> User | None:
    user = current_user._get_current_object() if current_user else None
    return user if isinstance(user, User) else None


def current_session() -> UserSession | None:
    """The row of the browser asking."""
    return g.get("user_session")


def current_token() -> str | None:
    """What the browser's cookie holds of its session."""
    return session.get("_user_id") if current_session() else None


def _load(token: str) -> User | None:
    """What Flask-Login calls the user's id is the session's token, so that the session ends on the server."""
    g.user_session = sessions.find(token) if isinstance(token, str) else None
    return g.user_session.user if g.user_session else None


def _admit() -> Response | None:
    """Let the request through to its view, or send it elsewhere. Raises Forbidden for the wrong role."""
    if request.endpoint is None:
        return None  # Flask answers 404 or 405
    audience = audience_of(request.endpoint)
    if audience is None:
        logger.error("refused endpoint=%s: it does not declare who may use it", request.endpoint)
        raise NotFound("There is no such page.")
    if audience is Audience.ANYONE:
        return None
    user = viewer_or_none()
    if user is None:
        return _send_to_sign_in()
    if not _is_admitted(audience, user):
        logger.info("denied endpoint=%s user=%d", request.endpoint, user.id)
        raise Forbidden("This page is not for your account.")
    _note_presence()
    return None


def _is_admitted(audience: Audience, user: User) -> bool:
    match audience:
        case Audience.ANYONE | Audience.PERSON:
            return True
        case Audience.CUSTOMER:
            return user.role is Role.CUSTOMER
        case Audience.TEAM:
            return user.is_team
        case Audience.ADMIN:
            return user.role is Role.ADMIN


def _send_to_sign_in() -> Response:
    """To the sign-in page and back again; typed text is shown instead of thrown away."""
    if request.method in {"GET", "HEAD"}:
        return go("auth.sign_in", next=request.full_path.rstrip("?"))
    return kept_page(
        gettext(
            "You are no longer signed in, so nothing was sent. Copy your text, sign in and send it again."
        ),
        status=401,
        link=url_for("auth.sign_in"),
    )


def _note_presence() -> None:
    row = current_session()
    if row is not None and sessions.needs_touch(row):
        row_id = row.id
        with transaction():
            sessions.touch(row_id)


def sign_in(user: User) -> None:
    """Begin a session; nothing of the cookie before survives. Opens its own transaction."""
    before = current_token()
    with transaction():
        if before:
            sessions.end(before)
        token = sessions.start(user, user_agent=request.user_agent.string, ip=request.remote_addr or "")
    session.clear()
    session.permanent = True
    session["_user_id"] = token
    login._update_request_context_with_user(_load(token))


def sign_out() -> None:
    """End the session on the server and forget the cookie. Opens its own transaction."""
    token = current_token()
    if token:
        with transaction():
            sessions.end(token)
    session.clear()
    login._update_request_context_with_user()
