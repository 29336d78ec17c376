"""Files on comments: staged before the transaction, attached inside it, read by whoever may see the comment."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from flask import current_app
from sqlalchemy import select

from helpdesk import storage
from helpdesk.database import db
from helpdesk.errors import InvalidInput
from helpdesk.mail.attachments import safe_filename
from helpdesk.mail.types import MailFile
from helpdesk.models import Attachment, Comment


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file whose bytes are safe, waiting for its comment."""

    blob: storage.StagedBlob
    filename: str
    content_type: str
    content_id: str = ""
    is_inline: bool = False


def stage(files: Iterable[MailFile]) -> list[StagedFile]:
    """Make files ready; call it before the transaction. Raises StorageError when the disk is full."""
    return [
        StagedFile(
            storage.stage(f.data), f.filename[:255], f.content_type[:255], f.content_id[:255], f.is_inline
        )
        for f in files
    ]


def uploaded(filename: str, content_type: str, data: bytes) -> MailFile:
    """A file from a form. Raises InvalidInput when it is larger than EMAIL_MAX_ATTACHMENT_SIZE."""
    limit = current_app.config["EMAIL_MAX_ATTACHMENT_SIZE"]
    name = safe_filename(filename, content_type)
    if len(data) > limit:
        raise InvalidInput(
            "The file “%(name)s” is too large: at most %(limit)d MB.",
            field="files",
            name=name,
            limit=limit // 1024**2,
        )
    return MailFile(name, content_type or "application/octet-stream", data)


def attach(comment: Comment, files: Iterable[StagedFile]) -> None:
    for file in files:
        storage.keep(file.blob)
        db.session.add(
            Attachment(
                token=secrets.token_hex(16),
                comment_id=comment.id,
                sha256=file.blob.sha256,
                filename=file.filename,
                content_type=file.content_type,
                size=file.blob.size,
                content_id=file.content_id,
                is_inline=file.is_inline,
            )
        )


def find(token: str) -> Attachment | None:
    return db.session.scalar(select(Attachment).where(Attachment.token == token))


def contents(attachment: Attachment) -> bytes:
    """The bytes. Raises StorageError when they are missing or damaged."""
    return storage.read(attachment.sha256)


def as_mail_files(comment: Comment) -> list[MailFile]:
    """A comment's files as they go into a mail."""
    return [
        MailFile(a.filename, a.content_type, contents(a), a.content_id, a.is_inline)
        for a in comment.attachments
    ]
