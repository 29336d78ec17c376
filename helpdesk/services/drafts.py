"""What people are writing and have not sent: text, copies and files, one draft per person, ticket and kind.

Nobody but its owner changes or removes a draft; sending takes it in the same transaction. A page tells which revision
it knows, so that two windows never overwrite each other without saying so.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, ScalarSelect, delete, func, select

from helpdesk import storage
from helpdesk.database import claim, db, insert_once, utcnow
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.mail.markdown import pictures_in
from helpdesk.mail.types import MailFile
from helpdesk.models import Draft, ScheduledReply, Ticket, Upload, User
from helpdesk.models.composing import ReplyState
from helpdesk.policy.permissions import Action
from helpdesk.policy.status import CommentKind
from helpdesk.services import access, attachments
from helpdesk.services.attachments import StagedFile
from helpdesk.services.tickets import comments
from helpdesk.services.tickets.changing import one_at_a_time

MAX_FILES = 50


class DraftConflict(Conflict):
    """The draft was changed elsewhere since the page was made; `text` and `revision` are what stands there now."""

    def __init__(self, draft: Draft) -> None:
        super().__init__("This draft was changed in another window. Both texts are shown; nothing is lost.")
        self.text, self.revision = draft.text, draft.revision


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in the editor. `left_out` are people in copy the writer has unticked, `to` is whom he addresses it
    to, "" for the requester."""

    text: str
    cc: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    to: str = ""
    bcc: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.text.strip() or any(self.recipients.values()))

    @property
    def recipients(self) -> dict[str, list[str]]:
        """As a draft's row keeps them."""
        further = {"to": [self.to] if self.to else [], "bcc": list(self.bcc)}
        kept = {"cc": list(self.cc), "left_out": list(self.left_out)}
        return kept | {name: emails for name, emails in further.items() if emails}


def written_of(draft: Draft) -> Written:
    """What stands in a draft."""
    people = {name: tuple(draft.recipients.get(name, ())) for name in ("cc", "left_out", "to", "bcc")}
    to = people["to"][0] if people["to"] else ""
    return Written(draft.text, people["cc"], people["left_out"], to, people["bcc"])


def find(user: User, ticket: Ticket, kind: CommentKind) -> Draft | None:
    return db.session.scalar(
        select(Draft).where(Draft.user_id == user.id, Draft.ticket_id == ticket.id, Draft.kind == kind)
    )


def of_ticket(user: User, ticket: Ticket) -> list[Draft]:
    """This person's drafts on the ticket, the one touched last first."""
    own = select(Draft).where(Draft.user_id == user.id, Draft.ticket_id == ticket.id)
    return list(db.session.scalars(own.order_by(Draft.updated_at.desc(), Draft.id.desc())))


def ticket_count(user: User) -> ScalarSelect[int]:
    """Within a statement: on how many tickets this person has a draft he can still open."""
    statement = select(func.count(Draft.ticket_id.distinct())).join(Ticket)
    return statement.where(Draft.user_id == user.id, access.tickets_of(user)).scalar_subquery()


def count(user: User) -> int:
    return db.session.scalar(select(ticket_count(user))) or 0


def preview_of(user_id: ColumnElement[int]) -> ColumnElement[str | None]:
    """Within a statement about tickets: the first words of this person's draft, of the one touched last."""
    own = select(func.substr(Draft.text, 1, 200)).where(
        Draft.user_id == user_id, Draft.ticket_id == Ticket.id
    )
    last = own.order_by(Draft.updated_at.desc(), Draft.id.desc()).limit(1)
    return last.correlate(Ticket).scalar_subquery()


def save(
    user: User,
    ticket: Ticket,
    kind: CommentKind,
    written: Written,
    *,
    revision: int,
    form_key: str | None = None,
    tokens: Iterable[str] = (),
    files: Sequence[StagedFile] = (),
) -> Draft | None:
    """Keep what stands in the editor; an empty editor without files removes the draft and gives None.

    `revision` is the one the page knows, 0 for none: raises DraftConflict when there is another. A page that saves
    late, after `form_key` was sent, changes nothing. `tokens` are files of the editor: those of the draft of the other
    kind come along. Raises InvalidInput when text or files are too large.
    """
    access.demand(user, Action.ANSWER, ticket)
    one_at_a_time(ticket)  # whoever sends holds it too: what it sees of the other is all or nothing
    if _was_sent(form_key):
        return None
    draft = find(user, ticket, kind)
    if draft is not None and draft.revision != revision:
        raise DraftConflict(draft)
    moved = [
        upload for upload in uploads_of(user, ticket, tokens) if draft is None or upload.draft_id != draft.id
    ]
    if written.is_empty and not files and not moved and (draft is None or not draft.files):
        discard(user, ticket, kind)
        return None
    draft = _write(draft, user, ticket, kind, written, form_key=form_key or "")
    for upload in moved:
        upload.draft_id = draft.id
    _attach(draft, files)
    return draft


def put_back(
    user: User, ticket: Ticket, kind: CommentKind, written: Written, uploads: Iterable[Upload]
) -> Draft:
    """Give an answer that was not sent back to its author; what he has begun since stays below it."""
    draft = find(user, ticket, kind)
    begun = draft.text.strip() if draft else ""
    text = "\n\n".join(
        part for part in (written.text, begun if begun != written.text.strip() else "") if part
    )
    draft = _write(draft, user, ticket, kind, replace(written, text=text))
    for upload in uploads:
        upload.reply_id, upload.draft_id = None, draft.id
    db.session.flush()
    db.session.expire(draft, ["files"])
    return draft


