"""Reads the story: who is who, and every conversation with what happened in it, as plain values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.resources import files
from typing import Any

from helpdesk.mail.types import Address

_SPAN = re.compile(r"(\d+)([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


@dataclass(frozen=True, slots=True)
class Member:
    """One of the team; `accounts` are the keys of those he works on."""

    key: str
    name: str
    email: str
    role: str
    accounts: tuple[str, ...] = ()
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened in a conversation, `after` its beginning. `what` names the stage's act."""

    what: str
    who: str
    after: timedelta
    text: str = ""
    value: str = ""
    files: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """A customer's mail and what came of it; `ago` is how long before now it begins."""

    subject: str
    account: str
    ago: timedelta
    happenings: tuple[Happening, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """The whole sample."""

    company: str
    accounts: dict[str, dict[str, str]]
    members: dict[str, Member]
    customers: dict[str, Address]
    conversations: tuple[Conversation, ...] = field(repr=False)


def span(text: str) -> timedelta:
    """`2d 3h 40m` as a duration. Raises ValueError."""
    parts = _SPAN.findall(text)
    if not parts or _SPAN.sub("", text).strip():
        raise ValueError(f"{text!r} is no duration")
    return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())


def read() -> Story:
    """The story as it lies beside this module."""
    people = _toml("people.toml")
    found: list[Conversation] = []
    for name in ("support.toml", "billing.toml", "sales.toml"):
        found += [_conversation(entry, name.removesuffix(".toml")) for entry in _toml(name)["ticket"]]
    return Story(
        company=people["company"],
        accounts=people["accounts"],
        members={key: _member(key, entry) for key, entry in people["team"].items()},
        customers={key: Address(entry["email"], entry["name"]) for key, entry in people["customers"].items()},
        conversations=tuple(found),
    )


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads((files("helpdesk.demo") / name).read_text(encoding="utf-8"))


def _member(key: str, entry: dict[str, Any]) -> Member:
    return Member(key, **(entry | {"accounts": tuple(entry.get("accounts", ()))}))


def _conversation(entry: dict[str, Any], account: str) -> Conversation:
    first = Happening(
        "mail", entry["from"], timedelta(), entry["text"].strip(), files=tuple(entry.get("files", ())),
        cc=tuple(entry.get("cc", ())),
    )  # fmt: skip
    happenings = [first, *_at_first(entry), *(h for step in entry.get("step", ()) for h in _step(step))]
    ordered = sorted(happenings, key=lambda happening: happening.after)
    return Conversation(entry["subject"], account, span(entry["ago"]), tuple(ordered))


def _at_first(entry: dict[str, Any]) -> Iterator[Happening]:
    """What somebody settled right after the mail had come."""
    soon, by = timedelta(minutes=9), entry.get("by", entry.get("assignee", "nora"))
    if "assignee" in entry:
        yield Happening("assign", by, soon, value=entry["assignee"])
    for name in ("priority", "category", "due", "tags"):
        if name in entry:
            yield Happening(name, by, soon, value=entry[name])


def _step(step: dict[str, Any]) -> Iterator[Happening]:
    """A step names one act of one person; a status may come with it."""
    after = span(step["after"])
    for what in ("reply", "mail", "note", "away", "bounce", "again"):
        if what in step:
            yield Happening(
                what, step[what], after, step.get("text", "").strip(), value=step.get("value", ""),
                files=tuple(step.get("files", ())), cc=tuple(step.get("cc", ())),
            )  # fmt: skip
    if "status" in step:
        who = str(step.get("by") or step.get("reply") or step.get("note"))
        yield Happening("status", who, after + timedelta(minutes=1), value=step["status"])
