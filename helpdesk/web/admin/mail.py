"""Mails that wait for a person: why, what they were, and what to do with them."""

from __future__ import annotations

from flask import Response, flash, render_template
from flask_babel import gettext as _

from helpdesk.database import end_read, transaction
from helpdesk.errors import HelpdeskError
from helpdesk.services import access, queries, waiting_mail
from helpdesk.web.access import require, viewer
from helpdesk.web.admin.blueprint import blueprint
from helpdesk.web.errors import say
from helpdesk.web.files import as_download
from helpdesk.web.security import go

Page = str | Response | tuple[str, int]


@blueprint.get("/mail")
@require("admin")
def mail() -> Page:
    mails = queries.failed_mail(access.account_ids(viewer()))
    return render_template("admin/mail.html", mails=mails)


@blueprint.get("/mail/<int:email_id>/raw")
@require("admin")
def raw_mail(email_id: int) -> Response:
    data = waiting_mail.raw(waiting_mail.get(viewer(), email_id))
    end_read()
    return as_download(data, f"mail-{email_id}.eml")


@blueprint.post("/mail/<int:email_id>/retry")
@require("admin")
def retry_mail(email_id: int) -> Response:
    email = waiting_mail.get(viewer(), email_id)
    try:
        with transaction():
            waiting_mail.retry(email, actor=viewer())
    except HelpdeskError as error:
        say(error)
    else:
        flash(_("It is tried again within a minute."), "success")
    return go("admin.mail")


@blueprint.post("/mail/<int:email_id>/put-away")
@require("admin")
def put_mail_away(email_id: int) -> Response:
    """Discard a received one, cancel one of ours; its bytes stay."""
    email = waiting_mail.get(viewer(), email_id)
    try:
        with transaction():
            waiting_mail.put_away(email, actor=viewer())
    except HelpdeskError as error:
        say(error)
    else:
        flash(_("Put away."), "success")
    return go("admin.mail")
