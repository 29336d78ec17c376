"""Fetching by IMAP (RFC 3501, 9051): folders, UIDs, mails without marking them.

What this module leaves to others: which UIDs are wanted, where mails are kept, what then happens to them. No text that came
in a mail ever enters a command: searches hold numbers and dates only, folder names come from settings and are checked.
"""

from __future__ import annotations

import imaplib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from helpdesk.errors import PermanentError
from helpdesk.transports.base import FetchedMail, FolderState, ServerAddress, UnusableServer
from helpdesk.transports.imap_fetch import Fetching
from helpdesk.transports.imap_session import ImapSession, is_passing, said
from helpdesk.transports.imap_telling import Telling, require_name


class ImapSource:
    """One connection to one account, logged in when the constructor returns."""

    def __init__(self, server: ServerAddress) -> None:
        self._session = ImapSession(server)
        self._client = self._session.client
        self._telling = Telling(self._session)

    def open_folder(self, folder: str) -> FolderState:
        """Select `folder`; one that may only be read is opened for reading."""
        require_name(folder)
        with self._session.guarded():
            state = self._select(folder)
            if b"UIDVALIDITY" not in state:
                raise UnusableServer(
                    "%(host)s gives mails no lasting numbers.", host=self._session.server.host
                )
            next_uid = state.get(b"UIDNEXT") or max(self._client.search("ALL"), default=0) + 1
        return FolderState(uidvalidity=int(state[b"UIDVALIDITY"]), next_uid=int(next_uid))

    def uids_after(self, last_uid: int) -> list[int]:
        """UIDs greater than `last_uid`. `n:*` always names the last mail, even when its UID is below n."""
        return [uid for uid in self._search(["UID", f"{int(last_uid) + 1}:*"]) if uid > last_uid]

    def uids_since(self, day: date, *, unseen_only: bool) -> list[int]:
        """UIDs by the server's arrival date, which it compares without time and zone."""
        return self._search(["SINCE", day, "UNSEEN"] if unseen_only else ["SINCE", day])

    def fetch(self, uids: Sequence[int], *, max_bytes: int) -> Iterator[FetchedMail]:
        """Yield the mails in ascending order, in batches of at most 25 or 8 MB, leaving out those that vanished."""
        return Fetching(self._session, max_bytes).mails(sorted(uids))

    def mark_seen(self, uids: Sequence[int]) -> None:
        """Add \\Seen; mails that are gone do not matter."""
        self._telling.mark_seen(uids)

    @property
    def can_move(self) -> bool:
        """Whether the server knows MOVE (RFC 6851)."""
        return self._telling.can_move

    def move(self, uids: Sequence[int], folder: str) -> None:
        """Move all of them or say why not; the folder is made when it is missing."""
        self._telling.move(uids, folder)

    def copy(self, uids: Sequence[int], folder: str) -> None:
        """Copy; the folder is made when it is missing."""
        self._telling.copy(uids, folder)

    def delete(self, uids: Sequence[int]) -> None:
        """Delete these and no others; without UIDPLUS they are only marked."""
        self._telling.delete(uids)

    def folders(self) -> list[str]:
        """All folders that can hold mail."""
        with self._session.guarded():
            found = self._client.list_folders()
        return sorted(
            name for flags, _, name in found if not {b"\\noselect", b"\\nonexistent"} & _lower(flags)
        )

    def close(self) -> None:
        """Log out; never raises."""
        self._session.close()

    def _select(self, folder: str) -> dict[bytes, Any]:
        try:
            state = self._client.select_folder(folder)
            self._telling.is_writable = True
        except imaplib.IMAP4.readonly:
            state = self._client.select_folder(folder, readonly=True)
            self._telling.is_writable = False
        except imaplib.IMAP4.abort:
            raise
        except (imaplib.IMAP4.error, UnicodeError) as error:
            if is_passing(error):
                raise
            raise PermanentError(
                "There is no folder %(folder)s in this mailbox.", detail=said(error), folder=folder
            ) from error
        return dict(state)

    def _search(self, criteria: list[Any]) -> list[int]:
        with self._session.guarded():
            return sorted(self._client.search(criteria))


def _lower(flags: Iterable[bytes]) -> set[bytes]:
    return {flag.lower() for flag in flags if isinstance(flag, bytes)}
