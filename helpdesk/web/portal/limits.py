"""How much one customer may send: enough for every person, too little for a script."""

from __future__ import annotations

from flask import Response
from flask_babel import gettext as _
from flask_limiter import RateLimitExceeded

from helpdesk.extensions import limiter
from helpdesk.web.access import viewer_or_none
from helpdesk.web.errors import kept_page, on_rate_limit, typed_text
from helpdesk.web.portal.blueprint import blueprint


def _person() -> str:
    user = viewer_or_none()
    return f"user:{user.id}" if user else "nobody"


per_person_tickets = limiter.shared_limit(
    "20 per hour; 60 per day", scope="portal-tickets", key_func=_person, methods=["POST"]
)
per_person_words = limiter.shared_limit(
    "60 per hour; 300 per day", scope="portal-words", key_func=_person, methods=["POST"]
)

# Closing and opening is told to everybody in copy: nobody needs it as often as would pester them.
per_person_settling = limiter.shared_limit(
    "10 per hour; 30 per day", scope="portal-settling", key_func=_person, methods=["POST"]
)


@blueprint.errorhandler(RateLimitExceeded)
def too_much(error: RateLimitExceeded) -> Response:
    """The typed text comes back: it is the person's, whatever the counter says."""
    if not typed_text():
        return on_rate_limit(error)
    message = _(
        "You have sent a lot within a short time. Nothing is lost: please send this again in an hour."
    )
    return kept_page(message, status=429)
