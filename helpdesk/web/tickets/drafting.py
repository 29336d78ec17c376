"""Keeping what is being written: the same address for a button without scripts and for a page that saves by itself."""

from __future__ import annotations

import contextlib

from flask import flash, jsonify, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from helpdesk.database import end_read, transaction
from helpdesk.errors import HelpdeskError
from helpdesk.models import Draft, Ticket
from helpdesk.services import access, attachments, drafts
from helpdesk.services.attachments import StagedFile
from helpdesk.services.drafts import DraftConflict
from helpdesk.web.access import require, viewer
from helpdesk.web.errors import sentence, status_of
from helpdesk.web.forms import wants_json
from helpdesk.web.tickets.blueprint import blueprint
from helpdesk.web.tickets.composing import Answer, files_of, read_answer, when_words
from helpdesk.web.tickets.showing import Page, back_to, render_ticket


@blueprint.post("/tickets/<int:number>/draft")
@require("team")
def save_draft(number: int) -> Page:
    """Save, take a file out, or discard: whichever button was pressed."""
    ticket = access.get_ticket_by_number(viewer(), number)
    typed = read_answer()
    if "discard" in request.form:
        with transaction():
            drafts.discard(viewer(), ticket, typed.kind)
        return back_to(ticket)
    try:
        draft = keep(ticket, typed)
    except HelpdeskError as error:
        return refused(ticket, typed, error)
    if wants_json():
        return _saved(ticket, draft, typed)
    if draft is not None:
        flash(_("Draft saved."), "success")
    return back_to(ticket, write=typed.kind.value)


def keep(ticket: Ticket, typed: Answer, *, with_files: bool = True) -> Draft | None:
    """Save the editor's text and new files in a transaction of its own."""
    files = files_of(typed) if with_files else []
    end_read()
    staged = attachments.stage(files)
    with transaction():
        draft = _save(ticket, typed, staged)
        if draft is not None and request.form.get("remove"):
            drafts.remove_file(viewer(), ticket, request.form["remove"])
    return draft


def _save(ticket: Ticket, typed: Answer, staged: list[StagedFile]) -> Draft | None:
    return drafts.save(
        viewer(), ticket, typed.kind, typed.written,
        revision=typed.revision, form_key=typed.form_key, tokens=typed.tokens, files=staged,
    )  # fmt: skip


def keep_what_can_be_kept(ticket: Ticket, typed: Answer) -> None:
    """After a refusal: what was typed becomes the draft, and files that would have to be chosen again stay."""
    for files in (True, False):
        with contextlib.suppress(HelpdeskError):  # the page gives the text back in any case
            keep(ticket, typed, with_files=files)
            return


def _saved(ticket: Ticket, draft: Draft | None, typed: Answer) -> Response:
    url = url_for("tickets.save_draft", number=ticket.number)
    beside = [upload for upload in draft.files if not upload.is_picture] if draft else []
    files = render_template("tickets/_draft_files.html", files=beside, draft_url=url)
    note = _("Draft saved %(when)s", when=when_words(draft)) if draft else ""
    marks = [attachments.mark_of(picture) for picture in typed.pictures]
    return jsonify(revision=draft.revision if draft else 0, note=note, files=files, pictures=marks)


def refused(ticket: Ticket, typed: Answer, error: HelpdeskError) -> Page:
    """The page with what was typed and why it was not kept; the same in JSON for a script."""
    rival = error.text if isinstance(error, DraftConflict) else ""
    if wants_json():
        known = error.revision if isinstance(error, DraftConflict) else typed.revision
        response = jsonify(message=sentence(error), rival=rival, revision=known)
        response.status_code = status_of(error)
        return response
    return render_ticket(ticket, typed, errors=[sentence(error)], rival=rival), status_of(error)
