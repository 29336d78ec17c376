"""Writing as a customer; starting and putting away the practice mailbox."""

from __future__ import annotations

from flask import Response, flash
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from helpdesk.database import end_read, transaction
from helpdesk.errors import HelpdeskError, NotFound
from helpdesk.services import accounts, practice
from helpdesk.services.practice import Address, Mailboxes
from helpdesk.web.access import require, viewer
from helpdesk.web.forms import read_files
from helpdesk.web.practice.blueprint import admitted, blueprint
from helpdesk.web.practice.forms import CustomerMailForm
from helpdesk.web.practice.mails import Page, show
from helpdesk.web.security import go


@blueprint.post("")
@require("anyone")
def write() -> Page:
    """The mail lies in the mailbox before anything else happens, as a mail server would have it."""
    boxes = admitted()
    if isinstance(boxes, BaseResponse):
        return boxes
    if not boxes.writable:
        raise NotFound("There is no such page.")
    form = CustomerMailForm()
    form.offer(boxes)
    if form.validate():
        try:
            return go("practice.index", wrote=_deliver(boxes, form), _anchor="fate")
        except HelpdeskError as error:
            form.reject(error)
    return show(boxes, form), 422


def _deliver(boxes: Mailboxes, form: CustomerMailForm) -> str:
    account = next(one for one in boxes.writable if one.id == form.account.data)
    author = Address(form.email.data, form.name.data or "")
    answered = practice.open_mail(boxes, form.answer_to.data) if form.answer_to.data else None
    files = read_files("files")
    word = practice.send_as_customer(
        account, author, form.subject.data or "", form.text.data, files=files, answer_to=answered
    )
    account_id = account.id
    end_read()
    with transaction():
        practice.wake(accounts.get(account_id))
    return word


@blueprint.post("/start")
@require("admin")
def start() -> Response:
    with transaction():
        practice.start(actor=viewer())
    return go("practice.index")


@blueprint.post("/<int:account_id>/remove")
@require("admin")
def remove(account_id: int) -> Response:
    with transaction():
        practice.remove(account_id, actor=viewer())
    practice.forget_files(account_id)
    flash(_("The practice mailbox is put away. Its tickets are still there."), "success")
    return go("admin.accounts")
