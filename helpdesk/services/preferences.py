"""What a person wants to be told by mail. Everything is on until he, or an admin for everybody, switches it off; one-time
links cannot be."""

from __future__ import annotations

from collections.abc import Collection

from helpdesk.models import User
from helpdesk.policy.audience import Kind, kinds_for
from helpdesk.services import settings

MAIL = "mail"


def wanted(user: User) -> dict[Kind, bool]:
    """Every switch of this person, in the order a page shows them, and whether it is on."""
    return {kind: not is_muted(user, kind) for kind in _switches(user)}


def _switches(user: User) -> list[Kind]:
    """Those of his role, without what the desk mails to nobody: there a switch would promise what never comes."""
    return [kind for kind in kinds_for(user.role) if kind.value not in settings.silenced()]


def is_muted(user: User, kind: Kind) -> bool:
    return kind.value in settings.silenced() or kind.value in user.muted_notifications.get(MAIL, [])


def choose(user: User, kinds: Collection[Kind]) -> None:
    """Tell the person by mail of these kinds only. Switches he does not have stay as they are."""
    own = _switches(user)
    others = [word for word in user.muted_notifications.get(MAIL, []) if word not in set(own)]
    muted = [kind.value for kind in own if kind not in kinds]
    user.muted_notifications = user.muted_notifications | {MAIL: others + muted}


def switch(user: User, kind: Kind, *, on: bool) -> None:
    """Turn one kind of mail on or off; others stay. A kind his role has no switch for stays as it is."""
    if kind not in kinds_for(user.role):
        return
    muted = [word for word in user.muted_notifications.get(MAIL, []) if word != kind.value]
    user.muted_notifications = user.muted_notifications | {MAIL: muted if on else [*muted, kind.value]}


def switch_off(user: User, kind: Kind | None = None) -> None:
    """Mail the person nothing of this kind any more, or, without one, nothing that has a switch."""
    for one in [kind] if kind else kinds_for(user.role):
        switch(user, one, on=False)
