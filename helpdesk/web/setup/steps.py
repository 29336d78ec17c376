"""Three steps: the first admin by a one-time link, a mail account or the practice mailbox, and how to go on."""

from __future__ import annotations

from flask import Response, render_template

from helpdesk.database import end_read, transaction
from helpdesk.errors import Conflict, InvalidInput
from helpdesk.models import User
from helpdesk.services import accounts, links, passwords, people, setup
from helpdesk.services import practice as practising
from helpdesk.services.links import Purpose
from helpdesk.web import access
from helpdesk.web.access import require, viewer
from helpdesk.web.account_form import AccountForm
from helpdesk.web.account_saving import needs_permission, submit
from helpdesk.web.auth import limits
from helpdesk.web.forms import Form, address_field, name_field, new_password_field
from helpdesk.web.security import go
from helpdesk.web.setup.blueprint import blueprint

Page = str | Response | tuple[str, int]


class FirstAdminForm(Form):
    name = name_field()
    email = address_field()
    password = new_password_field()


@blueprint.get("/setup")
@require("anyone")
def waiting() -> Page:
    """For whoever opens a fresh desk without its link."""
    if people.has_admin():
        return go("home.index")
    return render_template("setup/waiting.html")


@blueprint.route("/setup/<token>", methods=["GET", "POST"])
@limits.per_machine
@require("anyone")
def admin(token: str) -> Page:
    if people.has_admin() or links.find(token, Purpose.SETUP) is None:
        return _dead_link()
    form = FirstAdminForm()
    if form.validate_on_submit():
        try:
            access.sign_in(_create(token, form))
        except Conflict:
            return _dead_link()
        except InvalidInput as error:
            form.reject(error)
        else:
            return go("setup.mail")
    page = render_template("setup/admin.html", form=form, token=token)
    return page, 422 if form.is_submitted() else 200


def _dead_link() -> Page:
    return render_template("setup/dead_link.html", has_admin=people.has_admin()), 404


def _create(token: str, form: FirstAdminForm) -> User:
    end_read()
    hashed = passwords.hash_password(form.password.data)
    with transaction():
        return setup.create_first_admin(
            token, email=form.email.data, name=form.name.data or "", password_hash=hashed
        )


@blueprint.get("/setup/mail")
@require("admin")
def mail() -> Page:
    return render_template("setup/mail.html", form=AccountForm(None), result=None)


@blueprint.post("/setup/mail")
@require("admin")
def save_mail() -> Page:
    form = AccountForm()
    outcome = submit(form, viewer())
    if outcome.saved is not None and needs_permission(outcome.saved):
        return go("admin.show_sign_in", account_id=outcome.saved.id)
    if outcome.saved is not None:
        return go("setup.done")
    return render_template("setup/mail.html", form=form, result=outcome.result), outcome.status


@blueprint.post("/setup/practice")
@require("admin")
def practice() -> Response:
    """Skip: mails are files under the instance folder, so the desk works without a mail server."""
    if practising.is_possible():
        with transaction():
            practising.start(actor=viewer())
    return go("setup.done")


@blueprint.get("/setup/done")
@require("admin")
def done() -> Page:
    return render_template(
        "setup/done.html", accounts=accounts.all_accounts(), practising=bool(practising.mailboxes().writable)
    )
