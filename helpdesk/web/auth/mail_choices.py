"""Which mails a person gets, by the signed link under each of them and without signing in. Source: RFC 8058, RFC 2369.

Opening the link changes nothing: scanners of mail open links, too. A mail program's own button sends what RFC 8058 says,
from nowhere and without a cookie; that request alone needs no form token, for the link itself is one.
"""

from __future__ import annotations

import hashlib

from flask import Response, flash, render_template, request
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import BadRequest
from wtforms import SelectField
from wtforms.validators import Optional

from helpdesk.database import transaction
from helpdesk.extensions import csrf, limiter
from helpdesk.languages import LANGUAGES
from helpdesk.policy.audience import Kind
from helpdesk.services import mail_choices, settings
from helpdesk.services.mail_choices import Reader
from helpdesk.web.access import require
from helpdesk.web.auth.blueprint import blueprint
from helpdesk.web.auth.telling import switches
from helpdesk.web.forms import Form, options
from helpdesk.web.machine import machine
from helpdesk.web.security import go

Page = str | Response | tuple[str, int]
FIELD, ONE_CLICK = "List-Unsubscribe", "One-Click"
PER_MACHINE = "300 per 5 minutes"  # a large provider asks from a few machines for all of its customers
PER_LINK = "20 per 5 minutes"


def _link() -> str:
    return "link:" + hashlib.sha256(request.path.encode("utf-8", "surrogatepass")).hexdigest()[:32]


per_machine = limiter.shared_limit(PER_MACHINE, scope="mail-choices", key_func=machine)
per_link = limiter.shared_limit(PER_LINK, scope="mail-choices-link", key_func=_link, methods=["POST"])


class ChoicesForm(Form):
    language = SelectField(_l("Language of our mails"), validators=[Optional()])

    def offer(self) -> None:
        desk = LANGUAGES.get(settings.language(), settings.language())
        usual = _("As usual here: %(language)s", language=desk)
        self.language.choices = options(("", usual), *LANGUAGES.items())


def _page(reader: Reader, form: ChoicesForm | None = None, *, is_off: bool = False) -> str:
    """In the language of the person's mails."""
    with force_locale(_language_of(reader)):
        if form is None:
            form = ChoicesForm(None, language=reader.user.language or "")
            form.offer()
        shown = switches(reader.user)
        kind = next((one for one in shown if reader.kind is not None and one[0] == reader.kind.value), None)
        return render_template(
            "auth/mail_choices.html",
            person=reader.user,
            email=reader.email,
            form=form,
            switches=shown,
            kind=kind,
            is_any_on=any(is_on for _, _, is_on in shown),
            is_about_all=reader.kind is None,
            is_off=is_off,
            field=FIELD,
            one_click=ONE_CLICK,
            token=(request.view_args or {})["token"],
        )


def _language_of(reader: Reader) -> str:
    known = reader.user.language in LANGUAGES
    return str(reader.user.language) if known else settings.language()


def _dead() -> Page:
    """One page for unknown, forged, and past its end."""
    return render_template("auth/dead_choices.html"), 404


@blueprint.get("/your-mails/<token>")
@per_machine
@require("anyone")
def choose_mails(token: str) -> Page:
    reader = mail_choices.find(token)
    return _dead() if reader is None else _page(reader)


@csrf.exempt
@blueprint.post("/your-mails/<token>")
@per_machine
@per_link
@require("anyone")
def switch_off_mails(token: str) -> Page:
    """What a mail program's own button sends: no more mails of this kind. Anything else is no such request."""
    if request.form.get(FIELD, "").strip().lower() != ONE_CLICK.lower():
        raise BadRequest
    with transaction():
        reader = mail_choices.find(token)
        if reader is not None:
            mail_choices.switch_off(reader)
    return _dead() if reader is None else _page(reader, is_off=True)


@blueprint.post("/your-mails/<token>/choices")
@per_machine
@per_link
@require("anyone")
def save_mail_choices(token: str) -> Page:
    """A kind that is not in the form is off, as boxes are."""
    reader, form = mail_choices.find(token), ChoicesForm()
    if reader is None:
        return _dead()
    form.offer()
    if not form.validate():
        return _page(reader, form), 422
    wanted = [kind for kind in Kind if kind.value in request.form]
    with transaction():
        reader = mail_choices.find(token)
        if reader is not None:
            mail_choices.choose(reader, wanted, form.language.data or None)
    if reader is None:
        return _dead()
    with force_locale(_language_of(reader)):
        flash(_("Saved."), "success")
    return go("auth.choose_mails", token=token)
