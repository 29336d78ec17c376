"""The editor below a ticket: what it shows, and what its form says when it comes back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from flask import request
from flask_babel import format_time
from flask_babel import gettext as _

from helpdesk.database import utcnow
from helpdesk.errors import InvalidInput
from helpdesk.models import Draft, Participant, ScheduledReply, Ticket, Upload
from helpdesk.policy.status import CommentKind, Status
from helpdesk.services import attachments, drafts, html_view, participants, recipients
from helpdesk.services.attachments import MailFile
from helpdesk.services.drafts import Written, written_of
from helpdesk.services.outbox.unreachable import LeftAlone
from helpdesk.services.scheduled import Seen
from helpdesk.web.access import viewer
from helpdesk.web.filters import address as address_words
from helpdesk.web.filters import exact
from helpdesk.web.forms import is_form_key, new_form_key, read_files, read_pictures, wants_json
from helpdesk.web.sending import audience_words
from helpdesk.web.tickets.timing import Times, When, read_when, times
from helpdesk.web.tickets.warning import Lost, lost_among

KINDS = (CommentKind.REPLY, CommentKind.NOTE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the form of the editor says.

    `to` is "" for the requester, who was `requester` on the page. Of `cc`, `added` are those the page did not show; `left_out` were shown and
    unticked. `then` is the status chosen with the second button. `pictures` came along to be put into the text; a
    script does that itself, for any other page they stand at its end. `tokens` name what is on the desk already.
    """

    kind: CommentKind
    text: str
    to: str
    requester: str
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    added: tuple[str, ...]
    left_out: tuple[str, ...]
    then: Status | None
    form_key: str
    seen: Seen
    revision: int
    tokens: tuple[str, ...]
    when: When
    pictures: tuple[MailFile, ...] = ()

    @property
    def addressee(self) -> str | None:
        """Whom the page named as the one it goes to; None when it named nobody."""
        return self.to or self.requester or None

    @property
    def written(self) -> Written:
        if self.kind is not CommentKind.REPLY:
            return Written(self.text)
        return Written(self.text, self.added, self.left_out, self.to, self.bcc)


@dataclass(frozen=True, slots=True)
class Copied:
    """Somebody in copy, to be ticked or not."""

    email: str
    name: str
    chosen: bool = True


@dataclass(frozen=True, slots=True)
class Editor:
    """What stands in the editor. `addressees` are (value, words) to choose `to` from, "" for the requester, whose address
    is `requester`; `cc` and `bcc` further addresses as they were typed. `other` is this person's draft of the other kind, `rival` a text that another window
    has saved meanwhile."""

    kind: str
    body: str
    to: str
    requester: str
    addressees: list[tuple[str, str]]
    copies: list[Copied]
    cc: str
    bcc: str
    revisions: dict[str, int]
    files: list[Upload]
    form_id: str
    seen: int
    seen_reply: int
    times: Times
    lost: list[Lost]
    audience: str = ""
    saved: str = ""
    other: str = ""
    rival: str = ""
    errors: list[str] = field(default_factory=list)


def _number(name: str) -> int | None:
    text = request.form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def read_addresses(name: str) -> tuple[str, ...]:
    """The addresses typed into a field, each once."""
    words = (re.split(r"[,;\s]+", value[:5000].strip()) for value in request.form.getlist(name)[:100])
    return tuple(dict.fromkeys(word for part in words for word in part if word))


def read_kind() -> CommentKind:
    return CommentKind.NOTE if request.form.get("kind") == "note" else CommentKind.REPLY


def read_answer() -> Answer:
    """What was typed, whatever else is wrong with the form; `form_key` is "" for one that cannot be ours."""
    kind, key, then = read_kind(), request.form.get("form_id", ""), request.form.get("then", "")
    cc, shown = read_addresses("cc"), read_addresses("cc_shown")
    pictures = tuple(read_pictures("pictures"))
    text = _with_pictures(request.form.get("body", "").replace("\r\n", "\n").strip(), pictures)
    return Answer(
        kind=kind,
        text=text,
        to=request.form.get("to", "").strip()[:320],
        requester=request.form.get("requester", "").strip()[:320],
        cc=cc,
        bcc=read_addresses("bcc"),
        added=participants.missing(cc, shown),
        left_out=participants.missing(shown, cc),
        then=Status(then) if then in set(Status) else None,
        form_key=key if is_form_key(key) else "",
        seen=Seen(_number("seen"), _number("seen_reply") or 0),
        revision=_number(f"revision_{kind.value}") or 0,
        tokens=tuple(dict.fromkeys([*request.form.getlist("file")[:100], *html_view.pictures_in(text)])),
        pictures=pictures,
        when=read_when(),
    )


