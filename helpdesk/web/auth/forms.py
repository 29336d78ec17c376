"""What people type to come in, and about themselves."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import PasswordField, SelectField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional

from helpdesk.languages import LANGUAGES
from helpdesk.services import profiles
from helpdesk.services.passwords import MAX_LENGTH
from helpdesk.web.forms import Form, address_field, name_field, new_password_field, options, trimmed
from helpdesk.web.zone_field import ZoneField

UNDO_SECONDS = (5, 10, 15, 30, 60, 120)


def _known_password(label: str) -> PasswordField:
    return PasswordField(
        label,
        validators=[DataRequired(_("Please enter your password."))],
        render_kw={"autocomplete": "current-password", "maxlength": MAX_LENGTH},
    )


class SignInForm(Form):
    email = address_field()
    password = _known_password(_("Password"))


class LinkForm(Form):
    email = address_field()


class InvitationForm(Form):
    name = name_field(_("Your name"))
    password = new_password_field()


class NewPasswordForm(Form):
    password = new_password_field()


class PasswordForm(Form):
    current = _known_password(_("Current password"))
    password = new_password_field()


class ProfileForm(Form):
    name = name_field()
    language = SelectField(_("Language"), validators=[Optional()])
    timezone = ZoneField(_("Time zone"), validators=[Optional()])
    signature = TextAreaField(
        _("Signature"), filters=[trimmed], validators=[Length(max=profiles.MAX_SIGNATURE)]
    )
    undo_seconds = SelectField(_("Undo sending"), validators=[Optional()])

    def offer(self, *, is_team: bool) -> None:
        """Fill the lists; the first choice of each is the desk's own. Customers send nothing that waits."""
        if not is_team:
            del self.undo_seconds, self.signature
        else:
            spans = [(str(span), _("within %(seconds)s seconds", seconds=span)) for span in UNDO_SECONDS]
            self.undo_seconds.choices = options(
                ("", _("As long as the desk says")), ("0", _("Not: send at once")), *spans
            )
        self.language.choices = options(("", _("As the browser asks")), *LANGUAGES.items())
        self.timezone.offer(options(("", _("The desk's time zone"))))
