"""One's own page: name, language, time zone, password, and the browsers one is signed in with."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, render_template
from flask_babel import gettext as _
from flask_babel import refresh

from helpdesk.database import end_read, transaction
from helpdesk.errors import InvalidInput
from helpdesk.models import User
from helpdesk.services import digests, passwords, preferences, profiles, sessions, sign_in_links
from helpdesk.services.links import Purpose
from helpdesk.web import access
from helpdesk.web.access import require, viewer
from helpdesk.web.auth import limits
from helpdesk.web.auth.blueprint import blueprint
from helpdesk.web.auth.browsers import browser_name
from helpdesk.web.auth.forms import PasswordForm, ProfileForm
from helpdesk.web.auth.telling import DigestForm, digest_form, mutable_accounts, rows, switches
from helpdesk.web.errors import say
from helpdesk.web.security import go

Page = str | Response | tuple[str, int]


def _show(
    form: ProfileForm | None = None,
    password_form: PasswordForm | None = None,
    digest: DigestForm | None = None,
) -> str:
    user = viewer()
    if form is None:
        undo = "" if user.undo_seconds is None else str(user.undo_seconds)
        form = ProfileForm(
            None,
            name=user.name,
            language=user.language or "",
            timezone=user.timezone or "",
            undo_seconds=undo,
            signature=user.signature,
        )
        form.offer(is_team=user.is_team)
    return render_template(
        "auth/profile.html" if user.is_team else "portal/profile.html",
        form=form,
        password_form=password_form or PasswordForm(None),
        sessions=sessions.of_user(user),
        this_session=access.current_session(),
        browser_name=browser_name,
        may_have_password=profiles.may_have_password(user),
        **(_of_the_team(user, digest) if user.is_team else {"switches": switches(user)}),
    )


def _of_the_team(user: User, digest: DigestForm | None) -> dict[str, Any]:
    """How a member of the team is told."""
    return {
        "rows": rows(user),
        "accounts": mutable_accounts(user),
        "digest": digest or digest_form(user),
        "gathered": digests.gathered(user),
    }


@blueprint.get("/profile")
@require("person")
def profile() -> Page:
    return _show()


@blueprint.post("/profile")
@require("person")
def save_profile() -> Page:
    form = ProfileForm()
    form.offer(is_team=viewer().is_team)
    if not form.validate():
        return _show(form), 422
    with transaction():
        profiles.update(
            viewer(),
            name=form.name.data or "",
            language=form.language.data or None,
            timezone=form.timezone.data or None,
        )
        if form.undo_seconds is not None:
            profiles.set_undo_time(viewer(), form.undo_seconds.data)
            profiles.set_signature(viewer(), form.signature.data or "")
    refresh()
    flash(_("Saved."), "success")
    return go("auth.profile")


@blueprint.post("/profile/digest")
@require("team")
def choose_digest() -> Page:
    form = DigestForm()
    form.offer()
    if not form.validate():
        return _show(digest=form), 422
    with transaction():
        preferences.choose_digest(viewer(), form.rhythm, spares_urgent=form.spares_urgent.data)
    flash(_("Saved."), "success")
    return go("auth.profile", _anchor="digest")


@blueprint.post("/profile/password")
@limits.per_machine
@require("person")
def change_password() -> Page:
    form = PasswordForm()
    try:
        if not form.validate():
            return _show(password_form=form), 422
        _replace_password(viewer(), form.current.data, form.password.data)
    except InvalidInput as error:
        form.reject(error)
        return _show(password_form=form), 422
    flash(_("Your password is changed; all other browsers are signed out."), "success")
    return go("auth.profile")


@blueprint.post("/profile/password-link")
@limits.per_machine
@require("person")
def mail_password_link() -> Page:
    """For somebody who has no password yet, or forgot it: what is mailed proves that the address is his."""
    try:
        with transaction():
            email = sign_in_links.send_to_self(Purpose.PASSWORD, viewer())
    except InvalidInput as error:
        say(error)
    else:
        flash(_("A link to choose a password is on its way to %(email)s.", email=email), "success")
    return go("auth.profile")


def _replace_password(user: User, current: str, new: str) -> None:
    """Raises InvalidInput when the current password is wrong or the new one too weak."""
    stored = user.password_hash if profiles.may_have_password(user) else None
    end_read()
    if not passwords.verify(stored, current):
        raise InvalidInput("This is not your current password.", field="current")
    hashed = passwords.hash_password(new)
    with transaction():
        profiles.set_password(user, hashed, actor=user, keep_token=access.current_token())


@blueprint.post("/profile/sessions/<int:session_id>/end")
@require("person")
def end_session(session_id: int) -> Response:
    with transaction():
        sessions.end_one(viewer(), session_id)
    flash(_("Signed out there."), "success")
    return go("auth.profile")


@blueprint.post("/profile/sessions/end-others")
@require("person")
def end_other_sessions() -> Response:
    with transaction():
        sessions.end_all(viewer(), keep_token=access.current_token())
    flash(_("Signed out everywhere else."), "success")
    return go("auth.profile")
