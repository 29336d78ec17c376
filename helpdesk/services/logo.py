"""The desk's logo: one small picture, kept with the settings so that every process and every backup has it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from sqlalchemy import select

from helpdesk.database import db
from helpdesk.errors import InvalidInput
from helpdesk.models import Setting, User
from helpdesk.policy.permissions import Action
from helpdesk.services import access, events, settings

MAX_BYTES = 250_000
# By its first bytes, not by its name. No SVG: it is a program as much as a picture.
KINDS = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"RIFF", "image/webp"))


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture as it is served; `digest` stands in its address."""

    digest: str
    content_type: str
    data: bytes


def store(data: bytes, *, actor: User) -> None:
    """Within a transaction: take a picture as the desk's logo. Raises InvalidInput for what is none, or too large."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    if not data:
        raise InvalidInput("Please choose a picture.", field="logo")
    if len(data) > MAX_BYTES:
        raise InvalidInput(
            "The picture is too large: at most %(limit)d kB.", field="logo", limit=MAX_BYTES // 1000
        )
    digest = hashlib.sha256(data).hexdigest()[:16]
    settings.put(settings.LOGO_BYTES, base64.b64encode(data).decode())
    settings.put("logo", {"digest": digest, "content_type": _kind(data)})
    events.record("settings.changed", actor=actor, name="logo", after=digest)


def remove(*, actor: User) -> None:
    """Within a transaction: show the desk's initial again."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    settings.put(settings.LOGO_BYTES, "")
    settings.put("logo", None)
    events.record("settings.changed", actor=actor, name="logo", after=None)


def digest() -> str | None:
    """The name of the present logo, None without one."""
    stored = settings.get("logo")
    return str(stored["digest"]) if isinstance(stored, dict) else None


def load(wanted: str) -> Logo | None:
    """The present logo if it is the one asked for."""
    stored = settings.get("logo")
    if not isinstance(stored, dict) or stored["digest"] != wanted:
        return None
    data = db.session.scalar(select(Setting.value).where(Setting.name == settings.LOGO_BYTES))
    return Logo(wanted, str(stored["content_type"]), base64.b64decode(str(data)))


def _kind(data: bytes) -> str:
    for start, content_type in KINDS:
        if data.startswith(start) and (start != b"RIFF" or data[8:12] == b"WEBP"):
            return content_type
    raise InvalidInput("Use a picture in PNG, JPEG or WebP format.", field="logo")
