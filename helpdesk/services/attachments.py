"""Files on comments: staged before the transaction, attached inside it, read by whoever may see the comment."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from flask import current_app
from sqlalchemy import select

from helpdesk import storage
from helpdesk.database import db
from helpdesk.errors import InvalidInput, NotFound
from helpdesk.mail.attachments import picture_type, safe_filename
from helpdesk.mail.types import MailFile
from helpdesk.models import Attachment, Comment, EmailAccount
from helpdesk.models.tickets import TextFormat

ROOM_FOR_WORDS = 64 * 1024
OF_A_TEXT = "@text.desk.invalid"


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


def pasted(filename: str, data: bytes) -> MailFile | None:
    """A picture somebody puts into his text, with the token the text will show it by; None for what is none that can
    be shown, or is too large, and so a file like any other."""
    content_type = picture_type(data[:16])
    if not content_type or len(data) > current_app.config["EMAIL_MAX_ATTACHMENT_SIZE"]:
        return None
    name = safe_filename(filename, content_type)
    return MailFile(name, content_type, data, content_id(secrets.token_hex(16)), is_inline=True)


def content_id(token: str) -> str:
    """The id of the part that is shown as `upload:TOKEN`; the ids of foreign mails look otherwise."""
    return token + OF_A_TEXT


def token_of(content_id: str) -> str:
    """What a text shows the file as, "" for one that none does."""
    return content_id.removesuffix(OF_A_TEXT) if content_id.endswith(OF_A_TEXT) else ""


def default_mail_limit() -> int:
    """How many bytes a mail of this desk may have."""
    return int(current_app.config["EMAIL_MAX_MESSAGE_SIZE"])


def mail_limit(account: EmailAccount) -> int:
    """How many bytes a mail of this account may have: what the account says, and never more than the whole desk."""
    own = account.max_mail_mb
    return min(default_mail_limit(), own * 1024**2) if own else default_mail_limit()


def room_for_files(account: EmailAccount) -> int:
    """How many bytes of files fit into a mail of the account: base64 writes 57 of them as 78, and words need room."""
    return max(0, mail_limit(account) - ROOM_FOR_WORDS) * 57 // 78


def refuse_too_large(sizes: Iterable[int], account: EmailAccount) -> None:
    """Raises InvalidInput for files that fit into no mail of the account."""
    if sum(sizes) > room_for_files(account):
        raise InvalidInput(
            "These files are too large for one mail: at most %(limit)s MB fit into it.",
            field="files", limit=f"{room_for_files(account) / 1024**2:.1f}".removesuffix(".0"),
        )  # fmt: skip


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


def mark_of(picture: MailFile) -> str:
    """How a text shows it."""
    name = " ".join(re.sub(r"[\[\]\\`*_!]", " ", picture.filename).split()) or "…"
    return f"![{name}](upload:{token_of(picture.content_id)})"


def shown(comment: Comment) -> dict[str, Attachment]:
    """The pictures its text shows, by the token it knows them by. Mails of others show nothing that way, whatever ids
    their parts have: an answer may bring our own pictures back."""
    if comment.format is not TextFormat.MARKDOWN:
        return {}
    return {token_of(a.content_id): a for a in comment.attachments if a.is_inline and token_of(a.content_id)}


def beside(comment: Comment) -> list[Attachment]:
    """The files that stand below its text; not those an answer to us has only quoted."""
    within = {attachment.id for attachment in shown(comment).values()}
    return [file for file in comment.attachments if file.id not in within and not _is_quoted(file)]


def _is_quoted(file: Attachment) -> bool:
    """Whether it is a picture of ours come back with the text it stood in. The same bytes, not only the same id, which
    anybody could give to a file that is not to be seen."""
    if not file.is_inline or not token_of(file.content_id):
        return False
    ours = select(Attachment.id).where(
        Attachment.content_id == file.content_id, Attachment.sha256 == file.sha256, Attachment.id < file.id
    )
    return db.session.scalar(ours.limit(1)) is not None


def picture(sha256: str) -> tuple[bytes, str]:
    """Bytes a page may show, and which of four kinds of pictures they are. Raises NotFound for anything else."""
    data = storage.read(sha256)
    content_type = picture_type(data[:16])
    if not content_type:
        raise NotFound("There is no such file.")
    return data, content_type


def contents(attachment: Attachment) -> bytes:
    """The bytes. Raises StorageError when they are missing or damaged."""
    return storage.read(attachment.sha256)


def as_mail_files(comment: Comment) -> list[MailFile]:
    """A comment's files as they go into a mail."""
    return [
        MailFile(a.filename, a.content_type, contents(a), a.content_id, a.is_inline)
        for a in comment.attachments
    ]
