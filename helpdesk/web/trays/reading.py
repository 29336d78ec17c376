"""The trays, one mail of them, and what is done with one or with all that were ticked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from flask import Response, flash, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from helpdesk.database import end_read, transaction
from helpdesk.errors import HelpdeskError, InvalidInput
from helpdesk.models import EmailMessage
from helpdesk.models.trays import Tray
from helpdesk.services import access, mail_log, trays, waiting_mail
from helpdesk.web.access import require, viewer
from helpdesk.web.errors import say, sentence
from helpdesk.web.files import as_download
from helpdesk.web.security import go
from helpdesk.web.story import parts_of
from helpdesk.web.trays.blueprint import EMPTY, TOLD, WORDS, blueprint, tabs_for

ACTS: Mapping[str, Callable[..., None]] = {
    "ticket": trays.make_ticket,
    "discard": trays.discard,
    "put-back": trays.put_back,
    "block": trays.block,
}
DONE = {
    "ticket": _l("It becomes a ticket within a minute."),
    "discard": _l("Discarded."),
    "put-back": _l("Put back."),
    "block": _l("The sender is blocked."),
}


@blueprint.get("/mail")
@require("team")
def index() -> Response:
    """The first tray somebody should look into."""
    counts = trays.counts(viewer())
    wanted = next((tray for tray in trays.TO_LOOK_AT if counts[tray]), Tray.HELD)
    return go("trays.show_tray", tray=wanted.value)


@blueprint.get("/mail/<any(held, failed, undeliverable, automatic, blocked, discarded):tray>")
@require("team")
def show_tray(tray: str) -> str:
    chosen, account_id = Tray(tray), _number(request.args.get("account"))
    before = _number(request.args.get("before"))
    accounts = access.accounts_of(viewer())
    page = trays.page(viewer(), chosen, account_id=account_id, before=before)
    kept = {"tray": tray} | ({"account": account_id} if account_id else {})
    here = url_for("trays.show_tray", **kept)  # type: ignore[arg-type]
    next_url = url_for("trays.show_tray", **kept, before=page.next_before)  # type: ignore[arg-type]
    return render_template(
        "trays/tray.html",
        tray=chosen,
        word=WORDS[chosen],
        told=TOLD[chosen],
        nothing=EMPTY[chosen],
        tabs_shown=tabs_for(viewer(), chosen),
        mails=page.mails,
        account_id=account_id,
        accounts=accounts,
        account_choices=[(account.id, account.email) for account in accounts],
        next_url=next_url if page.next_before else None,
        first_url=here if before else None,
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


@blueprint.get("/mail/<int:email_id>")
@require("team")
def show(email_id: int) -> str:
    email = trays.get(viewer(), email_id)
    ticket = mail_log.ticket_of(email)
    shown = {
        "tabs_shown": tabs_for(viewer(), email.tray or ""),
        "word": WORDS[email.tray] if email.tray else None,
        "flood": len(trays.held_with(email)),
        "ticket": ticket if access.may_see(viewer(), ticket) else None,
        "why": parts_of(email),
        "is_secret": mail_log.is_secret(email),
        "preview": trays.preview(email),  # the last of all reads: it ends them
    }
    return render_template("trays/show.html", mail=trays.get(viewer(), email_id), **shown)


@blueprint.get("/mail/<int:email_id>/raw")
@require("team")
def raw(email_id: int) -> Response:
    data = waiting_mail.raw(trays.get(viewer(), email_id))
    end_read()
    return as_download(data, f"mail-{email_id}.eml")


@blueprint.post("/mail/<int:email_id>/<any(ticket, discard, 'put-back', block):act>")
@require("team")
def act_on(email_id: int, act: str) -> Response:
    email = trays.get(viewer(), email_id)
    tray = email.tray or Tray.HELD
    try:
        with transaction():
            ACTS[act](email, actor=viewer())
    except HelpdeskError as error:
        say(error)
        return go("trays.show", email_id=email_id)
    _say_done(str(DONE[act]), act, [email_id])
    return go("trays.show_tray", tray=tray.value)


@blueprint.post("/mail/<int:email_id>/flood")
@require("team")
def act_on_flood(email_id: int) -> Response:
    """The same with all that is held of one sender, each in a transaction of its own."""
    email, act = trays.get(viewer(), email_id), request.form.get("act", "")
    if act not in ("ticket", "discard"):
        flash(_("Please choose what to do with them."), "error")
        return go("trays.show", email_id=email_id)
    _report(act, _each(trays.held_with(email), ACTS[act]))
    return go("trays.show_tray", tray=Tray.HELD.value)


@blueprint.post("/mail/act")
@require("team")
def act_on_many() -> Response:
    """What was ticked, each in a transaction of its own."""
    act, tray = request.form.get("act", ""), request.args.get("tray", "")
    back = tray if tray in set(Tray) else Tray.HELD.value
    try:
        email_ids = _ticked()
        if act not in ACTS:
            raise InvalidInput("Please choose what to do with them.")
    except HelpdeskError as error:
        say(error)
        return go("trays.show_tray", tray=back)
    _report(act, _each(email_ids, ACTS[act]))
    return go("trays.show_tray", tray=back)


def _ticked() -> list[int]:
    typed = request.form.getlist("mail")
    ids = list(dict.fromkeys(number for text in typed if (number := _number(text)) is not None))
    if not ids:
        raise InvalidInput("Please tick the mails first.")
    if len(ids) > trays.MOST_AT_ONCE:
        raise InvalidInput("At most %(count)d mails at once.", count=trays.MOST_AT_ONCE)
    return ids


def _each(email_ids: Iterable[int], act: Callable[..., None]) -> tuple[list[int], Counter[str]]:
    """The ids it was done with, and how often each sentence says why it was not."""
    done, refused = list[int](), Counter[str]()
    for email_id in email_ids:
        try:
            with transaction():
                email: EmailMessage = trays.get(viewer(), email_id)
                act(email, actor=viewer())
            done.append(email_id)
        except HelpdeskError as error:
            refused[sentence(error)] += 1
    return done, refused


def _report(act: str, outcome: tuple[list[int], Counter[str]]) -> None:
    done, refused = outcome
    parts = [ngettext("%(num)d mail done", "%(num)d mails done", len(done))] if done else []
    parts += [_("%(num)d not: %(reason)s", num=count, reason=reason) for reason, count in refused.items()]
    _say_done(", ".join(parts), act, done, is_partial=bool(refused))


def _say_done(text: str, act: str, email_ids: list[int], *, is_partial: bool = False) -> None:
    """With a way back for what was discarded: one mail, or the tray where the others lie."""
    if act == "discard" and len(email_ids) == 1:
        action = url_for("trays.act_on", email_id=email_ids[0], act="put-back")
        flash({"text": text, "action": action, "fields": {}, "button": _("Undo")}, "success")  # type: ignore[arg-type]
    else:
        flash(text, "warning" if is_partial else "success")
