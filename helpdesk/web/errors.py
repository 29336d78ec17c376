"""Error pages: a sentence for the person, an incident number for the log, no detail; what was typed is never lost."""

from __future__ import annotations

import logging
import secrets
from html import escape
from urllib.parse import urlsplit

from flask import Flask, Response, flash, make_response, render_template, request
from flask_babel import gettext
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, SecurityError

from helpdesk.database import db
from helpdesk.errors import Conflict, Forbidden, HelpdeskError, InvalidInput, NotFound, TransportError
from helpdesk.web.security import safe_next

logger = logging.getLogger(__name__)

OWN_PAGES = {400, 403, 404, 413, 429, 500}
SECRET_FIELDS = ("password", "token", "secret")
MAX_KEPT = 200


def init_app(app: Flask) -> None:
    app.jinja_env.filters["sentence"] = sentence
    app.register_error_handler(HelpdeskError, on_domain_error)
    app.register_error_handler(HTTPException, on_http_error)
    app.register_error_handler(CSRFError, on_csrf_error)
    app.register_error_handler(SecurityError, on_unknown_host)
    app.register_error_handler(RateLimitExceeded, on_rate_limit)
    app.register_error_handler(Exception, on_defect)


def sentence(error: HelpdeskError) -> str:
    """The error's sentence in the reader's language."""
    return gettext(error.template, **error.params) if error.params else gettext(error.template)


def say(error: HelpdeskError) -> None:
    """Show the error's sentence above the next page."""
    flash(sentence(error), "error")


def status_of(error: HelpdeskError) -> int:
    match error:
        case NotFound():
            return 404
        case Forbidden():
            return 403
        case Conflict():
            return 409
        case InvalidInput():
            return 422
        case TransportError():
            return 502
        case _:
            return 500


def on_domain_error(error: HelpdeskError) -> Response:
    """A sentence the view did not show itself. Not found says the same for unknown and for foreign."""
    status = status_of(error)
    if status in {404, 403}:
        return page(status)
    logger.warning("path=%s error=%s", request.path, error.code)
    return kept_page(sentence(error), status=status)


def on_http_error(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return make_response(error.get_response())
    response = page(
        error.code, message=None if error.code in OWN_PAGES else gettext("This cannot be done here.")
    )
    allowed = error.get_response().headers.get("Allow")
    if allowed:
        response.headers["Allow"] = allowed
    return response


def on_csrf_error(error: CSRFError) -> Response:
    logger.info("csrf refused path=%s reason=%s", request.path, error.description)
    message = gettext("This page was open for too long, so nothing was sent. Please send it again.")
    return kept_page(message, status=400)


def on_rate_limit(error: RateLimitExceeded) -> Response:
    logger.warning("rate limit path=%s", request.path)
    return page(429)


def on_unknown_host(error: SecurityError) -> Response:
    """Without a known host no address can be made, so this page uses none and no template."""
    text = gettext("The desk does not answer to this name. Add it to SITE_URL or TRUSTED_HOSTS.")
    return Response(_bare(text), 400, mimetype="text/html")


def on_defect(error: Exception) -> Response:
    """The last resort: log everything, tell nothing but the number it is found by, and what a full disk means."""
    incident = secrets.token_hex(4)
    is_away = isinstance(error, OperationalError)
    status = 503 if is_away else 500
    logger.error("incident=%s method=%s path=%s", incident, request.method, request.path, exc_info=error)
    db.session.rollback()
    try:
        if is_away:
            message = gettext(
                "The desk cannot use its database just now; its disk may be full. Please try again soon."
            )
        else:
            message = gettext("Something went wrong on the server. It has been written to the log.")
        if typed_text():
            return kept_page(message, status=status, incident=incident)
        return page(status, message=message if is_away else None, incident=incident)
    except Exception:  # the page itself is broken
        logger.exception("incident=%s: the error page failed too", incident)
        return Response(_bare(f"Something went wrong. Reference: {incident}"), 500, mimetype="text/html")


def page(status: int, *, message: str | None = None, incident: str | None = None) -> Response:
    """An error page; `message` replaces the words the page has of its own."""
    shown = status if status in OWN_PAGES else (500 if status >= 500 else 400)
    body = render_template(f"errors/{shown}.html", message=message, incident=incident)
    return make_response(body, status)


def kept_page(message: str, *, status: int, link: str | None = None, incident: str | None = None) -> Response:
    """An error page that gives back what was typed, so that it can be copied; passwords are left out."""
    body = render_template(
        "errors/kept.html", message=message, incident=incident, link=link, typed=typed_text(), back=_back()
    )
    return make_response(body, status)


def _back() -> str:
    """The page the form stood on, when the browser says so and it is one of ours."""
    referrer = urlsplit(request.referrer or "")
    return (referrer.path if referrer.netloc == request.host and safe_next(referrer.path) else None) or "/"


def typed_text() -> list[str]:
    """The fields of the form that hold words of a person rather than choices or secrets."""
    if request.method in {"GET", "HEAD"}:
        return []
    try:
        fields = list(request.form.items(multi=True))[:MAX_KEPT]
    except HTTPException:
        return []  # larger than the limits of a form
    return [
        value
        for name, value in fields
        if not any(word in name for word in SECRET_FIELDS) and (len(value) > 40 or " " in value.strip())
    ]


def _bare(text: str) -> str:
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Helpdesk</title><p>{escape(text)}</p></html>'
