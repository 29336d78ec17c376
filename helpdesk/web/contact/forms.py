"""What somebody types who has not signed in."""

from __future__ import annotations

from flask import current_app, request
from flask_babel import lazy_gettext as _
from flask_wtf.file import MultipleFileField
from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length

from helpdesk.errors import InvalidInput
from helpdesk.models import EmailAccount
from helpdesk.policy.contact import MAX_BYTES, MAX_FILES, MAX_NAME
from helpdesk.policy.status import Category
from helpdesk.services.attachments import MailFile
from helpdesk.web.forms import Form, address_field, options, read_files, trimmed
from helpdesk.web.portal.forms import public_name
from helpdesk.web.tickets.wording import category_word


class ContactForm(Form):
    """`website` is a trap: people do not see it, machines fill it in."""

    name = StringField(_("Your name"), filters=[trimmed], validators=[Length(max=MAX_NAME)])
    email = address_field(_("Your e-mail address"))
    account = SelectField(_("Who is it for?"), coerce=int)
    subject = StringField(
        _("Subject"),
        filters=[trimmed],
        validators=[DataRequired(_("Please say in a few words what it is about.")), Length(max=255)],
    )
    category = SelectField(_("What kind of question is it?"))
    text = TextAreaField(_("Your message"), validators=[InputRequired(_("Please write what happened."))])
    attachments = MultipleFileField(_("Attach files"))
    stamp = HiddenField()
    website = StringField()

    def offer(self, accounts: list[EmailAccount]) -> None:
        """Fill the lists; where there is one account only, nothing is asked."""
        self.account.choices = options(*((one.id, public_name(one)) for one in accounts))
        self.category.choices = options(*((c.value, category_word(c)) for c in Category))
        if len(accounts) == 1:
            self.account.data = accounts[0].id


def most_bytes() -> int:
    """How much all files together may hold."""
    return min(MAX_BYTES, int(current_app.config["EMAIL_MAX_ATTACHMENT_SIZE"]))


def read_public_files() -> list[MailFile]:
    """Raises InvalidInput for more than a stranger may leave here."""
    if sum(bool(file.filename) for file in request.files.getlist("attachments")) > MAX_FILES:
        raise InvalidInput("Please attach at most %(count)d files.", field="attachments", count=MAX_FILES)
    files = read_files("attachments")
    if sum(len(file.data) for file in files) > most_bytes():
        limit = most_bytes() // 1_000_000
        raise InvalidInput("All files together may have %(limit)d MB.", field="attachments", limit=limit)
    return files
