"""What a person wants to be told, by mail and in the browser: a switch for each kind of notice and each channel.

Most are on until he, or an admin for everybody's mail, switches them off; one-time links cannot be.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Text, cast, select

from helpdesk.database import db
from helpdesk.errors import InvalidInput
from helpdesk.models import User
from helpdesk.policy.audience_table import OFF_UNASKED, TABLE, Channel, Kind, kinds_for
from helpdesk.policy.digest import Every, Rhythm
from helpdesk.policy.status import TEAM
from helpdesk.services import settings

OFFERED = {
    channel: {c.kind for row in TABLE.values() for c in row.values() if c.by(channel)} for channel in Channel
}


def wanted(user: User, channel: Channel = Channel.MAIL) -> dict[Kind, bool]:
    """Every switch of this person, in the order a page shows them, and whether it is on."""
    return {kind: not is_muted(user, kind, channel) for kind in _switches(user, channel)}


def _switches(user: User, channel: Channel) -> list[Kind]:
    """Those of his role, without what the desk mails to nobody: there a switch would promise what never comes."""
    return [
        kind for kind in kinds_for(user.role) if kind in OFFERED[channel] and not is_silenced(kind, channel)
    ]


def is_silenced(kind: Kind, channel: Channel) -> bool:
    """Whether an admin lets nobody be told of it."""
    return channel is Channel.MAIL and kind.value in settings.silenced()


def is_muted(user: User, kind: Kind, channel: Channel = Channel.MAIL) -> bool:
    if is_silenced(kind, channel):
        return True
    if kind in OFF_UNASKED[channel]:
        return kind.value not in user.muted_notifications.get(_asked_for(channel), [])
    return kind.value in user.muted_notifications.get(channel.value, [])


def _asked_for(channel: Channel) -> str:
    return f"{channel.value}_on"


def is_wanted_by_any(kind: Kind) -> bool:
    """Whether anybody of the team may have asked for a kind nobody is told of unasked: saves asking for everybody."""
    asked = cast(User.muted_notifications, Text).like(f'%"{kind.value}"%')
    row = select(User.id).where(User.role.in_(TEAM), User.is_active, asked)
    return db.session.scalar(row.limit(1)) is not None


def choose(user: User, kinds: Collection[Kind], channel: Channel = Channel.MAIL) -> None:
    """Tell the person by this channel of these kinds only. Switches he does not have stay as they are."""
    own, unasked = _switches(user, channel), OFF_UNASKED[channel]
    off = {kind.value for kind in own if kind not in kinds and kind not in unasked}
    asked_for = {kind.value for kind in own if kind in kinds and kind in unasked}
    stored = user.muted_notifications

    def kept(name: str) -> list[str]:
        return [word for word in stored.get(name, []) if word not in set(own)]

    user.muted_notifications = stored | {
        channel.value: kept(channel.value) + sorted(off),
        _asked_for(channel): kept(_asked_for(channel)) + sorted(asked_for),
    }


def rhythm_of(user: User) -> Rhythm:
    return Rhythm(user.digest, user.digest_hour, user.digest_weekday)


def choose_digest(user: User, rhythm: Rhythm, *, spares_urgent: bool) -> None:
    """Gather his mails from now on, or no more: what has gathered then leaves at once. Raises InvalidInput."""
    if not user.is_team and rhythm.every is not Every.OFF:
        raise InvalidInput("There is no digest for customers.", field="digest")
    if not 0 <= rhythm.hour <= 23:
        raise InvalidInput("This is no hour of the day.", field="digest_hour")
    if not 0 <= rhythm.weekday <= 6:
        raise InvalidInput("This is no day of the week.", field="digest_weekday")
    user.digest, user.digest_hour, user.digest_weekday = rhythm.every, rhythm.hour, rhythm.weekday
    user.digest_spares_urgent = spares_urgent
    db.session.flush()
