"""What is read of an account's mail, and what happens there to what was taken: fields of the account form."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import IntegerField, SelectField, SelectMultipleField, StringField
from wtforms.validators import DataRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from helpdesk.models import EmailAccount
from helpdesk.models.mail import AfterTaking
from helpdesk.policy.folders import distinct, is_among
from helpdesk.web.forms import Form, options, trimmed

PROTOCOLS = options(("imap", _("IMAP")), ("pop3", _("POP3")))
AFTER = options(
    (AfterTaking.SEEN.value, _("Mark it as read")),
    (AfterTaking.LEAVE.value, _("Leave it as it is")),
    (AfterTaking.MOVE.value, _("Move it to a folder")),
    (AfterTaking.DELETE.value, _("Delete it")),
)
USUAL_PORTS = {"imap": (993, 143), "pop3": (995, 110)}
MOST_FOLDERS = 50
MAX_NAME = 255
DAYS = _("Use 0 to 3650 days.")
COLUMNS = ("incoming_folder", "other_folders", "after_taking", "move_to_folder", "delete_after_days",
           "first_fetch_days")  # fmt: skip


def _days(label: str, default: int) -> IntegerField:
    return IntegerField(label, default=default, validators=[Optional(), NumberRange(0, 3650, DAYS)])


class TakingFields(Form):
    """`folder_choices` are the server's folders once it was asked for them."""

    protocol = SelectField(_("Protocol"), choices=PROTOCOLS, default="imap")
    incoming_folder = StringField(
        _("Folder"),
        default="INBOX",
        filters=[trimmed],
        validators=[
            DataRequired(_("Please name a folder; the ordinary one is INBOX.")),
            Length(max=MAX_NAME),
        ],
    )
    other_folders = SelectMultipleField(
        _("Read these folders as well"),
        validate_choice=False,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    after_taking = SelectField(
        _("What happens there to taken mail"), choices=AFTER, default=AfterTaking.SEEN.value
    )
    move_to_folder = StringField(
        _("Move it to"), default="", filters=[trimmed], validators=[Length(max=MAX_NAME)]
    )
    delete_after_days = _days(_("By POP3, delete it after (days)"), 14)
    first_fetch_days = _days(_("At the first look, take mail of the last (days)"), 7)
    folder_choices: Sequence[str] = ()

    def show_taking(self, account: EmailAccount) -> None:
        """As the account is."""
        self.protocol.data = account.incoming_protocol
        self.after_taking.data = account.after_taking.value

    def offer_folders(self, names: Sequence[str] = ()) -> None:
        """Those of the server, and those chosen before."""
        self.folder_choices = names
        chosen = self.other_folders.data or []
        known = dict.fromkeys([*chosen, *(name for name in names if name != self.incoming_folder.data)])
        self.other_folders.choices = options(*((name, name) for name in known))

    def is_taking_right(self) -> bool:
        """What no field can tell alone; says it at the fields."""
        found = [self._port_is_wrong(), self._folders_are_wrong(), self._move_is_wrong()]
        return not any(found)

    def taking_values(self) -> dict[str, object]:
        """The account's columns; a number left out stays as it is. POP3 knows no marks: what is not deleted is left."""
        sent = {name: self[name].data for name in COLUMNS}
        values: dict[str, object] = {name: value for name, value in sent.items() if value is not None}
        after = AfterTaking(self.after_taking.data)
        is_left = self.protocol.data == "pop3" and after is not AfterTaking.DELETE
        values["after_taking"] = AfterTaking.LEAVE if is_left else after
        main = [self.incoming_folder.data or ""]
        chosen = distinct(self.other_folders.data or [])
        values["other_folders"] = [name for name in chosen if not is_among(name, main)]
        values["move_to_folder"] = self.move_to_folder.data or ""
        return values | {"incoming_protocol": self.protocol.data}

    def _port_is_wrong(self) -> bool:
        own = USUAL_PORTS.get(self.protocol.data, ())
        others = {port for ports in USUAL_PORTS.values() for port in ports} - {*own}
        if not own or self["incoming_port"].data not in others:
            return False
        sentence = gettext(
            "This is a port of the other protocol. Usual are %(tls)d for TLS and %(plain)d for STARTTLS.",
            tls=own[0],
            plain=own[1],
        )
        return _refuse(self["incoming_port"], sentence)

    def _folders_are_wrong(self) -> bool:
        names = self.other_folders.data or []
        if len(names) <= MOST_FOLDERS and all(0 < len(name) <= MAX_NAME for name in names):
            return False
        return _refuse(
            self.other_folders, gettext("Please choose at most %(most)d folders.", most=MOST_FOLDERS)
        )

    def _move_is_wrong(self) -> bool:
        if self.after_taking.data != AfterTaking.MOVE.value:
            return False
        if self.protocol.data == "pop3":
            return _refuse(
                self.after_taking, gettext("POP3 knows no folders: mail can be left there or deleted.")
            )
        target = self.move_to_folder.data or ""
        if not target:
            return _refuse(self.move_to_folder, gettext("Please name the folder."))
        if is_among(target, [self.incoming_folder.data or "", *(self.other_folders.data or [])]):
            return _refuse(
                self.move_to_folder,
                gettext("Mail is read from this folder; moving it there would bring it back."),
            )
        return False


def _refuse(field: StringField | IntegerField | SelectField | SelectMultipleField, sentence: str) -> bool:
    field.errors = [*field.errors, sentence]
    return True
