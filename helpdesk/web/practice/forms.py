"""What one types as a customer."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_wtf.file import MultipleFileField
from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from helpdesk.services.practice import Mailboxes
from helpdesk.web.forms import Form, address_field, name_field, options, trimmed

MAX_TEXT = 200_000
# People to be, with a click: the name, the address.
PERSONAS = (
    ("Jonas Berg", "jonas.berg@nordlicht.example"),
    ("Maria Rossi", "maria@fioreria-rossi.example"),
    ("Aiko Tanaka", "aiko.tanaka@kumo.example"),
    ("Dietmar Wolf", "d.wolf@wolf-holzbau.example"),
)


class CustomerMailForm(Form):
    """A mail to the desk."""

    name = name_field(_("Name"))
    email = address_field(_("Address"))
    account = SelectField(_("To"), coerce=int)
    subject = StringField(_("Subject"), filters=[trimmed], validators=[Length(max=900)])
    text = TextAreaField(
        _("Text"), validators=[InputRequired(_("Please write something.")), Length(max=MAX_TEXT)]
    )
    files = MultipleFileField(_("Attach files"))
    answer_to = HiddenField()

    def offer(self, boxes: Mailboxes) -> None:
        self.account.choices = options(*((one.id, one.email) for one in boxes.writable))
