"""Whom an answer goes to: what may be chosen, and what a form says compared with it. Reads only.

Addressees in `bcc` stand in the envelope and in the desk's rows, never in the mail itself, and take part in nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from helpdesk.errors import Conflict, InvalidInput
from helpdesk.mail.headers import is_address, normalise_address
from helpdesk.models import Ticket, UserAddress
from helpdesk.policy.envelope import Recipients
from helpdesk.services import accounts

MAX_COPIES = 50


def of_next_answer(ticket: Ticket) -> list[str]:
    """Whom the next answer goes to: the requester first, then who is in copy; never an address of the desk."""
    own = accounts.own_addresses()
    everyone = [ticket.requester_address, *_copied(ticket)]
    return [address.email for address in everyone if address.address not in own]


def choices(ticket: Ticket) -> list[UserAddress]:
    """To whom an answer may be addressed: the requester where he wrote from, his other addresses, who is in copy."""
    own = accounts.own_addresses()
    requester = ticket.requester_address
    others = sorted(ticket.requester.addresses, key=lambda one: one.id)
    everyone = {one.id: one for one in (requester, *others, *_copied(ticket))}
    return [one for one in everyone.values() if one.address not in own]


def settle(
    ticket: Ticket, *, to: str | None = None, cc: Iterable[str] | None = None, bcc: Iterable[str] = ()
) -> Recipients:
    """Whom the answer goes to. `to` None: the requester; `cc` None: who is in copy now.

    Raises Conflict when the one it is addressed to takes part no more, because the requester is somebody else by now,
    InvalidInput for what is no address, or is one of the desk.
    """
    chosen = _addressee(ticket, to)
    if cc is None:
        copied = [email for email in of_next_answer(ticket)[1:] if not _is_same(email, chosen)]
    else:
        copied = checked(cc, besides=[chosen])
    return Recipients((chosen,), tuple(copied), tuple(checked(bcc, besides=[chosen, *copied], field="bcc")))


def checked(emails: Iterable[str], *, besides: Iterable[str] = (), field: str = "cc") -> list[str]:
    """The addresses of a form, each once. Raises InvalidInput for one that is none."""
    own, known = accounts.own_addresses(), {normalise_address(email) for email in besides}
    chosen: dict[str, str] = {}
    for email in (text.strip() for text in emails):
        if not email:
            continue
        if not is_address(email):
            raise InvalidInput("“%(email)s” is not an e-mail address.", field=field, email=email[:100])
        if normalise_address(email) in own:
            raise InvalidInput("%(email)s is an address of this desk.", field=field, email=email)
        if normalise_address(email) not in known:
            chosen.setdefault(normalise_address(email), email)
    if len(chosen) > MAX_COPIES:
        raise InvalidInput("At most %(count)d people can be in copy.", field=field, count=MAX_COPIES)
    return list(chosen.values())


def _addressee(ticket: Ticket, wanted: str | None) -> str:
    requester = ticket.requester_address.email
    possible = [one.email for one in choices(ticket)]
    if not possible or (wanted is None and requester not in possible):
        raise InvalidInput("The requester is an address of this desk: nobody would get the answer.")
    if wanted is None:
        return requester
    found = next((email for email in possible if _is_same(email, wanted)), None)
    if found is None:
        raise Conflict("The requester is %(email)s by now. Nothing was sent; please check.", email=requester)
    return found


def _copied(ticket: Ticket) -> list[UserAddress]:
    requester_id = ticket.requester_address_id
    return [p.address for p in ticket.participants if p.role == "cc" and p.address_id != requester_id]


def _is_same(one: str, other: str) -> bool:
    return normalise_address(one) == normalise_address(other)
