"""What customers write: a new ticket, and words on one they have."""

from __future__ import annotations

from flask import request
from flask_babel import lazy_gettext as _
from flask_wtf.file import MultipleFileField
from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length

from helpdesk.models import EmailAccount
from helpdesk.policy.status import Category
from helpdesk.web.forms import Form, options, trimmed
from helpdesk.web.tickets.wording import category_word


class OwnTicketForm(Form):
    """A customer's new ticket."""

    account = SelectField(_("Who is it for?"), coerce=int)
    subject = StringField(
        _("Subject"),
        filters=[trimmed],
        validators=[DataRequired(_("Please say in a few words what it is about.")), Length(max=255)],
    )
    category = SelectField(_("What kind of question is it?"))
    text = TextAreaField(_("Your message"), validators=[InputRequired(_("Please write what happened."))])
    attachments = MultipleFileField(_("Attach files"))
    form_key = HiddenField(validators=[DataRequired(), Length(min=16, max=64)])

    def offer(self, accounts: list[EmailAccount]) -> None:
        """Fill the lists."""
        self.account.choices = options(*((one.id, public_name(one)) for one in accounts))
        self.category.choices = options(*((c.value, category_word(c)) for c in Category))
        if len(accounts) == 1:
            self.account.data = accounts[0].id


def public_name(account: EmailAccount) -> str:
    """How customers know an account: by what its mails say."""
    return account.from_name or account.name or account.email


def chosen_files() -> bool:
    """Browsers forget chosen files when a form comes back; better said than found out."""
    return any(file.filename for file in request.files.getlist("attachments"))
