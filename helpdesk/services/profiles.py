"""What people say about themselves: name, language, time zone, password."""

from __future__ import annotations

from helpdesk.database import claim
from helpdesk.errors import InvalidInput
from helpdesk.models import User
from helpdesk.services import events, links, search_index, sessions, settings
from helpdesk.services.links import Purpose

MAX_SIGNATURE = 2000


def rename(user: User, name: str) -> None:
    user.name = " ".join(name.split())[:255]
    search_index.remember_person(user)


def update(user: User, *, name: str, language: str | None, timezone: str | None) -> None:
    """Raises InvalidInput for a time zone nobody knows. None means: as the desk has it."""
    if timezone and timezone not in settings.zones():
        raise InvalidInput("This time zone is not known.", field="timezone")
    rename(user, name)
    user.language = language or None
    user.timezone = timezone or None


def may_have_password(user: User) -> bool:
    """The team always; customers unless the desk wants them to sign in by mailed links only."""
    return user.is_team or bool(settings.get("customer_passwords"))


def set_password(user: User, password_hash: str, *, actor: User, keep_token: str | None = None) -> None:
    """Replace the password; every other session and every open link of the person ends with the old one."""
    user.password_hash = password_hash
    sessions.end_all(user, keep_token=keep_token)
    for purpose in (Purpose.PASSWORD, Purpose.SIGN_IN, Purpose.INVITATION):
        links.revoke(purpose, user)
    events.record("user.password_changed", actor=actor, user_id=user.id)


def renew_hash(user_id: int, before: str, after: str) -> None:
    """The same password, hashed anew: no session ends. A password changed meanwhile stays as it is."""
    claim(User, User.id == user_id, User.password_hash == before, password_hash=after)


def set_undo_time(user: User, seconds: str | None) -> None:
    """How long his answers wait to be taken back; "" as long as the desk says."""
    user.undo_seconds = int(seconds) if seconds else None


def set_signature(user: User, signature: str) -> None:
    """What stands below his answers, in Markdown; above the signature of the account. Raises InvalidInput."""
    if len(signature) > MAX_SIGNATURE:
        raise InvalidInput(
            "The signature is too long: at most %(count)d characters.", field="signature", count=MAX_SIGNATURE
        )
    user.signature = signature.replace("\r\n", "\n").strip()
