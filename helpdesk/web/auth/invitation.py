"""Choosing a password by a mailed link: an invitation to the team, or a forgotten one."""

from __future__ import annotations

from flask import Response, render_template

from helpdesk.database import end_read, transaction
from helpdesk.errors import InvalidInput
from helpdesk.services import links, passwords, profiles
from helpdesk.services.links import Purpose
from helpdesk.web import access
from helpdesk.web.access import require
from helpdesk.web.auth import limits
from helpdesk.web.auth.blueprint import blueprint
from helpdesk.web.auth.forms import InvitationForm, NewPasswordForm
from helpdesk.web.auth.links import Page, dead_link
from helpdesk.web.home import landing_url
from helpdesk.web.security import go_to

ChoosingForm = InvitationForm | NewPasswordForm


def _choose(token: str, purpose: Purpose, form: ChoosingForm, template: str) -> Page:
    row = links.find(token, purpose)
    if row is None or row.user is None or not profiles.may_have_password(row.user):
        return dead_link()
    user = row.user
    if form.validate_on_submit():
        try:
            return _set_password(token, purpose, form) or dead_link()
        except InvalidInput as error:
            form.reject(error)
    elif isinstance(form, InvitationForm) and not form.is_submitted():
        form.name.data = user.name
    page = render_template(template, form=form, token=token, user=user)
    return page, 422 if form.is_submitted() else 200


def _set_password(token: str, purpose: Purpose, form: ChoosingForm) -> Response | None:
    """None when somebody else was faster. Raises InvalidInput for a weak password; the link then still works."""
    end_read()
    hashed = passwords.hash_password(form.password.data)
    with transaction():
        row = links.redeem(token, purpose)
        user = row.user if row else None
        if user is None:
            return None
        if isinstance(form, InvitationForm) and form.name.data:
            profiles.rename(user, form.name.data)
        profiles.set_password(user, hashed, actor=user)
    access.sign_in(user)
    return go_to(landing_url())


@blueprint.route("/invitation/<token>", methods=["GET", "POST"])
@limits.per_machine
@require("anyone")
def invitation(token: str) -> Page:
    return _choose(token, Purpose.INVITATION, InvitationForm(), "auth/invitation.html")


@blueprint.route("/password/<token>", methods=["GET", "POST"])
@limits.per_machine
@require("anyone")
def new_password(token: str) -> Page:
    return _choose(token, Purpose.PASSWORD, NewPasswordForm(), "auth/new_password.html")
