"""Signed-in browsers: rows on the server, so that signing out, a new password or deactivation end them at once."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import joinedload

from helpdesk.database import db, utcnow
from helpdesk.models import User, UserSession
from helpdesk.services import events, keys, settings

SEEN_EVERY = timedelta(minutes=5)


def start(user: User, *, user_agent: str, ip: str) -> str:
    """Begin a session and return the token for the cookie; only its hash is stored."""
    token = keys.new_token()
    now = utcnow()
    days = int(str(settings.get("session_max_days")))
    db.session.add(
        UserSession(
            user_id=user.id,
            token_hash=keys.hash_token(token),
            created_at=now,
            last_seen_at=now,
            expires_at=now + timedelta(days=days),
            user_agent=user_agent[:255],
            ip=ip[:64],
        )
    )
    db.session.execute(update(User).where(User.id == user.id).values(last_seen_at=now))
    events.record("user.signed_in", actor=user, user_id=user.id)
    return token


def find(token: str) -> UserSession | None:
    """The living session of a token: not past its end, not idle too long, of somebody active."""
    rows = db.session.scalars(
        select(UserSession)
        .where(UserSession.token_hash == keys.hash_token(token))
        .options(joinedload(UserSession.user, innerjoin=True).joinedload(User.addresses))
    )
    session = rows.unique().one_or_none()
    if session is None or not session.user.is_active:
        return None
    now = utcnow()
    idle = timedelta(hours=int(str(settings.get("session_idle_hours"))))
    return session if session.expires_at > now and session.last_seen_at + idle > now else None


def needs_touch(session: UserSession) -> bool:
    """Whether `touch` is due; keeps most requests free of a write."""
    return utcnow() - session.last_seen_at > SEEN_EVERY


def touch(session_id: int) -> None:
    now = utcnow()
    seen = update(UserSession).where(UserSession.id == session_id).values(last_seen_at=now)
    user_id = db.session.scalar(seen.returning(UserSession.user_id))
    db.session.execute(update(User).where(User.id == user_id).values(last_seen_at=now))


def end(token: str) -> None:
    db.session.execute(delete(UserSession).where(UserSession.token_hash == keys.hash_token(token)))


def end_all(user: User, *, keep_token: str | None = None) -> None:
    """End every session of a person, except the one asking."""
    kept = keys.hash_token(keep_token) if keep_token else ""
    db.session.execute(
        delete(UserSession).where(UserSession.user_id == user.id, UserSession.token_hash != kept)
    )


def of_user(user: User) -> list[UserSession]:
    rows = select(UserSession).where(UserSession.user_id == user.id).order_by(UserSession.last_seen_at.desc())
    return list(db.session.scalars(rows))


def end_one(user: User, session_id: int) -> None:
    """End one of the person's own sessions; another person's id does nothing."""
    db.session.execute(
        delete(UserSession).where(UserSession.id == session_id, UserSession.user_id == user.id)
    )
