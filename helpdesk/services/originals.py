"""The mail behind a message: its bytes, read again for whoever wants to see what really came, or went."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select

from helpdesk.database import db
from helpdesk.mail.parse import parse
from helpdesk.mail.received import Hop, read_path
from helpdesk.models import Comment, EmailMessage
from helpdesk.models.mail import Direction
from helpdesk.services import mail_log, waiting_mail
from helpdesk.services.outbox import queue

MAX_SOURCE = 200_000  # bytes of the source on the page; the rest is in the file
MAX_HEAD = 256_000


@dataclass(frozen=True, slots=True)
class Original:
    """`headers` are decoded, in their order; `path` is the way it took; `source` its beginning as it came."""

    headers: tuple[tuple[str, str], ...]
    path: tuple[Hop, ...]
    source: str
    size: int

    @property
    def is_cut(self) -> bool:
        return self.size > MAX_SOURCE


def mail_of(comment: Comment) -> EmailMessage | None:
    """The mail the message came by, or went out with; None for one written in the browser."""
    own = or_(EmailMessage.direction == Direction.IN, EmailMessage.purpose.in_([queue.REPLY, queue.FORWARD]))
    rows = select(EmailMessage).where(EmailMessage.comment_id == comment.id, own)
    return db.session.scalar(rows.order_by(EmailMessage.direction, EmailMessage.id).limit(1))


def is_kept(email: EmailMessage | None) -> bool:
    """Whether its bytes are there to be seen: old ones are cleared away, and one with a link to sign in is nobody's."""
    return email is not None and email.raw_sha256 is not None and not mail_log.is_secret(email)


def read(email: EmailMessage) -> Original:
    """Raises NotFound when its bytes are not to be had."""
    raw = waiting_mail.raw(email)
    headers = parse(_head(raw)).headers
    source = raw[:MAX_SOURCE].decode("utf-8", "replace").replace("\r\n", "\n").replace("\x00", "\ufffd")
    return Original(headers, tuple(read_path(headers)), source, len(raw))


def _head(raw: bytes) -> bytes:
    """The header alone: the body is on the ticket already, and may be large."""
    ends = [end for mark in (b"\r\n\r\n", b"\n\n") if (end := raw.find(mark, 0, MAX_HEAD)) >= 0]
    return raw[: min(ends, default=MAX_HEAD)] + b"\r\n\r\n"
