"""The blueprint, and the tabs all of its pages bear."""

from __future__ import annotations

from flask import Blueprint, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from helpdesk.models import User
from helpdesk.models.trays import Tray
from helpdesk.services import trays

blueprint = Blueprint("trays", __name__)
SENDERS = "senders"
WORDS = {
    Tray.HELD: _l("Held"),
    Tray.FAILED: _l("Failed"),
    Tray.UNDELIVERABLE: _l("Undeliverable"),
    Tray.AUTOMATIC: _l("Automatic"),
    Tray.BLOCKED: _l("Blocked"),
    Tray.DISCARDED: _l("Discarded"),
}
TOLD = {
    Tray.HELD: _l("Kept back until somebody looks: a flood, a circle of machines, an agent without access."),
    Tray.FAILED: _l("The desk could not work on these, and has tried five times. Nothing of them is lost."),
    Tray.UNDELIVERABLE: _l("Delivery reports that belong to no mail this desk has sent."),
    Tray.AUTOMATIC: _l("Out-of-office answers and reports that belong to no ticket."),
    Tray.BLOCKED: _l("From senders on the block list. They are told nothing."),
    Tray.DISCARDED: _l("What somebody has put away. It can be put back."),
}
EMPTY = {
    Tray.HELD: _l("Nothing is held"),
    Tray.FAILED: _l("Nothing has failed"),
    Tray.UNDELIVERABLE: _l("No delivery reports"),
    Tray.AUTOMATIC: _l("No automatic mail"),
    Tray.BLOCKED: _l("No blocked mail"),
    Tray.DISCARDED: _l("Nothing was discarded"),
}


def tabs_for(user: User, current: Tray | str) -> list[tuple[object, str, bool, str | None]]:
    """See components/tabs.html; an empty tray bears no number."""
    counts = trays.counts(user)
    found: list[tuple[object, str, bool, str | None]] = [
        (WORDS[tray], url_for("trays.show_tray", tray=tray.value), current == tray, _number(counts[tray]))
        for tray in Tray
    ]
    return [*found, (_("Senders"), url_for("trays.show_senders"), current == SENDERS, None)]


def _number(count: int) -> str | None:
    if not count:
        return None
    return str(count) if count < trays.MOST_COUNTED else f"{trays.MOST_COUNTED - 1}+"
