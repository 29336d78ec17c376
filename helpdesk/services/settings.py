"""What admins change while the desk runs: the defaults, the one place where values are checked, and who wins.

Every value is checked by its rule before it is stored, whatever door it comes through. Where the environment sets the
same thing it wins, and `is_fixed` says so to the page.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from flask import current_app, g
from sqlalchemy import event, select
from sqlalchemy.orm import Session, SessionTransaction

from helpdesk.database import db, insert_once
from helpdesk.errors import Conflict, InvalidInput
from helpdesk.languages import LANGUAGES
from helpdesk.models import Setting, Ticket, User
from helpdesk.policy import colour, hours, numbering
from helpdesk.policy.audience import Kind
from helpdesk.services import events

STORED = "stored_settings"
LOGO_BYTES = "logo_bytes"  # in base64; too much to be read with every page
MOST_FORMATS = 10
DEFAULTS: dict[str, object] = {
    "desk_name": "Helpdesk",
    "accent": "",
    "logo": None,
    LOGO_BYTES: "",
    "timezone": "UTC",
    "language": "en",
    "number_format": "TKT-{year}-{number:05d}",
    "earlier_formats": [],
    "hold_sending": False,
    "retention_days": 365,
    "customer_passwords": True,
    "contact_form": False,
    "session_idle_hours": 24 * 7,
    "session_max_days": 30,
    "undo_seconds": 15,
    "auto_close_days": 7,
    "silenced": [],
    "business_hours": hours.ORDINARY,
}
ENVIRONMENT = {  # setting -> the name that wins over it, and what that is when nobody set it
    "timezone": ("TIMEZONE", "UTC"),
    "language": ("LANGUAGE", "en"),
    "number_format": ("TICKET_NUMBER_FORMAT", "TKT-{year}-{number:05d}"),
    "retention_days": ("EMAIL_RETENTION_DAYS", 365),
    "contact_form": ("CONTACT_FORM", False),
}


# what a value must be


def _name(value: object) -> str:
    text = " ".join(str(value).split())
    if not text or len(text) > 80:
        raise ValueError("use 1 to 80 characters")
    if any(not letter.isprintable() for letter in text):
        raise ValueError("use letters only that can be seen")
    return text


def _colour(value: object) -> str:
    return colour.check(str(value)) if value else ""


@cache
def zones() -> tuple[str, ...]:
    """The names of all time zones. Finding them opens six hundred files, so they are looked for once."""
    return tuple(sorted(available_timezones()))


def _zone(value: object) -> str:
    if value not in zones():
        raise ValueError("use a name like Europe/Berlin")
    return str(value)


def _language(value: object) -> str:
    if value not in LANGUAGES:
        raise ValueError("use one of " + ", ".join(LANGUAGES))
    return str(value)


def _format(value: object) -> str:
    return numbering.check_format(str(value).strip())


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("use true or false")
    return value


def _kinds(value: object) -> list[str]:
    """Kinds of notifications, each once and in the order of `Kind`."""
    if not isinstance(value, list) or not set(value) <= set(Kind):
        raise ValueError("use kinds of notifications")
    return [kind.value for kind in Kind if kind.value in value]


def _hours(value: object) -> dict[str, object]:
    """A week and its holidays, in one form. Raises InvalidInput for what nobody can read."""
    return hours.tidy(value if isinstance(value, dict) else {})


def _between(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"use a whole number from {least} to {most}")
        return value

    return read


RULES: dict[str, Callable[[object], object]] = {
    "desk_name": _name,
    "accent": _colour,
    "timezone": _zone,
    "language": _language,
    "number_format": _format,
    "hold_sending": _switch,
    "retention_days": _between(1, 36500),
    "customer_passwords": _switch,
    "session_idle_hours": _between(1, 24 * 90),
    "session_max_days": _between(1, 365),
    "contact_form": _switch,
    "auto_close_days": _between(0, 3650),
    "undo_seconds": _between(0, 120),
    "silenced": _kinds,
    "business_hours": _hours,
}


# reading and changing


def get(name: str) -> object:
    """The value that counts. Raises KeyError for a name without a default."""
    if is_fixed(name):
        return current_app.config[ENVIRONMENT[name][0]]
    stored = _stored()
    return stored[name] if stored.get(name) is not None else DEFAULTS[name]


def is_fixed(name: str) -> bool:
    """Whether the environment decides."""
    if name not in ENVIRONMENT:
        return False
    variable, default = ENVIRONMENT[name]
    is_set = variable in current_app.config.get("SET_BY_ENVIRONMENT", ())
    return is_set or current_app.config[variable] != default


def put(name: str, value: object) -> None:
    """Within a transaction: store a value as it is. Raises KeyError for an unknown name."""
    DEFAULTS[name]
    db.session.merge(Setting(name=name, value=value))
    db.session.flush()
    forget()


def change(values: Mapping[str, object], *, actor: User) -> list[str]:
    """Within a transaction: check and store what differs, and return its names. All or nothing.

    Raises InvalidInput for a value that cannot be, Conflict for one the environment decides.
    """
    checked = {name: _checked(name, value) for name, value in values.items()}
    changed = [name for name, value in checked.items() if value != get(name)]
    for name in changed:
        if is_fixed(name):
            raise Conflict("%(name)s is set by the environment of the server.", name=ENVIRONMENT[name][0])
        before = get(name)
        if name == "number_format":
            _remember_format(str(before))
        put(name, checked[name])
        events.record("settings.changed", actor=actor, name=name, before=before, after=checked[name])
    return changed


def _checked(name: str, value: object) -> object:
    try:
        return RULES[name](value)
    except ValueError as error:
        raise InvalidInput("This cannot be used: %(hint)s.", field=name, hint=str(error)) from error


def _remember_format(number_format: str) -> None:
    earlier = [entry for entry in number_formats() if entry != number_format]
    put("earlier_formats", [number_format, *earlier][:MOST_FORMATS])


def forget() -> None:
    """Read the stored values anew when they are next asked for."""
    db.session().info.pop(STORED, None)


@event.listens_for(Session, "after_transaction_end")
def _forget_with_the_transaction(session: Session, ended: SessionTransaction) -> None:
    """Not with a part of it, such as a flush or a savepoint that was kept."""
    if ended.parent is None:
        session.info.pop(STORED, None)


@event.listens_for(Session, "after_soft_rollback")
def _forget_what_was_taken_back(session: Session, _: SessionTransaction) -> None:
    session.info.pop(STORED, None)


def _stored() -> Mapping[str, object]:
    """One query in a transaction, so that a page asks once and a job that runs for long sees what was changed."""
    info = db.session().info
    if STORED not in info:
        rows = select(Setting.name, Setting.value).where(Setting.name != LOGO_BYTES)
        info[STORED] = {row.name: row.value for row in db.session.execute(rows)}
    stored: Mapping[str, object] = info[STORED]
    return stored


# what the rest of the desk asks


def desk_name() -> str:
    return str(get("desk_name"))


def language() -> str:
    """The language of pages and mails for people who chose none."""
    return str(get("language"))


def number(name: str) -> int:
    """A setting that is a whole number."""
    return int(str(get(name)))


def silenced() -> list[str]:
    """The kinds of notifications nobody is mailed, whoever wants them: values of `policy.audience.Kind`."""
    found = get("silenced")
    return found if isinstance(found, list) else []


def is_holding() -> bool:
    """Whether no mail may leave the desk."""
    return bool(get("hold_sending"))


def palette() -> colour.Palette | None:
    """The shades of the desk's own colour, None for the ordinary one."""
    accent = str(get("accent") or "")
    return colour.palette(accent) if accent else None


def instance_id() -> str:
    """A random word that tells this desk from every other one; made in the first transaction that asks."""
    if "instance_id" not in g:
        stored = db.session.scalar(select(Setting.value).where(Setting.name == "instance_id"))
        if stored is None:
            insert_once(Setting, name="instance_id", value=secrets.token_hex(8))
            stored = db.session.scalar(select(Setting.value).where(Setting.name == "instance_id"))
        g.instance_id = str(stored)
    return str(g.instance_id)


def zone_name() -> str:
    return str(get("timezone"))


def desk_zone() -> ZoneInfo:
    return ZoneInfo(zone_name())


def number_formats() -> list[str]:
    """How ticket numbers are shown now, and how they were shown before: mails on their way still carry those."""
    earlier = get("earlier_formats")
    return [str(get("number_format")), *(earlier if isinstance(earlier, list) else [])]


def ticket_tag(number: int, created_at: datetime) -> str:
    """A ticket's number as people see it, with the year it was opened in the desk's time zone."""
    year = created_at.astimezone(desk_zone()).year
    return numbering.show(str(get("number_format")), year=year, number=number)


def tag_of(ticket: Ticket) -> str:
    return ticket_tag(ticket.number, ticket.created_at)
