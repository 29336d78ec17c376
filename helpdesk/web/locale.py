"""In which language and zone a page is written: the person's own choice, the browser's wish, the desk's default."""

from __future__ import annotations

from flask import Flask, has_request_context, request
from flask_babel import Babel

from helpdesk.languages import LANGUAGES
from helpdesk.services import settings
from helpdesk.web import catalog
from helpdesk.web.access import viewer_or_none
from helpdesk.web.catalog import PoDomain

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "theme"


def init_app(app: Flask, babel: Babel) -> None:
    babel.init_app(app, locale_selector=choose_language, timezone_selector=choose_zone)
    babel.domain_instance = PoDomain()
    catalog.init_app(app)


def choose_language() -> str:
    """Jobs and commands have no request: they get the desk's language."""
    default = settings.language()
    if not has_request_context():
        return default
    user = viewer_or_none()
    if user is not None and user.language in LANGUAGES:
        return str(user.language)
    return request.accept_languages.best_match([default, *LANGUAGES], default) or default


def choose_zone() -> str:
    user = viewer_or_none() if has_request_context() else None
    return str((user and user.timezone) or settings.zone_name())
