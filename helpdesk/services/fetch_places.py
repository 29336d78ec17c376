"""From an account and a connection to the places mail is taken from: its folders, or the one maildrop of POP3."""

from __future__ import annotations

from helpdesk.models import EmailAccount
from helpdesk.services.fetch_folder import FolderPlace
from helpdesk.services.fetch_lease import FetchLease
from helpdesk.services.fetch_maildrop import MaildropPlace
from helpdesk.services.fetch_run import Place
from helpdesk.transports.base import Maildrop, Source


def places_of(
    account: EmailAccount, lease: FetchLease, connection: Source | Maildrop, folder: str | None = None
) -> list[Place]:
    """Every place in the order they are read; of folders only `folder` when it is given."""
    if isinstance(connection, Maildrop):
        return [MaildropPlace(account, lease, connection)]
    folders = account.folders if folder is None else [folder]
    return [FolderPlace(account, lease, connection, name) for name in folders]
