"""The browser's door: one blueprint package per subject, all served to people."""

from __future__ import annotations

from flask import Flask
from flask_babel import Babel

from helpdesk.web import assets, filters


def init_app(app: Flask, babel: Babel) -> None:
    """Register blueprints, filters, error pages and the headers every response carries."""
    babel.init_app(app)
    filters.init_app(app)
    assets.init_app(app)
