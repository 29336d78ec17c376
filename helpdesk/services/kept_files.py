"""Files of a form that came back, kept for its next try.

They are blobs nobody owns yet: what is not used is cleared away after a day. Which they are stands in a sealed word in
the form, of use to nobody but the person who sent them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from helpdesk import storage
from helpdesk.errors import ConfigError
from helpdesk.mail.types import MailFile
from helpdesk.models import User
from helpdesk.services import keys
from helpdesk.services.attachments import StagedFile
from helpdesk.storage import StorageError

FORM = "kept files"


def seal(files: Sequence[StagedFile], owner: User) -> str:
    """Within a transaction: keep the bytes, and return the word that names them."""
    named = [(storage.keep(file.blob), file.filename, file.content_type) for file in files]
    return keys.encrypt(json.dumps({"form": FORM, "for": owner.id, "files": named}))


def unseal(word: str, owner: User) -> list[MailFile | None]:
    """The files in their order; None for one that is gone by now. Nothing for a word that is not this person's."""
    try:
        found = json.loads(keys.decrypt(word))
    except (ConfigError, ValueError):
        return []
    if not isinstance(found, dict) or found.get("form") != FORM or found.get("for") != owner.id:
        return []
    return [_read(*named) for named in found["files"]]


def _read(sha256: str, filename: str, content_type: str) -> MailFile | None:
    try:
        return MailFile(filename, content_type, storage.read(sha256))
    except StorageError:
        return None
