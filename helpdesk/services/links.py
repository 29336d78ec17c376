"""One-time links: set-up, sign-in, invitation, password. Random, hashed, single use, ending."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from itertools import islice

from sqlalchemy import delete, func, select, update

from helpdesk.database import claim, db, hold, utcnow
from helpdesk.models import LoginToken, User, UserAddress
from helpdesk.services import keys


class Purpose(StrEnum):
    SETUP = "setup"
    SIGN_IN = "sign_in"
    INVITATION = "invitation"
    PASSWORD = "password"  # noqa: S105 - a word, not a secret


LIFETIME = {
    Purpose.SETUP: timedelta(days=7),
    Purpose.SIGN_IN: timedelta(minutes=30),
    Purpose.INVITATION: timedelta(days=7),
    Purpose.PASSWORD: timedelta(hours=1),
}
MAX_PER_HOUR = 3
MOST_SPOILT = 50
IN_TEXT = re.compile(r"/(?:setup|sign-in/link|invitation|password)/([A-Za-z0-9_-]{40,60})")


def issue(purpose: Purpose, user: User | None = None, address: UserAddress | None = None) -> str:
    """Make a link's token. Only its hash is stored."""
    token = keys.new_token()
    now = utcnow()
    db.session.add(
        LoginToken(
            purpose=purpose.value,
            token_hash=keys.hash_token(token),
            user_id=user.id if user else None,
            address_id=address.id if address else None,
            created_at=now,
            expires_at=now + LIFETIME[purpose],
        )
    )
    db.session.flush()
    return token


def may_issue(purpose: Purpose, user: User) -> bool:
    """At most three links an hour for one person, however often and from wherever they are asked for.

    The person's row is held: those who ask at the same moment are counted one after the other.
    """
    hold(User.id, user.id)
    since = utcnow() - timedelta(hours=1)
    count = select(func.count()).where(
        LoginToken.user_id == user.id, LoginToken.purpose == purpose.value, LoginToken.created_at > since
    )
    return (db.session.scalar(count) or 0) < MAX_PER_HOUR


def find(token: str, purpose: Purpose) -> LoginToken | None:
    """The living link of a token, without using it up."""
    row = db.session.scalar(
        select(LoginToken).where(
            LoginToken.token_hash == keys.hash_token(token), LoginToken.purpose == purpose.value
        )
    )
    if row is None or row.used_at or row.expires_at <= utcnow():
        return None
    return None if row.user is not None and not row.user.is_active else row


def redeem(token: str, purpose: Purpose) -> LoginToken | None:
    """Use a link up; None when it is unknown, used or past its end. Of two at once only one gets it.

    A link to an address proves it: the address counts as verified from now on.
    """
    row = find(token, purpose)
    now = utcnow()
    if row is None or not claim(
        LoginToken, LoginToken.id == row.id, LoginToken.used_at.is_(None), used_at=now
    ):
        return None
    if row.address_id is not None:
        address = db.session.get(UserAddress, row.address_id)
        if address is not None and address.verified_at is None:
            address.verified_at = now
    return row


def revoke(purpose: Purpose, user: User | None = None) -> None:
    """End every open link of this purpose, of one person or of nobody."""
    owner = LoginToken.user_id == user.id if user else LoginToken.user_id.is_(None)
    db.session.execute(
        delete(LoginToken).where(LoginToken.purpose == purpose.value, owner, LoginToken.used_at.is_(None))
    )


def tokens_in(texts: Iterable[str]) -> list[str]:
    """The tokens of links that stand in these words, whether they lead anywhere or not."""
    found = (match[1] for text in texts for match in islice(IN_TEXT.finditer(text), MOST_SPOILT))
    return list(islice(found, MOST_SPOILT))


def spoil(tokens: Iterable[str]) -> None:
    """End links others may have read: they prove nothing about who opens them any more."""
    hashes = {keys.hash_token(token) for token in tokens}
    if not hashes:
        return
    living = (
        LoginToken.token_hash.in_(hashes),
        LoginToken.used_at.is_(None),
        LoginToken.expires_at > utcnow(),
    )
    db.session.execute(update(LoginToken).where(*living).values(expires_at=utcnow()))