def take(
    user: User, ticket: Ticket, kind: CommentKind, text: str, *, revision: int, form_key: str = ""
) -> bool:
    """Remove the draft that has been sent, within the same transaction; what the same form saved by itself while it
    was being sent goes with it.

    False when another window holds a newer text: that one stays, with its files.
    """
    draft = find(user, ticket, kind)
    if draft is None:
        return True
    is_known = draft.revision == revision or (draft.form_key == form_key != "")
    if not is_known and draft.text.strip() not in ("", text.strip()):
        return False
    discard(user, ticket, kind)
    return True


def discard(user: User, ticket: Ticket, kind: CommentKind) -> None:
    """Forget the draft and the files that still wait in it."""
    db.session.execute(
        delete(Draft).where(Draft.user_id == user.id, Draft.ticket_id == ticket.id, Draft.kind == kind)
    )


def uploads_of(user: User, ticket: Ticket, tokens: Iterable[str]) -> list[Upload]:
    """The files with these tokens in this person's drafts on this very ticket; others are passed over."""
    wanted = set(tokens)
    rows = (
        select(Upload)
        .join(Draft, Draft.id == Upload.draft_id)
        .where(Upload.user_id == user.id, Draft.ticket_id == ticket.id, Upload.token.in_(wanted))
    )
    return list(db.session.scalars(rows.order_by(Upload.id))) if wanted else []


def remove_file(user: User, ticket: Ticket, token: str) -> Draft:
    """Take a file out of a draft. Raises NotFound."""
    for upload in uploads_of(user, ticket, [token]):
        draft = upload.draft
        assert draft is not None
        db.session.delete(upload)
        draft.revision += 1
        db.session.flush()
        db.session.expire(draft, ["files"])
        return draft
    raise NotFound("There is no such file.")


def drop_files(uploads: Iterable[Upload]) -> None:
    """What these files waited for has taken them over."""
    for upload in uploads:
        db.session.delete(upload)
    db.session.flush()


def as_mail_files(uploads: Iterable[Upload], text: str) -> list[MailFile]:
    """Waiting files as they go into a mail with this text: of its pictures those it still shows. Raises StorageError
    when their bytes are gone."""
    shown = set(pictures_in(text))
    wanted = [upload for upload in uploads if not upload.is_picture or upload.token in shown]
    return [_as_mail_file(upload) for upload in wanted]


def _as_mail_file(upload: Upload) -> MailFile:
    data = storage.read(upload.sha256)
    if not upload.is_picture:
        return MailFile(upload.filename, upload.content_type, data)
    part = attachments.content_id(upload.token)
    return MailFile(upload.filename, upload.content_type, data, part, is_inline=True)


def picture(user: User, token: str) -> Upload:
    """A picture in something this person is writing. Raises NotFound for anybody else's."""
    rows = select(Upload).where(Upload.token == token, Upload.user_id == user.id, Upload.is_picture)
    upload = db.session.scalar(rows)
    if upload is None:
        raise NotFound("There is no such file.")
    return upload


def _was_sent(form_key: str | None) -> bool:
    """Whether what stood in the editor with this key has become a note, or an answer that was not taken back."""
    gone = (ReplyState.WAITING, ReplyState.SENT)
    answer = select(ScheduledReply.id).where(
        ScheduledReply.form_key == form_key, ScheduledReply.state.in_(gone)
    )
    return bool(form_key) and (
        comments.find_by_form(form_key) is not None or db.session.scalar(answer) is not None
    )


def _write(
    draft: Draft | None,
    user: User,
    ticket: Ticket,
    kind: CommentKind,
    written: Written,
    *,
    form_key: str = "",
) -> Draft:
    if len(written.text) > comments.MAX_TEXT:
        raise InvalidInput("The text is too long: at most 5 million characters.", field="text")
    recipients, now = written.recipients, utcnow()
    if draft is None:
        added = insert_once(
            Draft, user_id=user.id, ticket_id=ticket.id, kind=kind, text=written.text, recipients=recipients,
            form_key=form_key, revision=1, created_at=now, updated_at=now,
        )  # fmt: skip
        draft = find(user, ticket, kind)
        assert draft is not None
        if added is None:  # another window was first
            raise DraftConflict(draft)
        return draft
    taken = claim(
        Draft, Draft.id == draft.id, Draft.revision == draft.revision,
        text=written.text, recipients=recipients, form_key=form_key, updated_at=now, revision=draft.revision + 1,
    )  # fmt: skip
    db.session.expire(draft)
    current = find(user, ticket, kind)
    if current is None:
        raise Conflict("This draft was sent or discarded in another window. Your text is still here.")
    if not taken:
        raise DraftConflict(current)
    return current


def _attach(draft: Draft, files: Sequence[StagedFile]) -> None:
    """Raises InvalidInput for more than a mail can carry."""
    shown = set(pictures_in(draft.text))
    held = [upload for upload in draft.files if not upload.is_picture or upload.token in shown]
    sizes = [upload.size for upload in held] + [file.blob.size for file in files]
    attachments.refuse_too_large(sizes, draft.ticket.account)
    if len(draft.files) + len(files) > MAX_FILES:
        raise InvalidInput("At most %(count)d files fit into one mail.", field="files", count=MAX_FILES)
    add_uploads(draft.user, files, draft_id=draft.id)
    db.session.expire(draft, ["files"])


def add_uploads(
    user: User, files: Iterable[StagedFile], *, draft_id: int | None = None, reply_id: int | None = None
) -> None:
    """Let files wait in a draft or in an answer."""
    for file in files:
        db.session.add(
            Upload(
                token=attachments.token_of(file.content_id) or secrets.token_hex(16), user_id=user.id, draft_id=draft_id, reply_id=reply_id,
                sha256=storage.keep(file.blob), filename=file.filename, content_type=file.content_type,
                size=file.blob.size, is_picture=file.is_inline, created_at=utcnow(),
            )
        )  # fmt: skip
    db.session.flush()
