"""What all forms share: trimmed words, messages of the domain at their field, and a key that makes a form single-use."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from flask import flash, request
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from helpdesk.errors import HelpdeskError, InvalidInput
from helpdesk.services import attachments
from helpdesk.services.attachments import MailFile
from helpdesk.services.passwords import MAX_LENGTH, MIN_LENGTH
from helpdesk.web.errors import sentence

AS_SENT: Any = object()


class Form(FlaskForm):
    """Fields not declared here are ignored, whatever a request sends.

    Flask-WTF would also take files for words, and JSON for a form; `read_files` reads files.
    """

    def __init__(self, formdata: Any = AS_SENT, **values: Any) -> None:
        if formdata is AS_SENT:
            formdata = request.form if self.is_submitted() else None
        super().__init__(formdata=formdata, **values)

    def reject(self, error: HelpdeskError) -> None:
        """Show the error at its field, or above the form when it has none."""
        field = self._fields.get(error.field) if isinstance(error, InvalidInput) and error.field else None
        if field is None:
            flash(sentence(error), "error")
        else:
            field.errors = [*field.errors, sentence(error)]


def options(*pairs: tuple[object, object]) -> list[SelectChoice]:
    """(value, text) pairs as a select field wants them."""
    return [SelectChoice(value, text) for value, text in pairs]


def trimmed(text: str | None) -> str | None:
    return text.strip() if text else text


def new_form_key() -> str:
    """For the hidden field that makes a form sent twice one act."""
    return secrets.token_urlsafe(24)


def is_form_key(text: str) -> bool:
    return 16 <= len(text) <= 64


def wants_json() -> bool:
    """Whether a script sent it."""
    return request.accept_mimetypes.best == "application/json"


def read_files(name: str, *, but_pictures: bool = False) -> list[MailFile]:
    """The files of a form, as often as asked. Raises InvalidInput for one that is too large."""
    return [
        attachments.uploaded(filename, content_type, data)
        for filename, content_type, data in _sent(name)
        if not but_pictures or attachments.pasted(filename, data) is None
    ]


def read_pictures(name: str) -> list[MailFile]:
    """Those files of a form that can be shown in a text, each with a new token."""
    found = (attachments.pasted(filename, data) for filename, _type, data in _sent(name))
    return [picture for picture in found if picture is not None]


def _sent(name: str) -> Iterator[tuple[str, str, bytes]]:
    for file in request.files.getlist(name):
        if file.filename:
            file.stream.seek(0)
            yield file.filename, file.mimetype, file.read()


def address_field(label: str | None = None) -> Any:
    return EmailField(
        label or _("E-mail address"),
        filters=[trimmed],
        validators=[DataRequired(_("Please enter an address.")), Length(max=254)],
    )


def name_field(label: str | None = None) -> Any:
    return StringField(label or _("Name"), filters=[trimmed], validators=[Length(max=255)])


def new_password_field() -> Any:
    """Checked by `services.passwords`, which also says how strong it must be."""
    return PasswordField(
        _("New password"),
        validators=[DataRequired(_("Please choose a password."))],
        render_kw={"autocomplete": "new-password", "minlength": MIN_LENGTH, "maxlength": MAX_LENGTH},
    )
