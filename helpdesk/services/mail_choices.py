"""The signed link under each notification: it leads its reader to his switches, without signing in (RFC 8058).

The link names an address and the kind of mail it stood under, and the signature covers both, so nobody can make one for
somebody else. It lasts as long as the person has that address and the desk knows the key; it can change what mails the
person gets and in which language, and nothing else.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass

from flask import current_app

from helpdesk.database import db, hold
from helpdesk.mail import thread
from helpdesk.models import User, UserAddress
from helpdesk.policy.audience import Kind
from helpdesk.services import keys, preferences, settings

PURPOSE = "mail-choices"
PATH = "/your-mails/"
MAX_ID = 2**31
EVERY = "every"  # instead of a kind: a mail that gathers several
_TOKEN = re.compile(r"([0-9]{1,10})\.([a-z_]{1,32})\.([a-z2-7]{24})\Z")


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose link it is, at which address, and the kind of mail it stood under; None for one that gathers several."""

    user: User
    email: str
    kind: Kind | None


def url(address: UserAddress, kind: Kind | None = None) -> str:
    """The link for the mails of this kind to this address; without a kind for one that gathers several."""
    word = kind.value if kind else EVERY
    signature = thread.sign(keys.current_key(PURPOSE), *_signed(address, word))
    return f"{current_app.config['SITE_URL']}{PATH}{address.id}.{word}.{signature}"


def _signed(address: UserAddress, kind: str) -> tuple[str, ...]:
    """The address itself as well: its row's number may be given to another one when it is gone."""
    return (PURPOSE, settings.instance_id(), str(address.id), address.address, kind)


def find(token: str) -> Reader | None:
    """Whose link this is; None for every other word, for an address that is gone and a person who has left."""
    match = _TOKEN.match(token)
    if match is None or int(match[1]) >= MAX_ID or match[2] not in {EVERY, *Kind}:
        return None
    address = db.session.get(UserAddress, int(match[1]))
    if address is None or not address.user.is_active:
        return None
    parts = _signed(address, match[2])
    good = [hmac.compare_digest(thread.sign(key, *parts), match[3]) for key in keys.accepted_keys(PURPOSE)]
    if not any(good):
        return None
    return Reader(address.user, address.email, None if match[2] == EVERY else Kind(match[2]))


def switch_off(reader: Reader) -> None:
    """No more mails of the kind the link stood under, or of any. The second time changes nothing.

    The person's row is held: of two kinds switched off at the same moment neither comes back.
    """
    hold(User.id, reader.user.id)
    db.session.refresh(reader.user)
    left = [
        kind for kind, is_on in preferences.wanted(reader.user).items() if is_on and kind is not reader.kind
    ]
    preferences.choose(reader.user, left if reader.kind else ())


def choose(reader: Reader, kinds: Collection[Kind], language: str | None) -> None:
    """These kinds only, in this language; None for the desk's."""
    preferences.choose(reader.user, kinds)
    reader.user.language = language
