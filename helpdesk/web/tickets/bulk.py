"""Changing many tickets of the list at once, and taking that back; each ticket in a transaction of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from flask import flash, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError, InvalidInput
from helpdesk.models import Ticket
from helpdesk.policy.status import Disposition, Priority, Status
from helpdesk.services import access, bulk
from helpdesk.services.bulk import Former, Wish
from helpdesk.web.access import require, viewer
from helpdesk.web.errors import say, sentence
from helpdesk.web.security import go_to
from helpdesk.web.tickets.blueprint import blueprint

OFFERED = (Disposition.SPAM.value, Disposition.NORMAL.value)
MAX_TOKEN = 2400  # the flashed message travels in a cookie


def back_to_list() -> Response:
    kept: dict[str, Any] = dict(request.args)
    return go_to(url_for("tickets.index", **kept))


def read_wish() -> Wish:
    """Raises InvalidInput for values no form of ours has."""
    form = request.form
    try:
        return Wish(
            assignee_id=int(form["assignee"][:9]) if form.get("assignee") else None,
            status=Status(form["status"]) if form.get("status") else None,
            priority=Priority(form["priority"]) if form.get("priority") else None,
            tag=form.get("tag", "").strip(),
            disposition=Disposition(form["disposition"]) if form.get("disposition") in OFFERED else None,
        )
    except ValueError as error:
        raise InvalidInput("This value cannot be used.") from error


def chosen_numbers() -> list[int]:
    """Raises InvalidInput when nothing, or too much, was ticked."""
    typed = request.form.getlist("ticket")
    numbers = list(
        dict.fromkeys(int(text) for text in typed if text.isascii() and text.isdigit() and len(text) < 10)
    )
    if not numbers:
        raise InvalidInput("Please tick the tickets to change first.")
    if len(numbers) > bulk.MAX_TICKETS:
        raise InvalidInput("At most %(count)d tickets can be changed at once.", count=bulk.MAX_TICKETS)
    return numbers


@blueprint.post("/tickets/bulk")
@require("team")
def change_many() -> Response:
    formers: list[Former] = []

    def change(ticket: Ticket) -> bool:
        done = bulk.apply(ticket, wish, actor=viewer())
        formers.extend(done)
        return bool(done)

    try:
        numbers, wish = chosen_numbers(), read_wish()
        if wish.is_empty:
            raise InvalidInput("Please choose what to change.")
    except HelpdeskError as error:
        say(error)
        return back_to_list()
    _report(_each(numbers, change), formers)
    return back_to_list()


@blueprint.post("/tickets/bulk/undo")
@require("team")
def undo_many() -> Response:
    def put_back(ticket: Ticket) -> bool:
        bulk.undo(ticket, formers[ticket.number], actor=viewer())
        return True

    try:
        formers = bulk.read(request.form.get("undo", ""), actor=viewer())
    except HelpdeskError as error:
        say(error)
        return back_to_list()
    _report(_each(formers, put_back), [])
    return back_to_list()


def _each(numbers: Iterable[int], act: Callable[[Ticket], bool]) -> Counter[str]:
    """How often it was done (""), was so already ("same"), and each sentence that says why it was not."""
    outcome: Counter[str] = Counter()
    for number in numbers:
        try:
            with transaction():
                was_changed = act(access.get_ticket_by_number(viewer(), number))
            outcome["" if was_changed else "same"] += 1
        except HelpdeskError as error:
            outcome[sentence(error)] += 1
    return outcome


def _report(outcome: Counter[str], formers: list[Former]) -> None:
    """One sentence on what happened, with a way back where there is one."""
    done, same = outcome.pop("", 0), outcome.pop("same", 0)
    parts = [ngettext("%(num)d ticket changed", "%(num)d tickets changed", done)] if done or not same else []
    if same:
        parts.append(ngettext("%(num)d was so already", "%(num)d were so already", same))
    parts += [_("%(num)d not: %(reason)s", num=count, reason=reason) for reason, count in outcome.items()]
    text = ", ".join(parts)
    token = bulk.sign(formers, actor=viewer()) if formers else ""
    if token and len(token) <= MAX_TOKEN:
        back: dict[str, Any] = dict(request.args)
        action = url_for("tickets.undo_many", **back)
        flash({"text": text, "action": action, "fields": {"undo": token}, "button": _("Undo")}, "success")  # type: ignore[arg-type]
    else:
        flash(text, "warning" if outcome else "success")
