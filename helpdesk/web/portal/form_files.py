"""The files of a customer's form: those chosen now, and those that stayed from a try that was refused."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import current_app, request

from helpdesk.database import end_read, transaction
from helpdesk.errors import HelpdeskError, InvalidInput
from helpdesk.models import User
from helpdesk.services import attachments, kept_files
from helpdesk.services.attachments import MailFile
from helpdesk.services.tickets.comments import Words
from helpdesk.web.access import viewer
from helpdesk.web.forms import is_form_key

MAX_FILES = 20


@dataclass(frozen=True, slots=True)
class Kept:
    """Files that stay with a form that comes back: (name, bytes) each. `lost`: some could not be kept."""

    word: str = ""
    files: tuple[tuple[str, int], ...] = ()
    lost: bool = False


@dataclass(frozen=True, slots=True)
class FormFiles:
    """What a form brought; `error` is what was wrong with one of them."""

    files: list[MailFile] = field(default_factory=list)
    error: InvalidInput | None = None

    def words(self, text: str, form_key: str) -> Words:
        """What was written and attached, its bytes safe. Raises InvalidInput for what was wrong with a file."""
        if self.error is not None:
            raise self.error
        end_read()
        staged = attachments.stage(self.files)
        key = form_key if is_form_key(form_key) else None
        return Words(text.replace("\r\n", "\n").strip(), files=staged, form_key=key)

    def keep(self, owner: User) -> Kept:
        """For the form's next try. Opens its own transaction."""
        if not self.files:
            return Kept(lost=self.error is not None)
        end_read()
        try:
            staged = attachments.stage(self.files)
            with transaction():
                word = kept_files.seal(staged, owner)
        except HelpdeskError:
            return Kept(lost=True)
        return Kept(word, tuple((file.filename, len(file.data)) for file in self.files))


def read_form_files() -> FormFiles:
    """Never raises: what is wrong is said together with everything else that is."""
    files, error = _stayed(), None
    for chosen in request.files.getlist("attachments"):
        if not chosen.filename:
            continue
        try:
            files.append(attachments.uploaded(chosen.filename, chosen.mimetype, chosen.read()))
        except InvalidInput as refused:
            error = refused
    limit = int(current_app.config["EMAIL_MAX_MESSAGE_SIZE"])
    if len(files) > MAX_FILES:
        error = InvalidInput("Please attach at most %(count)d files.", field="attachments", count=MAX_FILES)
    elif sum(len(file.data) for file in files) > limit:
        megabytes = limit // 1024**2
        error = InvalidInput(
            "All files together may have %(limit)d MB.", field="attachments", limit=megabytes
        )
    return FormFiles(files[:MAX_FILES], error)


def _stayed() -> list[MailFile]:
    """Those of the last try that are still wanted."""
    word = request.form.get("kept", "")
    wanted = set(request.form.getlist("keep_file"))
    found = kept_files.unseal(word, viewer()) if word else []
    return [file for place, file in enumerate(found) if file is not None and str(place) in wanted]
