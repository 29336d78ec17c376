"""Mail accounts: how they are, adding and changing them, trying them, fetching now."""

from __future__ import annotations

from flask import Response, flash, render_template
from flask_babel import gettext as _

from helpdesk.database import end_read, transaction
from helpdesk.errors import Conflict
from helpdesk.models import EmailAccount
from helpdesk.services import accounts as service
from helpdesk.services import monitor
from helpdesk.services.accounts import TestResult
from helpdesk.web.access import require, viewer
from helpdesk.web.account_form import AccountForm, form_of
from helpdesk.web.account_saving import needs_permission, submit
from helpdesk.web.admin.blueprint import blueprint
from helpdesk.web.security import go

Page = str | Response | tuple[str, int]


@blueprint.get("/accounts")
@require("admin")
def accounts() -> Page:
    return render_template("admin/accounts.html", accounts=service.all_accounts())


@blueprint.get("/accounts/new")
@require("admin")
def new_account() -> Page:
    return render_template("admin/account.html", form=AccountForm(None), account=None, result=None)


@blueprint.post("/accounts/new")
@require("admin")
def create_account() -> Page:
    form = AccountForm()
    outcome = submit(form, viewer())
    if outcome.saved is None:
        page = render_template("admin/account.html", form=form, account=None, result=outcome.result)
        return page, outcome.status
    if needs_permission(outcome.saved):
        return go("admin.show_sign_in", account_id=outcome.saved.id)
    flash(_("%(email)s is connected.", email=outcome.saved.email), "success")
    return go("admin.accounts")


@blueprint.get("/accounts/<int:account_id>")
@require("admin")
def account(account_id: int) -> Page:
    found = service.get(account_id)
    return _page(found, form_of(found))


def _page(found: EmailAccount, form: AccountForm, result: TestResult | None = None) -> str:
    report = monitor.reports([found])[0]
    return render_template("admin/account.html", form=form, account=found, result=result, report=report)


@blueprint.post("/accounts/<int:account_id>")
@require("admin")
def save_account(account_id: int) -> Page:
    found = _editable(account_id)
    form = AccountForm()
    outcome = submit(form, viewer(), found)
    if outcome.saved is None:
        return _page(found, form, outcome.result), outcome.status
    flash(_("Saved."), "success")
    if needs_permission(outcome.saved):
        return go("admin.show_sign_in", account_id=account_id)
    return go("admin.accounts")


def _editable(account_id: int) -> EmailAccount:
    """Raises NotFound, Conflict for the account the environment describes."""
    found = service.get(account_id)
    if found.source == "env":
        raise Conflict("This account is described by the environment of the server; change it there.")
    if found.incoming_protocol == "maildir":
        raise Conflict("The practice mailbox has no servers to change.")
    return found


@blueprint.post("/accounts/<int:account_id>/test")
@require("admin")
def test_account(account_id: int) -> Page:
    """Try the account as it is stored."""
    draft = service.draft_of(service.get(account_id))
    end_read()
    result = service.test_connection(draft)
    found = service.get(account_id)
    return _page(found, form_of(found), result)


@blueprint.post("/accounts/<int:account_id>/fetch")
@require("admin")
def fetch_account(account_id: int) -> Response:
    with transaction():
        service.fetch_soon(service.get(account_id), actor=viewer())
    flash(_("A worker looks for new mail now."), "success")
    return go("admin.accounts")
