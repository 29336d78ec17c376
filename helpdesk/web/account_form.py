"""The form of a mail account, shared by set-up and administration: known providers, testing, saving.

A password never goes back to the browser in plain. What was typed survives a test or an error encrypted, in a hidden
field bound to the person, so that nobody types it twice.
"""

from __future__ import annotations

import json
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _
from wtforms import BooleanField, HiddenField, IntegerField, PasswordField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, StopValidation

from helpdesk.errors import ConfigError
from helpdesk.models import EmailAccount, User
from helpdesk.models.mail import AccountKind, SignIn
from helpdesk.services import accounts, keys
from helpdesk.web.account_taking import TakingFields
from helpdesk.web.filters import span
from helpdesk.web.forms import AS_SENT, address_field, options, trimmed
from helpdesk.web.mail_providers import PROVIDERS, Server, provider_of

KINDS = options(
    (AccountKind.SHARED.value, _("The whole team's")),
    (AccountKind.DEPARTMENT.value, _("A department's")),
    (AccountKind.INDIVIDUAL.value, _("One person's")),
)
SECURITY = options(
    ("tls", _("TLS from the start")),
    ("starttls", _("STARTTLS")),
    ("plain", _("None (this machine only)")),
)
SIGN_IN = options(
    (SignIn.PASSWORD.value, _("A password")),
    (SignIn.OAUTH2.value, _("A permission (OAuth 2)")),
)
WAYS_OUT = options(
    ("smtp", _("Through a mail server")),
    ("file", _("Into files, to try things out")),
)
PASSWORDS = ("incoming_password", "outgoing_password")
MOST_CONNECTIONS = 5
FREQUENCIES_S = (
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
)  # the scheduler looks for what is due every 15 seconds


def _server(label: str) -> StringField:
    return StringField(
        label, filters=[trimmed], validators=[DataRequired(_("Please enter a server.")), Length(max=255)]
    )


def _needed_to_send(form: Any, field: Any) -> None:
    """A server, unless mail goes into files."""
    if form.outgoing_protocol.data == "file" and not field.data:
        raise StopValidation
    DataRequired(_("Please enter a server."))(form, field)


def _port(default: int) -> IntegerField:
    wrong = _("Use a port from 1 to 65535.")
    return IntegerField(
        _("Port"), default=default, validators=[InputRequired(wrong), NumberRange(1, 65535, wrong)]
    )


def _limit(label: str, most: int, wrong: str) -> IntegerField:
    return IntegerField(label, default=0, validators=[Optional(), NumberRange(0, most, wrong)])


def _secret() -> PasswordField:
    return PasswordField(
        _("Password"), validators=[Length(max=1000)], render_kw={"autocomplete": "new-password"}
    )


def _user() -> StringField:
    return StringField(
        _("User"), filters=[trimmed], validators=[Length(max=255)], render_kw={"autocomplete": "off"}
    )


def ordinary_frequency_s() -> int:
    """How often a new account is looked at."""
    return int(current_app.config["EMAIL_TO_TICKET_CHECK_INTERVAL"])


