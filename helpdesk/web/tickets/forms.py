"""What agents type about tickets."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import EmailField, HiddenField, MultipleFileField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from helpdesk.web.forms import Form


class NewTicketForm(Form):
    """A ticket on behalf of a customer, with the first answer to him."""

    account = SelectField(_("Mail account"), coerce=int)
    requester = EmailField(
        _("Customer's address"), validators=[DataRequired(_("Please enter an address.")), Length(max=254)]
    )
    requester_name = StringField(_("Customer's name"), validators=[Length(max=255)])
    subject = StringField(
        _("Subject"), validators=[DataRequired(_("Please give the ticket a subject.")), Length(max=255)]
    )
    text = TextAreaField(_("Message to the customer"))
    files = MultipleFileField(_("Attach files"))
    priority = SelectField(_("Priority"), choices=[])
    category = SelectField(_("Category"), choices=[])
    assignee = SelectField(_("Assignee"), coerce=int)
    form_key = HiddenField(validators=[DataRequired(), Length(min=16, max=64)])
