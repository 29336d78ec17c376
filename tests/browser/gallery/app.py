"""A tiny application around the product's templates and static files, with its Content-Security-Policy and sample data."""

from pathlib import Path

from flask import Flask, flash, render_template, request
from flask_babel import Babel
from flask_wtf import CSRFProtect
from jinja2 import ChoiceLoader, FileSystemLoader

import helpdesk
from helpdesk.web import assets, filters
from tests.browser.gallery import samples

PRODUCT = Path(helpdesk.__file__).parent
HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors {ancestors}"
)
PAGES = sorted(path.stem for path in (HERE / "pages").glob("[!_]*.html"))
ERRORS = ["400", "403", "404", "413", "429", "500"]


def create_gallery():
    app = Flask("gallery", static_folder=PRODUCT / "static", static_url_path="/static")
    app.config.update(SECRET_KEY="only for still pictures", WTF_CSRF_ENABLED=True)
    app.jinja_loader = ChoiceLoader(
        [FileSystemLoader(PRODUCT / "templates"), FileSystemLoader(HERE / "pages")]
    )
    Babel(app)
    CSRFProtect(app)
    filters.init_app(app)
    assets.init_app(app)
    app.jinja_env.globals["samples"] = samples
    app.add_url_rule("/<page>", view_func=show_page)
    app.add_url_rule("/error-<code>", view_func=show_error)
    app.add_url_rule("/mail-frame", view_func=show_mail)
    app.after_request(_secure)
    return app


def show_page(page):
    if page not in PAGES:
        return "", 404
    if "flash" in request.args:
        flash("Answer sent to Jonas Berg.")
    return render_template(
        f"{page}.html",
        nav=samples.nav(settings=page.startswith("admin")),
        settings_nav=samples.SETTINGS,
        desk_name="Fjord Office",
        portal={
            "home_url": "/portal-list",
            "user_email": "jonas@nordlicht.example",
            "sign_out_url": "#",
            "links": [("Your tickets", "/portal-list", True), ("Your profile", "#", False)],
        },
    )


def show_error(code):
    return render_template(f"errors/{code}.html", incident="7f3a-91c2", desk_name="Fjord Office")


def show_mail():
    return "<!doctype html><title>Mail</title><h1>Designed mail</h1>" + "<p>A line of a newsletter.</p>" * 30


def _secure(response):
    is_frame = request.path == "/mail-frame"
    response.headers["Content-Security-Policy"] = POLICY.format(ancestors="'self'" if is_frame else "'none'")
    return response