class AccountForm(TakingFields):
    """Address, servers and logins of an account."""

    email = address_field()
    provider = SelectField(
        _("Provider"),
        choices=[
            *options(("", _("Another one, or as the address says"))),
            *(SelectChoice(p.key, p.name, optgroup=p.group) for p in PROVIDERS),
        ],
        validators=[Optional()],
    )
    kind = SelectField(_("Whose account it is"), choices=KINDS, default=AccountKind.SHARED.value)
    from_name = StringField(_("Sender's name in mails"), filters=[trimmed], validators=[Length(max=255)])
    incoming_host = _server(_("Server name"))
    incoming_port = _port(993)
    incoming_security = SelectField(_("Encryption"), choices=SECURITY, default="tls")
    incoming_username = _user()
    sign_in = SelectField(_("The desk signs in with"), choices=SIGN_IN, default=SignIn.PASSWORD.value)
    incoming_password = _secret()
    outgoing_protocol = SelectField(_("Mail leaves"), choices=WAYS_OUT, default="smtp")
    outgoing_host = StringField(
        _("Server name"), filters=[trimmed], validators=[_needed_to_send, Length(max=255)]
    )
    outgoing_port = _port(587)
    outgoing_security = SelectField(_("Encryption"), choices=SECURITY, default="starttls")
    same_login = BooleanField(_("The same user and password for sending"), default=True)
    outgoing_username = _user()
    outgoing_password = _secret()
    sends_per_minute = _limit(_("Mails a minute at most"), 10_000, _("Use 0 to 10,000; 0 for no limit."))
    sends_per_hour = _limit(_("Mails an hour at most"), 100_000, _("Use 0 to 100,000; 0 for no limit."))
    send_connections = IntegerField(
        _("Connections at once"),
        default=1,
        validators=[Optional(), NumberRange(1, MOST_CONNECTIONS, _("Use 1 to 5 connections."))],
    )
    is_fetching = BooleanField(_("Fetch mail from this account"), default=True)
    poll_frequency_s = SelectField(_("Time between two fetches"), coerce=int, default=ordinary_frequency_s)
    is_acknowledging = BooleanField(_("Confirm every new ticket to its sender"), default=True)
    is_offered = BooleanField(_("Let customers choose it for a new ticket"), default=True)
    kept_passwords = HiddenField(validators=[Length(max=20_000)])

    def __init__(self, formdata: Any = AS_SENT, **values: Any) -> None:
        super().__init__(formdata, **values)
        self.offer_frequency(values.get("obj"))
        self.offer_folders()

    def offer_frequency(self, account: EmailAccount | None) -> None:
        """The usual ones to choose from, and what the account has now or a new one would have."""
        known = {*FREQUENCIES_S, account.poll_frequency_s if account else ordinary_frequency_s()}
        self.poll_frequency_s.choices = options(*((every_s, span(every_s)) for every_s in sorted(known)))

    def validate(self, extra_validators: Any = None) -> bool:
        """Every field by itself, and what they say together."""
        is_right = super().validate(extra_validators)
        return self.is_taking_right() and is_right

    @property
    def hint(self) -> str:
        """What the chosen provider's customers must know."""
        found = provider_of(self.provider.data, self.email.data)
        return str(found.hint) if found else ""

    def fill_servers(self, *, replace: bool) -> None:
        """Put in the servers of the provider; those already typed stay unless `replace`, as do those it does not have."""
        found = provider_of(self.provider.data, self.email.data)
        if found is None:
            return
        incoming = found.incoming_by(self.protocol.data)
        for way, server in (("incoming", incoming), ("outgoing", found.outgoing)):
            if server is not None and (replace or not self[f"{way}_host"].data):
                self._fill_server(way, server)
        if replace and found.takes_no_passwords:
            self.sign_in.data = SignIn.OAUTH2.value
        if replace and found.incoming is None:  # a login for sending alone
            self.same_login.data, self.outgoing_username.data = False, found.user

    def _fill_server(self, way: str, server: Server) -> None:
        host, port, security = server
        self[f"{way}_host"].data = host
        self[f"{way}_port"].data, self[f"{way}_port"].raw_data = port, [str(port)]
        self[f"{way}_security"].data = security

    def typed_passwords(self, person: User) -> dict[str, str]:
        """Those typed now, else those kept from the last try."""
        kept = _open_kept(self.kept_passwords.data or "", person)
        return {name: self[name].data or kept.get(name, "") for name in PASSWORDS}

    def keep_passwords(self, person: User) -> None:
        """Before the form is shown again."""
        typed = self.typed_passwords(person)
        self.kept_passwords.data = _keep(typed, person) if any(typed.values()) else ""

    def has_kept(self) -> bool:
        return bool(self.kept_passwords.data)

    def values(self, person: User, account: EmailAccount | None = None) -> dict[str, object]:
        """The account's columns. Passwords come in plain; an empty one means: as it is stored.

        Raises InvalidInput for a stored password that would go to another server.
        """
        sent = {name: self[name].data for name in COLUMNS}
        values: dict[str, object] = {name: value for name, value in sent.items() if value is not None}
        values |= self.taking_values() | self.typed_passwords(person)
        if account is None:
            values["kind"] = AccountKind(self.kind.data)
        else:
            accounts.require_passwords(account, values, same_login=self.same_login.data)
        values["incoming_sign_in"] = method = SignIn(self.sign_in.data)
        values["outgoing_sign_in"] = method if self.same_login.data else SignIn.PASSWORD
        values["incoming_username"] = self.incoming_username.data or self.email.data
        if self.same_login.data:
            stored = keys.decrypt(account.incoming_password) if account else ""
            values["outgoing_username"] = values["incoming_username"]
            values["outgoing_password"] = values["incoming_password"] or stored
        return values


COLUMNS = (
    "from_name",
    "incoming_host",
    "incoming_port",
    "incoming_security",
    "outgoing_protocol",
    "outgoing_host",
    "outgoing_port",
    "outgoing_security",
    "outgoing_username",
    "sends_per_minute",
    "sends_per_hour",
    "send_connections",
    "is_fetching",
    "poll_frequency_s",
    "is_acknowledging",
    "is_offered",
)


def form_of(account: EmailAccount) -> AccountForm:
    """The form as the account is now, without its passwords."""
    form = AccountForm(None, obj=account)
    form.show_taking(account)
    form.same_login.data = account.outgoing_username == (account.incoming_username or account.email)
    form.sign_in.data = account.incoming_sign_in.value
    form.incoming_password.data = form.outgoing_password.data = ""
    return form


def _keep(passwords: dict[str, str], person: User) -> str:
    return keys.encrypt(json.dumps({"for": person.id, "form": "account", **passwords}))


def _open_kept(text: str, person: User) -> dict[str, str]:
    """Nothing for what was not kept for this person by this form."""
    try:
        found = json.loads(keys.decrypt(text)) if text else {}
    except (ConfigError, ValueError):
        return {}
    if not isinstance(found, dict) or found.get("for") != person.id or found.get("form") != "account":
        return {}
    return {name: str(found.get(name, "")) for name in PASSWORDS}
