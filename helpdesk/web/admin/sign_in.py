"""An account's third page: signing in to its servers with a provider's permission (OAuth 2) instead of a password.

The way to the provider leads over a page of ours with a link, which also goes on by itself: browsers refuse to let a
form lead to another site under our policy, and nothing here needs JavaScript.
"""

from __future__ import annotations

import json

from flask import Response, flash, make_response, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, PasswordField, SelectField, StringField
from wtforms.validators import Length

from helpdesk.database import end_read, transaction
from helpdesk.errors import ConfigError, HelpdeskError, NotFound, TransportError
from helpdesk.models import EmailAccount
from helpdesk.models.mail import SignIn
from helpdesk.policy.oauth import OAuthProvider
from helpdesk.services import accounts, keys, oauth
from helpdesk.services import oauth_connecting as connecting
from helpdesk.services.oauth_connecting import Answer
from helpdesk.web.access import current_token, require, viewer
from helpdesk.web.admin.blueprint import blueprint
from helpdesk.web.errors import say, sentence
from helpdesk.web.forms import Form, options, trimmed
from helpdesk.web.security import go

Page = str | Response | tuple[str, int]
PROVIDERS = options(
    (OAuthProvider.GOOGLE.value, "Google (Gmail, Workspace)"),
    (OAuthProvider.MICROSOFT.value, "Microsoft (365, Outlook.com)"),
    (OAuthProvider.CUSTOM.value, _l("Another one")),
)
OFF = {"autocomplete": "off", "spellcheck": "false"}


def _line(label: str, most: int = 255) -> StringField:
    return StringField(label, filters=[trimmed], validators=[Length(max=most)], render_kw=OFF)


class RegistrationForm(Form):
    """The desk as a provider knows it; named as the columns."""

    provider = SelectField(_l("Provider"), choices=PROVIDERS)
    client_id = _line(_l("Client ID"))
    client_secret = PasswordField(
        _l("Client secret"), validators=[Length(max=1000)], render_kw={"autocomplete": "new-password"}
    )
    tenant = _line(_l("Organisation (tenant)"), 100)
    authorize_url = _line(_l("Address people are sent to"), 900)
    token_url = _line(_l("Address of the tokens"), 900)
    scopes = _line(_l("Scopes"), 1000)

    kept_secret = HiddenField(validators=[Length(max=5000)])

    def values(self) -> dict[str, str]:
        found = {name: str(self[name].data or "") for name in (*connecting.COLUMNS, "client_secret")}
        return found | {"client_secret": found["client_secret"] or self._kept()}

    def keep_secret(self) -> None:
        """Before the form is shown again: what was typed survives an error, for nobody but this person."""
        secret = self.client_secret.data or self._kept()
        kept = json.dumps({"for": viewer().id, "form": "registration", "secret": secret})
        self.kept_secret.data = keys.encrypt(kept) if secret else ""

    def _kept(self) -> str:
        try:
            found = json.loads(keys.decrypt(self.kept_secret.data)) if self.kept_secret.data else {}
        except (ConfigError, ValueError):
            return ""
        is_ours = found.get("for") == viewer().id and found.get("form") == "registration"
        return str(found["secret"]) if is_ours else ""


@blueprint.get("/accounts/<int:account_id>/sign-in")
@require("admin")
def show_sign_in(account_id: int) -> Page:
    found = _account(account_id)
    connection = oauth.find(found.id)
    form = RegistrationForm(None, obj=connection or Guess(found))
    return _page(found, form, is_shared=connection is None and bool(form.client_id.data))


def _account(account_id: int) -> EmailAccount:
    """Raises NotFound where there is nothing to sign in to, or where the environment says how."""
    found = accounts.get(account_id)
    if found.source == "env" or found.incoming_protocol == "maildir":
        raise NotFound("There is no such page.")
    return found


class Guess:
    """What a form about this account begins with: its provider, and how the desk is registered there already."""

    def __init__(self, account: EmailAccount) -> None:
        is_microsoft = account.incoming_host.endswith((".office365.com", ".outlook.com"))
        is_google = account.incoming_host.endswith(".gmail.com")
        known = OAuthProvider.MICROSOFT if is_microsoft else OAuthProvider.CUSTOM
        self.provider = OAuthProvider.GOOGLE if is_google else known
        registered = connecting.registration_to_share(self.provider)
        for name in connecting.COLUMNS if registered else ():
            setattr(self, name, getattr(registered, name))


def _page(
    account: EmailAccount, form: RegistrationForm, *, go_on_to: str = "", is_shared: bool = False
) -> str:
    form.client_secret.data = ""
    connection = oauth.find(account.id)
    return render_template(
        "admin/account_sign_in.html",
        account=account,
        form=form,
        connection=connection,
        provider=oauth.provider_name(connection) if connection else "",
        redirect_uri=oauth.redirect_uri(),
        uses_token=account.incoming_sign_in is SignIn.OAUTH2,
        go_on_to=go_on_to,
        is_shared=is_shared,
    )


@blueprint.post("/accounts/<int:account_id>/sign-in")
@require("admin")
def save_sign_in(account_id: int) -> Page:
    found, form = _account(account_id), RegistrationForm()
    try:
        if form.validate():
            with transaction():
                connecting.save(found, form.values(), actor=viewer())
            flash(_("Saved. Now connect the account."), "success")
            return go("admin.show_sign_in", account_id=account_id)
    except HelpdeskError as error:
        form.reject(error)
    form.keep_secret()
    return _page(_account(account_id), form), 422


@blueprint.post("/accounts/<int:account_id>/connect")
@require("admin")
def connect_account(account_id: int) -> Page:
    """Lead the person to the provider."""
    try:
        with transaction():
            url = connecting.begin(account_id, actor=viewer(), session=current_token() or "")
    except HelpdeskError as error:
        say(error)
        return go("admin.show_sign_in", account_id=account_id)
    found = _account(account_id)
    response = make_response(_page(found, RegistrationForm(None, obj=oauth.find(account_id)), go_on_to=url))
    response.headers["Refresh"] = f"0; url={url}"
    return response


@blueprint.get("/accounts/oauth/callback")
@require("admin")
def oauth_callback() -> Page:
    """Where a provider sends people back to."""
    said = {name: request.args.get(name, "") for name in ("state", "code", "error")}
    answer = Answer(**said, description=request.args.get("error_description", ""))
    try:
        account_id = connecting.finish(answer, actor=viewer(), session=current_token() or "")
    except HelpdeskError as error:
        say(error)
        if isinstance(error, TransportError) and error.detail:
            flash(_("The provider's own words: %(words)s", words=error.detail), "error")
        known = connecting.account_of(answer)
        return go("admin.show_sign_in", account_id=known) if known else go("admin.accounts")
    _tell_whether_it_works(account_id)
    return go("admin.show_sign_in", account_id=account_id)


def _tell_whether_it_works(account_id: int) -> None:
    """A permission may be another user's: that shows at the mail server only."""
    trial = accounts.draft_of(accounts.get(account_id))
    end_read()
    trouble = accounts.try_incoming(trial)
    if trouble is not None:
        why = sentence(trouble)
        flash(_("The permission is there, but receiving does not work yet: %(why)s", why=why), "error")
    else:
        flash(_("Connected. Receiving works."), "success")


@blueprint.post("/accounts/<int:account_id>/disconnect")
@require("admin")
def disconnect_account(account_id: int) -> Response:
    found = _account(account_id)
    with transaction():
        connecting.forget(found, actor=viewer())
    flash(_("The permission is forgotten. The account signs in by its password again."), "success")
    return go("admin.show_sign_in", account_id=account_id)
