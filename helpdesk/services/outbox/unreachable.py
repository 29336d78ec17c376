"""Addresses mail does not reach: noted from delivery reports, left alone from then on until something speaks for them.

An address that does not exist is left alone at once; one that refuses for other lasting reasons after three reports
within two weeks. It is written to again when mail from it comes in, or when a person sends something again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import func, select, update

from helpdesk.database import db, utcnow
from helpdesk.mail.headers import normalise_address
from helpdesk.models import DeliveryFailure

AT_ONCE = frozenset({"5.1.1", "5.1.2", "5.1.10"})
MOST = 3
WITHIN = timedelta(days=14)
MAX_WORDS = 1000
_PRECISE = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")


def precise_status(status: str, words: str) -> str:
    """The code of a report; what the server itself said where the report only says that it failed."""
    if status not in ("", "5.0.0", "4.0.0"):
        return status
    found = _PRECISE.search(words)
    return found[1] if found else status


def note(address: str, *, status: str, words: str, email_id: int | None) -> bool:
    """Within a transaction: one more mail did not arrive there for good. True when it is left alone from now on."""
    address, now = normalise_address(address)[:320], utcnow()
    earlier = select(func.count(DeliveryFailure.id)).where(
        DeliveryFailure.address == address,
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


def among(addresses: Iterable[str]) -> dict[str, str]:
    """Which of these are left alone, each as it was given, and why in the server's words."""
    by_form = {normalise_address(address): address for address in addresses}
    if not by_form:
        return {}
    rows = select(DeliveryFailure.address, DeliveryFailure.words).where(
        DeliveryFailure.address.in_(by_form), DeliveryFailure.stops, DeliveryFailure.lifted_at.is_(None)
    )
    found = db.session.execute(rows.order_by(DeliveryFailure.id)).all()
    return {by_form[address]: words for address, words in found}


def lift(addresses: Iterable[str]) -> None:
    """Within a transaction: write there again, and forget what was counted."""
    forms = [normalise_address(address) for address in addresses]
    known = (DeliveryFailure.address.in_(forms), DeliveryFailure.lifted_at.is_(None))
    if forms and db.session.scalar(select(DeliveryFailure.id).where(*known).limit(1)) is not None:
        db.session.execute(update(DeliveryFailure).where(*known).values(lifted_at=utcnow()))
