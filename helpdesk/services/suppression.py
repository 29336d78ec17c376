"""The list of addresses the desk mails nothing to by itself, for admins: searched, added to, released.

What puts addresses there by itself, and what being there means, is in `outbox/unreachable.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, or_, select, update

from helpdesk.database import db, utcnow
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.mail.headers import is_address, normalise_address
from helpdesk.models import DeliveryFailure, User
from helpdesk.models.senders import Cause
from helpdesk.policy.permissions import Action
from helpdesk.services import access, accounts, events
from helpdesk.services.outbox import unreachable

PAGE_SIZE = 100
MAX_NOTE = 255


def page(*, text: str = "", before: int | None = None) -> tuple[Sequence[DeliveryFailure], int | None]:
    """One row for each address, the latest word about it, newest first; and the id the next page begins before."""
    latest = select(func.max(DeliveryFailure.id)).where(*unreachable.LIVING).group_by(DeliveryFailure.address)
    rows = select(DeliveryFailure).where(DeliveryFailure.id.in_(latest))
    if typed := text.strip().lower()[:320]:
        found = [
            func.lower(column).contains(typed, autoescape=True)
            for column in (DeliveryFailure.address, DeliveryFailure.words)
        ]
        rows = rows.where(or_(*found))
    if before is not None:
        rows = rows.where(DeliveryFailure.id < before)
    shown = list(db.session.scalars(rows.order_by(DeliveryFailure.id.desc()).limit(PAGE_SIZE + 1)))
    return shown[:PAGE_SIZE], shown[PAGE_SIZE - 1].id if len(shown) > PAGE_SIZE else None


def add(typed: str, *, note: str = "", actor: User) -> DeliveryFailure:
    """Put an address on the list. Raises InvalidInput for what is none, and for the desk's own; Conflict when it is there."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    email = typed.strip()
    if not is_address(email):
        raise InvalidInput("“%(email)s” is not an e-mail address.", field="email", email=email[:100])
    if normalise_address(email) in accounts.own_addresses():
        raise InvalidInput("%(email)s is an address of this desk.", field="email", email=email)
    row = unreachable.leave_alone(email, Cause.BY_HAND, words=" ".join(note.split())[:MAX_NOTE])
    if row is None:
        raise Conflict("%(email)s is on the list already.", email=email)
    events.record("suppression.added", actor=actor, rule_id=row.id, name=_hidden(row.address))
    return row


def release(row_id: int, *, actor: User) -> str:
    """Mail to this address again, whatever it was listed for; returns the address. Raises NotFound when it is not there."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    row = db.session.get(DeliveryFailure, row_id)
    if row is None or row.lifted_at is not None:
        raise NotFound("There is no such address on the list.")
    same = (DeliveryFailure.address == row.address, DeliveryFailure.lifted_at.is_(None))
    db.session.execute(update(DeliveryFailure).where(*same).values(lifted_at=utcnow()))
    events.record(
        "suppression.lifted", actor=actor, rule_id=row.id, name=_hidden(row.address), before=row.cause.value
    )
    return row.address


def _hidden(address: str) -> str:
    """For the record, which outlives the person: the domain alone."""
    return f"…@{address.rpartition('@')[2]}"