def _with_pictures(text: str, pictures: Sequence[MailFile]) -> str:
    if wants_json() or not pictures:
        return text
    return "\n\n".join([text, *map(attachments.mark_of, pictures)]).lstrip("\n")


def files_of(typed: Answer) -> list[MailFile]:
    """The files that came with the form. Raises InvalidInput for one that is too large."""
    return [*read_files("attachments"), *read_files("pictures", but_pictures=True), *typed.pictures]


def require_form_key(answer: Answer) -> None:
    require_key(answer.form_key)


def require_key(form_key: str) -> None:
    """Raises InvalidInput for a form that cannot have been ours."""
    if not form_key:
        raise InvalidInput("The form was incomplete. Please send it again.")


def editor(
    ticket: Ticket,
    *,
    seen: int,
    waiting: list[ScheduledReply],
    left_alone: Sequence[tuple[Participant, LeftAlone]] = (),
    typed: Answer | None = None,
    errors: list[str] | None = None,
    rival: str = "",
) -> Editor:
    """`seen` is the last comment on the page. The editor with what was typed just now, else with the draft asked for or touched last, else empty."""
    own = {draft.kind: draft for draft in drafts.of_ticket(viewer(), ticket)}
    kind = typed.kind if typed else _chosen_kind(own)
    draft, other = (
        own.get(kind),
        own.get(CommentKind.NOTE if kind is CommentKind.REPLY else CommentKind.REPLY),
    )
    reply_draft = own.get(CommentKind.REPLY)
    written = typed.written if typed else _written(draft)
    copies_of = typed.written if typed and typed.kind is CommentKind.REPLY else _written(reply_draft)
    copies, further = _copies(ticket, copies_of)
    addressees = _addressees(ticket)
    people_count = 1 + sum(one.chosen for one in copies) + len(further) + len(copies_of.bcc)
    everyone = [
        copies_of.to or ticket.requester_address.email,
        *(one.email for one in copies if one.chosen),
        *further,
    ]
    new = participants.strangers(ticket, [*further, *copies_of.bcc])
    return Editor(
        kind=kind.value,
        body=written.text,
        to=copies_of.to if copies_of.to in {value for value, _words in addressees} else "",
        requester=ticket.requester_address.email,
        addressees=addressees,
        copies=copies,
        cc=", ".join(further),
        bcc=", ".join(copies_of.bcc),
        revisions={k.value: own[k].revision if k in own else 0 for k in KINDS},
        files=_files(ticket, draft, typed),
        form_id=new_form_key(),
        seen=seen,
        seen_reply=max((reply.id for reply in waiting), default=0),
        lost=lost_among([*everyone, *copies_of.bcc], ticket, left_alone),
        times=times(typed.when if typed else None),
        audience=audience_words(people_count, len(new)),
        saved=_("Draft of %(when)s", when=when_words(draft)) if draft else "",
        other=other.text if other else "",
        rival=rival,
        errors=errors or [],
    )


def _chosen_kind(own: dict[CommentKind, Draft]) -> CommentKind:
    """An answer, unless the address asks for a note or a note is what was being written."""
    asked = request.args.get("write")
    if asked in {kind.value for kind in KINDS}:
        return CommentKind(asked)
    return next(iter(own), CommentKind.REPLY)


def _written(draft: Draft | None) -> Written:
    return written_of(draft) if draft is not None else Written("")


def _files(ticket: Ticket, draft: Draft | None, typed: Answer | None) -> list[Upload]:
    """All but the pictures, which stand in the text."""
    found = list(draft.files) if draft else []
    if typed is not None:
        further = drafts.uploads_of(viewer(), ticket, typed.tokens)
        found += [upload for upload in further if upload not in found]
    return [upload for upload in found if not upload.is_picture]


def _addressees(ticket: Ticket) -> list[tuple[str, str]]:
    """To whom the answer may be addressed, the requester first."""
    requester = ticket.requester_address
    return [
        ("" if one.id == requester.id else one.email, address_words(one.email, one.user.name))
        for one in recipients.choices(ticket)
    ]


def _copies(ticket: Ticket, written: Written) -> tuple[list[Copied], list[str]]:
    """Who is in copy of the ticket, ticked unless left out; and the further addresses that were typed."""
    people = participants.copied(ticket)
    emails = [address.email for address in people]
    ticked = participants.missing(emails, written.left_out)
    copies = [Copied(address.email, address.user.shown_name, address.email in ticked) for address in people]
    return copies, list(participants.missing(written.cc, emails))


def when_words(draft: Draft) -> str:
    """The time of day of a draft of the last hours, else its date too."""
    passed = utcnow() - draft.updated_at
    return (
        format_time(draft.updated_at, "HH:mm")
        if passed.total_seconds() < 12 * 3600
        else exact(draft.updated_at)
    )
