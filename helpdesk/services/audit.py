"""What admins and the desk have changed about the desk itself: who, what and when, read from the events."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload, selectinload

from helpdesk.database import db
from helpdesk.models import EmailAccount, Event, User

PAGE_SIZE = 100
SUBJECTS = ("account.", "mail_text.", "sender.", "settings.", "suppression.", "tag.", "user.")
LEFT_OUT = ("user.signed_in",)
HIDDEN = frozenset({"user_id", "tag_id", "rule_id", "name"})  # shown as what the change was made to


@dataclass(frozen=True, slots=True)
class Change:
    """One line: the event, and what it was done to, as people know it."""

    event: Event
    target: str
    details: str


def changes(*, before: int | None = None, limit: int = PAGE_SIZE) -> tuple[list[Change], int | None]:
    """A page of changes, newest first, and the id the next page begins before."""
    kinds = or_(*(Event.type.startswith(subject, autoescape=True) for subject in SUBJECTS))
    rows = select(Event).where(kinds, Event.type.not_in(LEFT_OUT)).order_by(Event.id.desc())
    if before is not None:
        rows = rows.where(Event.id < before)
    rows = rows.options(joinedload(Event.actor).selectinload(User.addresses)).limit(limit + 1)
    events = list(db.session.scalars(rows))
    next_before = events[limit - 1].id if len(events) > limit else None
    return _described(events[:limit]), next_before


def _described(events: list[Event]) -> list[Change]:
    user_ids = {event.data["user_id"] for event in events if "user_id" in event.data}
    users = db.session.scalars(
        select(User).where(User.id.in_(user_ids)).options(selectinload(User.addresses))
    )
    people = {user.id: user.shown_name for user in users}
    accounts = {a.id: a.email for a in db.session.scalars(select(EmailAccount))}
    return [Change(event, _target(event, people, accounts), _details(event)) for event in events]


def _target(event: Event, people: dict[int, str], accounts: dict[int, str]) -> str:
    user_id = event.data.get("user_id")
    if isinstance(user_id, int):
        return people.get(user_id, f"#{user_id}")
    if event.account_id is not None and not event.type.startswith("sender."):
        return accounts.get(event.account_id, f"#{event.account_id}")
    return str(event.data.get("name", ""))


def _details(event: Event) -> str:
    shown = {
        key: value for key, value in event.data.items() if key not in HIDDEN and value not in (None, "", [])
    }
    if "before" in event.data and "after" in event.data:
        shown = {key: value for key, value in shown.items() if key not in ("before", "after")}
        change = f"{_plain(event.data['before'])} → {_plain(event.data['after'])}"
        return "; ".join([change, *(f"{key}: {_plain(value)}" for key, value in shown.items())])
    return "; ".join(f"{key.replace('_', ' ')}: {_plain(value)}" for key, value in shown.items())


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(part)}" for key, part in value.items() if part) or "–"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return "–" if value in (None, "") else str(value)
