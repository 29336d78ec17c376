"""Addresses that are left alone, and why: mail came back, their owner called it spam, or an admin put them on the list.

An address that does not exist is left alone at once; one that refuses for other lasting reasons after three mails within
two weeks. It is written to again when mail from it comes in, or when a person sends something again; until then not even
an answer goes there, since it would not arrive. Who complained, or was listed by hand, is mailed nothing by the desk
itself, but a person's answer does go: it was asked for. Only an admin takes those off the list: anybody can write a From.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import func, select, update

from helpdesk.database import db, utcnow
from helpdesk.mail.headers import normalise_address
from helpdesk.models import DeliveryFailure
from helpdesk.models.senders import Cause

AT_ONCE = frozenset({"5.1.1", "5.1.2", "5.1.10"})
MOST = 3
WITHIN = timedelta(days=14)
MAX_WORDS = 1000
LIVING = (DeliveryFailure.stops, DeliveryFailure.lifted_at.is_(None))
_PRECISE = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """An address on the list. `words` are the server's, or an admin's note; `email_id` the mail it began with."""

    address: str
    cause: Cause
    words: str
    since: datetime
    email_id: int | None = None

    @property
    def holds_answers(self) -> bool:
        """Whether even what a person writes is not sent there."""
        return self.cause is Cause.BOUNCE


def precise_status(status: str, words: str) -> str:
    """The code of a report; what the server itself said where the report only says that it failed."""
    if status not in ("", "5.0.0", "4.0.0"):
        return status
    found = _PRECISE.search(words)
    return found[1] if found else status


def note(address: str, *, status: str, words: str, email_id: int | None) -> bool:
    """Within a transaction: one more mail did not arrive there for good. True when it is left alone from now on.

    However many reports tell of one mail, they count once.
    """
    address, now = normalise_address(address)[:320], utcnow()
    if email_id is not None and _is_known(address, email_id, Cause.BOUNCE):
        return False
    earlier = select(func.count(DeliveryFailure.id)).where(
        DeliveryFailure.address == address,
        DeliveryFailure.cause == Cause.BOUNCE,
        DeliveryFailure.created_at > now - WITHIN,
        DeliveryFailure.lifted_at.is_(None),
    )
    stops = status in AT_ONCE or (db.session.scalar(earlier) or 0) + 1 >= MOST
    db.session.add(
        DeliveryFailure(
            address=address, email_id=email_id, status=status[:32], words=words[:MAX_WORDS], stops=stops, created_at=now
        )
    )  # fmt: skip
    db.session.flush()
    return stops


class Addressed(Protocol):
    """A mail as far as whom it is for."""

    @property
    def purpose(self) -> str: ...
    @property
    def addressed(self) -> list[str]: ...


def _is_known(address: str, email_id: int, cause: Cause) -> bool:
    same = (
        DeliveryFailure.address == address,
        DeliveryFailure.email_id == email_id,
        DeliveryFailure.cause == cause,
        DeliveryFailure.lifted_at.is_(None),
    )
    return db.session.scalar(select(DeliveryFailure.id).where(*same).limit(1)) is not None


def leave_alone(
    address: str, cause: Cause, *, words: str = "", email_id: int | None = None
) -> DeliveryFailure | None:
    """Within a transaction: mail nothing there by itself from now on. None when that is so for this cause already."""
    address = normalise_address(address)[:320]
    same = (DeliveryFailure.address == address, DeliveryFailure.cause == cause, *LIVING)
    if db.session.scalar(select(DeliveryFailure.id).where(*same).limit(1)) is not None:
        return None
    row = DeliveryFailure(
        address=address, email_id=email_id, cause=cause, words=words[:MAX_WORDS], stops=True, created_at=utcnow()
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    return row


def left_alone(addresses: Iterable[str]) -> dict[str, LeftAlone]:
    """Which of these are left alone, each as it was given, and why. What holds answers back counts before the rest."""
    forms = {address: normalise_address(address) for address in addresses}
    if not forms:
        return {}
    rows = select(DeliveryFailure).where(DeliveryFailure.address.in_(set(forms.values())), *LIVING)
    why: dict[str, DeliveryFailure] = {}
    for row in db.session.scalars(rows.order_by(DeliveryFailure.id)):
        if row.address not in why or why[row.address].cause is not Cause.BOUNCE or row.cause is Cause.BOUNCE:
            why[row.address] = row
    return {
        address: LeftAlone(
            address, why[form].cause, why[form].words, why[form].created_at, why[form].email_id
        )
        for address, form in forms.items()
        if form in why
    }


def among(addresses: Iterable[str], *, for_answer: bool = False) -> dict[str, str]:
    """Which of these nothing is sent to, each as it was given, and why in words.

    By the desk itself; with `for_answer` by a person, whom a complaint does not hold back.
    """
    found = left_alone(addresses)
    return {a: one.words for a, one in found.items() if one.holds_answers or not for_answer}


def lift(addresses: Iterable[str]) -> None:
    """Within a transaction: mail arrives there again; forget what came back, but no complaint and no admin's word."""
    forms = [normalise_address(address) for address in addresses]
    known = (
        DeliveryFailure.address.in_(forms),
        DeliveryFailure.cause == Cause.BOUNCE,
        DeliveryFailure.lifted_at.is_(None),
    )
    if forms and db.session.scalar(select(DeliveryFailure.id).where(*known).limit(1)) is not None:
        db.session.execute(update(DeliveryFailure).where(*known).values(lifted_at=utcnow()))
