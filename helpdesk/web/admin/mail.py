"""The mail log: every mail in either direction, why it became what it is, and what a person may do with it."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, flash, render_template, request, url_for
from flask_babel import gettext as _

from helpdesk.database import end_read, transaction
from helpdesk.errors import HelpdeskError
from helpdesk.models.mail import Direction, EmailState
from helpdesk.services import mail_log, waiting_mail
from helpdesk.services.mail_log import WAITING, MailFilter
from helpdesk.web.access import require, viewer
from helpdesk.web.admin import words
from helpdesk.web.admin.blueprint import blueprint
from helpdesk.web.errors import say
from helpdesk.web.files import as_download
from helpdesk.web.security import go
from helpdesk.web.story import parts_of

Page = str | Response | tuple[str, int]
NAMES = ("direction", "state", "account", "q")


def read_filter(args: Mapping[str, str]) -> MailFilter:
    """Unknown words are ignored: a mistyped address shows the whole log."""
    direction, state = args.get("direction", ""), args.get("state", "")
    return MailFilter(
        direction=Direction(direction) if direction in set(Direction) else None,
        state=state if state == WAITING or state in set(EmailState) else "",
        account_id=_number(args.get("account")),
        text=args.get("q", "")[:200],
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


@blueprint.get("/mail")
@require("admin")
def mail() -> Page:
    page = mail_log.find(read_filter(request.args), before=_number(request.args.get("before")))
    kept = {name: request.args[name] for name in NAMES if request.args.get(name)}
    return render_template(
        "admin/mail.html",
        mails=page.mails,
        chosen=kept,
        next_url=url_for("admin.mail", **kept, before=page.next_before) if page.next_before else None,  # type: ignore[arg-type]
        states=[("", _("Any state")), (WAITING, _("Waits for a person")), *words.states()],
        accounts=[("", _("Any account")), *((a.id, a.email) for a in mail_log.accounts())],
        is_paged="before" in request.args,
    )


@blueprint.get("/mail/<int:email_id>")
@require("admin")
def show_mail(email_id: int) -> Page:
    email = waiting_mail.get(viewer(), email_id)
    return render_template(
        "admin/show_mail.html",
        mail=email,
        ticket=mail_log.ticket_of(email),
        events=[(event, words.of_event(event)) for event in mail_log.history(email)],
        is_secret=mail_log.is_secret(email),
        may_retry=mail_log.may_retry(email),
        may_put_away=mail_log.may_put_away(email),
        explanation=words.of_state(email),
        why=parts_of(email),
    )


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
    return go("admin.show_mail", email_id=email_id)


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
    return go("admin.show_mail", email_id=email_id)
