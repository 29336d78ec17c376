"""Signing in by a mailed link, and asking for one to set a new password.

Opening a link shows a page with one button; only pressing it uses the link up, since mail scanners open links too.
Whether an address is known can be told neither from the answer nor from the time it takes.
"""

from __future__ import annotations

import time

from flask import Response, render_template, request
from flask_babel import gettext as _

from helpdesk.database import end_read, transaction
from helpdesk.services import links, sign_in_links
from helpdesk.services.links import Purpose
from helpdesk.web import access
from helpdesk.web.access import require
from helpdesk.web.auth import limits
from helpdesk.web.auth.blueprint import blueprint
from helpdesk.web.auth.forms import LinkForm
from helpdesk.web.home import landing_url
from helpdesk.web.security import go_to, safe_next

Page = str | Response | tuple[str, int]
ANSWER_AFTER_S = 0.3  # longer than queueing a mail takes


def _ask(purpose: Purpose, template: str) -> Page:
    form, target = LinkForm(), safe_next(request.args.get("next"))
    if not form.validate_on_submit():
        return render_template(template, form=form, target=target), 422 if form.is_submitted() else 200
    end = time.monotonic() + ANSWER_AFTER_S
    with transaction():
        sign_in_links.send(purpose, form.email.data, target if purpose is Purpose.SIGN_IN else None)
    end_read()
    time.sleep(max(0.0, end - time.monotonic()))
    return render_template("auth/link_sent.html", email=form.email.data)


@blueprint.route("/sign-in/link", methods=["GET", "POST"])
@limits.per_machine
@limits.per_address
@require("anyone")
def ask_link() -> Page:
    return _ask(Purpose.SIGN_IN, "auth/ask_link.html")


@blueprint.route("/password", methods=["GET", "POST"])
@limits.per_machine
@limits.per_address
@require("anyone")
def ask_password() -> Page:
    return _ask(Purpose.PASSWORD, "auth/ask_password.html")


@blueprint.get("/sign-in/link/<token>")
@require("anyone")
def open_link(token: str) -> Page:
    if links.find(token, Purpose.SIGN_IN) is None:
        return dead_link()
    return render_template("auth/use_link.html", token=token, target=safe_next(request.args.get("next")))


@blueprint.post("/sign-in/link/<token>")
@limits.per_machine
@require("anyone")
def use_link(token: str) -> Page:
    with transaction():
        row = links.redeem(token, Purpose.SIGN_IN)
        user = row.user if row else None
    if user is None:
        return dead_link()
    access.sign_in(user)
    return go_to(safe_next(request.form.get("next")) or landing_url())


def dead_link() -> Page:
    """One sentence for unknown, used and past its end, with the way to a new one."""
    text = _("This link was already used, is too old, or was not copied completely.")
    return render_template("auth/dead_link.html", sentence=text), 404
