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

from helpdesk.database import db
from helpdesk.mail import thread
from helpdesk.models import User, UserAddress
from helpdesk.policy.audience import Kind
from helpdesk.services import keys, preferences, settings

PURPOSE = "mail-choices"
PATH = "/your-mails/"
MAX_ID = 2**31
_TOKEN = re.compile(r"([0-9]{1,10})\.([a-z_]{1,32})\.([a-z2-7]{24})\Z")


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose link it is, at which address, and the kind of mail it stood under; None for one this version does not know."""

    user: User
    email: str
    kind: Kind | None


def url(address: UserAddress, kind: Kind) -> str:
    """The link for the mails of this kind to this address."""
    signature = thread.sign(keys.current_key(PURPOSE), *_signed(address, kind.value))
    return f"{current_app.config['SITE_URL']}{PATH}{address.id}.{kind.value}.{signature}"


def _signed(address: UserAddress, kind: str) -> tuple[str, ...]:
    """The address itself as well: its row's number may be given to another one when it is gone."""
    return (PURPOSE, settings.instance_id(), str(address.id), address.address, kind)


def find(token: str) -> Reader | None:
    """Whose link this is; None for every other word, for an address that is gone and a person who has left."""
    match = _TOKEN.match(token)
    if match is None or int(match[1]) >= MAX_ID:
        return None
    address = db.session.get(UserAddress, int(match[1]))
    if address is None or not address.user.is_active:
        return None
    parts = _signed(address, match[2])
    good = [hmac.compare_digest(thread.sign(key, *parts), match[3]) for key in keys.accepted_keys(PURPOSE)]
    if not any(good):
        return None
    return Reader(address.user, address.email, Kind(match[2]) if match[2] in set(Kind) else None)


def switch_off(reader: Reader) -> None:
    """No more mails of the kind the link stood under. As often as one likes: the second time changes nothing."""
    wanted = [
        kind for kind, is_on in preferences.wanted(reader.user).items() if is_on and kind is not reader.kind
    ]
    preferences.choose(reader.user, wanted)


def choose(reader: Reader, kinds: Collection[Kind], language: str | None) -> None:
    """These kinds only, in this language; None for the desk's."""
    preferences.choose(reader.user, kinds)
    reader.user.language = language
