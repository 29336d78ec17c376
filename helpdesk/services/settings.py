"""What admins change while the desk runs, with its defaults, and the desk's own identity."""

from __future__ import annotations

import secrets
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import current_app, g
from sqlalchemy import select

from helpdesk.database import db, insert_once
from helpdesk.models import Setting, Ticket

DEFAULTS: dict[str, object] = {
    "desk_name": "Helpdesk",
    "session_idle_hours": 24 * 7,
    "session_max_days": 30,
}


def get(name: str) -> object:
    """The stored value or the default. Raises KeyError for a name without one."""
    stored = db.session.scalar(select(Setting.value).where(Setting.name == name))
    return DEFAULTS[name] if stored is None else stored


def put(name: str, value: object) -> None:
    """Store a value. Raises KeyError for an unknown name."""
    DEFAULTS[name]
    db.session.merge(Setting(name=name, value=value))


def desk_name() -> str:
    return str(get("desk_name"))


def instance_id() -> str:
    """A random word that tells this desk from every other one; made in the first transaction that asks."""
    if "instance_id" not in g:
        stored = db.session.scalar(select(Setting.value).where(Setting.name == "instance_id"))
        if stored is None:
            insert_once(Setting, name="instance_id", value=secrets.token_hex(8))
            stored = db.session.scalar(select(Setting.value).where(Setting.name == "instance_id"))
        g.instance_id = str(stored)
    return str(g.instance_id)


def desk_zone() -> ZoneInfo:
    return ZoneInfo(current_app.config["TIMEZONE"])


def ticket_tag(number: int, created_at: datetime) -> str:
    """A ticket's number as people see it: TICKET_NUMBER_FORMAT with the year it was opened in the desk's time zone."""
    year = created_at.astimezone(desk_zone()).year
    return str(current_app.config["TICKET_NUMBER_FORMAT"].format(year=year, number=number))


def tag_of(ticket: Ticket) -> str:
    return ticket_tag(ticket.number, ticket.created_at)
