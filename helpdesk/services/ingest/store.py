"""Keeps received mails as they came, before anything decides about them. The unique key per account makes repeats harmless.

Only the header is glanced at: so that a mail that waits is listed with its sender, and found by who answers it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import select

from helpdesk import storage
from helpdesk.database import db, insert_once, transaction, utcnow
from helpdesk.mail.parse import Glance, glance
from helpdesk.models import EmailAccount, EmailMessage
from helpdesk.models.mail import Direction, EmailState
from helpdesk.queue import wake_after_commit
from helpdesk.services.outbox.queue import hash_of
from helpdesk.transports.base import FetchedMail

NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class StagedMail:
    """A mail whose bytes are safe, waiting for its row."""

    key: str
    blob: storage.StagedBlob
    size: int
    internal_date: datetime | None = None
    is_partial: bool = False
    header: Glance = field(default_factory=Glance)
    payload: Mapping[str, object] = field(default_factory=dict)


def stage(key: str, mail: FetchedMail, *, payload: Mapping[str, object] = NOTHING) -> StagedMail:
    """Make a fetched mail ready; call it outside the transaction. Raises StorageError when the disk is full."""
    blob = storage.stage(mail.raw)
    return StagedMail(key, blob, mail.size, mail.internal_date, mail.is_partial, glance(mail.raw), payload)


def insert(account_id: int, mail: StagedMail) -> int | None:
    """Within a transaction: add the row of a staged mail; None when it is known.

    A server that numbers mails anew without saying so may give an old key to another mail: other bytes under a known
    key are another mail, and get a key of their own.
    """
    storage.keep(mail.blob)
    email_id = _insert(account_id, mail, mail.key)
    if email_id is not None or mail.is_partial or _is_same(account_id, mail):
        return email_id
    return _insert(account_id, mail, f"{mail.key}/{mail.blob.sha256[:16]}")


def _insert(account_id: int, mail: StagedMail, key: str) -> int | None:
    return insert_once(
        EmailMessage,
        account_id=account_id,
        direction=Direction.IN,
        state=EmailState.RECEIVED,
        raw_sha256=mail.blob.sha256,
        size=mail.size,
        is_partial=mail.is_partial,
        transport_key=key,
        message_id=mail.header.message_id[:998],
        message_id_hash=hash_of(mail.header.message_id),
        from_address=mail.header.sender_email[:320],
        from_name=mail.header.sender_name[:255],
        subject=mail.header.subject[:998],
        internal_date=mail.internal_date,
        payload=dict(mail.payload),
        created_at=utcnow(),
    )


def _is_same(account_id: int, mail: StagedMail) -> bool:
    """Of a row whose bytes were cleared by retention, size and Message-ID are left to tell it by."""
    row = EmailMessage
    here = (row.account_id == account_id, row.transport_key == mail.key)
    known = db.session.execute(
        select(row.raw_sha256, row.size, row.message_id_hash).where(*here)
    ).one_or_none()
    if known is None or known.raw_sha256 is not None:
        return known is None or bool(known.raw_sha256 == mail.blob.sha256)
    names_another = mail.header.message_id and known.message_id_hash != hash_of(mail.header.message_id)
    return bool(known.size == mail.size and not names_another)


def store_raw(account: EmailAccount, raw: bytes, transport_key: str | None = None) -> int | None:
    """Store one mail given as bytes and return its row's id, None when it is known. Opens its own transaction."""
    account_id = account.id
    key = transport_key or f"sha256/{hashlib.sha256(raw).hexdigest()}"
    mail = StagedMail(key, storage.stage(raw), len(raw), header=glance(raw))
    with transaction():
        email_id = insert(account_id, mail)
        if email_id is not None:
            wake_after_commit("process_incoming")
    return email_id
