"""Signing in with a password, and out again."""

from __future__ import annotations

import logging

from flask import Response, flash, render_template, request
from flask_babel import gettext as _

from helpdesk.database import end_read, transaction
from helpdesk.models import User
from helpdesk.services import passwords, people, profiles
from helpdesk.web import access
from helpdesk.web.access import require
from helpdesk.web.auth import limits
from helpdesk.web.auth.blueprint import blueprint
from helpdesk.web.auth.forms import SignInForm
from helpdesk.web.home import landing_url
from helpdesk.web.security import go, go_to, safe_next

logger = logging.getLogger(__name__)
Page = str | Response | tuple[str, int]


def check_password(email: str, password: str) -> User | None:
    """The active person these belong to. Takes as long for unknown people as for known ones.

    A hash made with earlier costs is made anew: only now is the password known.
    """
    user = people.find_user(email)
    may_enter = user is not None and user.is_active and profiles.may_have_password(user)
    stored = user.password_hash if user and may_enter else None
    end_read()
    if not passwords.verify(stored, password) or user is None or stored is None:
        return None
    _renew_hash(user.id, stored, password)
    return user


def _renew_hash(user_id: int, stored: str, password: str) -> None:
    end_read()
    renewed = passwords.renewed(stored, password)
    if renewed is not None:
        with transaction():
            profiles.renew_hash(user_id, stored, renewed)
        logger.info("password hashed anew user=%d", user_id)


@blueprint.route("/sign-in", methods=["GET", "POST"])
@limits.per_machine
@limits.per_address
@require("anyone")
def sign_in() -> Page:
    target = safe_next(request.args.get("next"))
    if request.method == "GET" and access.viewer_or_none() is not None:
        return go_to(target or landing_url())
    form = SignInForm()
    if form.validate_on_submit():
        user = check_password(form.email.data, form.password.data)
        if user is not None:
            access.sign_in(user)
            return go_to(target or landing_url())
        logger.info("sign-in refused ip=%s", request.remote_addr)
        flash(_("Address and password do not belong together."), "error")
    page = render_template("auth/sign_in.html", form=form, target=target)
    return page, 422 if form.is_submitted() else 200


@blueprint.post("/sign-out")
@require("person")
def sign_out() -> Response:
    access.sign_out()
    flash(_("You are signed out."), "success")
    return go("auth.sign_in")
