"""The desk's own addresses: mail from them is a loop, mail to several of them has one owner."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import exists, select

from helpdesk.database import db
from helpdesk.mail.headers import normalise_address
from helpdesk.mail.types import Address, ParsedEmail
from helpdesk.models import DeliveryFailure, EmailAccount, SenderRule


def readings(email: str) -> list[str]:
    """The normalised address, then without what follows its last plus sign, then without what follows its first."""
    whole = normalise_address(email)
    local, at, domain = whole.rpartition("@")
    return [
        whole,
        f"{local.rpartition('+')[0] or local}{at}{domain}",
        f"{local.partition('+')[0]}{at}{domain}",
    ]


@dataclass(frozen=True, slots=True)
class OwnAddresses:
    """Every address of the desk; `accounts` are those in use, by address.

    `has_rules`: some sender is blocked or let in; `has_unreachable`: some address is left alone. Asked once for many
    mails, so that a desk without either asks nothing for each.
    """

    every: frozenset[str]
    accounts: dict[str, int]
    has_rules: bool = True
    has_unreachable: bool = True

    def holds(self, email: str) -> bool:
        return any(reading in self.every for reading in readings(email))

    def owner(self, parsed: ParsedEmail, receiver: int) -> int:
        """The account a mail to several of them belongs to: the first of ours in To, then Cc, else who received it.

        All copies of a mail get the same answer, whichever comes first.
        """
        named = [self._account(address) for address in (*parsed.to, *parsed.cc)]
        return next((account_id for account_id in named if account_id is not None), receiver)

    def _account(self, address: Address) -> int | None:
        found = (self.accounts.get(reading) for reading in readings(address.email))
        return next((account_id for account_id in found if account_id is not None), None)


def load() -> OwnAddresses:
    rows = db.session.execute(
        select(EmailAccount.id, EmailAccount.address, EmailAccount.from_email, EmailAccount.is_active)
    ).all()
    senders: Iterable[str] = (normalise_address(row.from_email) for row in rows if row.from_email)
    in_use = {row.address: row.id for row in rows if row.is_active}
    asked = select(exists(select(SenderRule.id)), exists(select(DeliveryFailure.id)))
    has_rules, has_unreachable = db.session.execute(asked).one()
    every = frozenset([*(row.address for row in rows), *senders])
    return OwnAddresses(every, in_use, has_rules, has_unreachable)
