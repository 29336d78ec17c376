"""What the buttons of the account form do: fill in a provider's servers, ask for folders, test, save."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import request
from flask_babel import gettext as _

from helpdesk.database import end_read, transaction, utcnow
from helpdesk.errors import HelpdeskError
from helpdesk.models import EmailAccount, User
from helpdesk.models.mail import SignIn
from helpdesk.services import accounts, fetch, oauth
from helpdesk.services.accounts import TestResult
from helpdesk.web.account_form import AccountForm
from helpdesk.web.errors import sentence


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of pressing a button: the saved account, or a test's result, or a form with errors."""

    saved: EmailAccount | None = None
    result: TestResult | None = None
    status: int = 200


def submit(form: AccountForm, person: User, account: EmailAccount | None = None) -> Outcome:
    """Do what the pressed button says. Passwords stay in the form, encrypted."""
    wish = request.form.get("do", "save")
    form.offer_frequency(account)
    form.fill_servers(replace=wish == "fill")
    if wish == "fill":
        form.keep_passwords(person)
        return Outcome()
    try:
        if wish == "folders":
            return _ask_for_folders(form, person, account)
        if form.validate():
            return _test(form, person, account) if wish == "test" else _save(form, person, account)
    except HelpdeskError as error:
        form.reject(error)
    form.keep_passwords(person)
    return Outcome(status=422)


SERVER_FIELDS = ("email", "protocol", "incoming_host", "incoming_port", "incoming_security")


def _ask_for_folders(form: AccountForm, person: User, account: EmailAccount | None) -> Outcome:
    """Only what leads to the server need be right by now."""
    wrong = [name for name in SERVER_FIELDS if not form[name].validate(form)]
    if wrong:
        form.keep_passwords(person)
        return Outcome(status=422)
    draft = accounts.draft(form.email.data, account, **form.values(person, account))
    form.keep_passwords(person)
    end_read()
    try:
        names = accounts.folders_of(draft)
    except HelpdeskError as error:
        form.incoming_host.errors = [sentence(error)]
        return Outcome(status=422)
    if not names:
        form.protocol.errors = [_("POP3 has one mailbox, without folders.")]
    form.offer_folders(names)
    return Outcome()


def _test(form: AccountForm, person: User, account: EmailAccount | None) -> Outcome:
    draft = accounts.draft(form.email.data, account, **form.values(person, account))
    form.keep_passwords(person)
    end_read()
    result = accounts.test_connection(draft)
    if account is None and result.incoming_ok:
        draft.start_at = utcnow()
        result = replace(result, first_look=_first_look(draft))
    return Outcome(result=result)


def _first_look(draft: EmailAccount) -> int | None:
    """None when the server answers that no more: the test has said what it does."""
    try:
        return fetch.first_look(draft)
    except HelpdeskError:
        return None


def needs_permission(account: EmailAccount) -> bool:
    """Whether the next step is to connect the account with its provider."""
    return account.incoming_sign_in is SignIn.OAUTH2 and not oauth.is_connected(account.id)


def _save(form: AccountForm, person: User, account: EmailAccount | None) -> Outcome:
    values = form.values(person, account)
    with transaction():
        if account is None:
            account = accounts.create(form.email.data, actor=person, **values)
        else:
            accounts.update(account, actor=person, **values)
    return Outcome(saved=account)
