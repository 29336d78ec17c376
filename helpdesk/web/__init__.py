"""The browser's door: one blueprint package per subject, all served to people."""

from __future__ import annotations

from flask import Flask
from flask_babel import Babel

from helpdesk.web import access, assets, errors, filters, locale, navigation, security
from helpdesk.web.admin.blueprint import blueprint as admin
from helpdesk.web.auth.blueprint import blueprint as auth
from helpdesk.web.contact.blueprint import blueprint as contact
from helpdesk.web.files import blueprint as files
from helpdesk.web.home import blueprint as home
from helpdesk.web.inbox import blueprint as inbox
from helpdesk.web.look import blueprint as look
from helpdesk.web.portal.blueprint import blueprint as portal
from helpdesk.web.practice.blueprint import blueprint as practice
from helpdesk.web.setup.blueprint import blueprint as setup
from helpdesk.web.tickets.blueprint import blueprint as tickets
from helpdesk.web.trays.blueprint import blueprint as trays

BLUEPRINTS = (home, look, auth, setup, admin, tickets, inbox, portal, contact, practice, files, trays)


def init_app(app: Flask, babel: Babel) -> None:
    """Register blueprints, filters, error pages and the headers every response carries."""
    security.init_app(app)
    access.init_app(app)
    locale.init_app(app, babel)
    filters.init_app(app)
    assets.init_app(app)
    access.open_to_anyone(app, *security.PUBLIC_FILES)
    navigation.init_app(app)
    errors.init_app(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
