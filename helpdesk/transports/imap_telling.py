"""Telling an IMAP server what has become of mails: read, moved, copied, deleted. All of it can be repeated.

Mails of other people are never touched: what is expunged is named by its UID (RFC 4315), and a server that cannot do
that is left with marks it expunges when it likes.
"""

from __future__ import annotations

import imaplib
from collections.abc import Callable, Sequence

from imapclient import DELETED, SEEN

from helpdesk.errors import PermanentError
from helpdesk.transports.imap_session import ImapSession, is_passing, said

TOLD_AT_ONCE = 200
Tell = Callable[[Sequence[int]], object]


class Telling:
    """What one connection says about mails of the folder that is open."""

    def __init__(self, session: ImapSession) -> None:
        self._session = session
        self._client = session.client
        self._host = session.server.host
        self.is_writable = True

    @property
    def can_move(self) -> bool:
        with self._session.guarded():
            return bool(self._client.has_capability("MOVE"))

    def mark_seen(self, uids: Sequence[int]) -> None:
        """Add \\Seen; mails that are gone do not matter."""
        if not self.is_writable:
            raise PermanentError("The desk may only read this folder, so mails stay unread in it.")
        self._each(
            uids,
            lambda some: self._client.add_flags(some, [SEEN], silent=True),
            lambda said: PermanentError(
                "%(host)s refuses to mark mails as read.", detail=said, host=self._host
            ),
        )

    def delete(self, uids: Sequence[int]) -> None:
        """Delete these mails and no others."""
        self._require_writable()
        with self._session.guarded():
            can_expunge = self._client.has_capability("UIDPLUS")

        def remove(some: Sequence[int]) -> None:
            self._client.add_flags(some, [DELETED], silent=True)
            if can_expunge:
                self._client.uid_expunge(some)

        self._each(
            uids,
            remove,
            lambda said: PermanentError("%(host)s refuses to delete mails.", detail=said, host=self._host),
        )

    def move(self, uids: Sequence[int], folder: str) -> None:
        """Move by RFC 6851; the folder is made when it is missing."""
        self._require_writable()
        self._put(uids, folder, self._client.move)

    def copy(self, uids: Sequence[int], folder: str) -> None:
        """Copy; the folder is made when it is missing."""
        self._put(uids, folder, self._client.copy)

    def _put(self, uids: Sequence[int], folder: str, put: Callable[[Sequence[int], str], object]) -> None:
        require_name(folder)

        def put_or_create(some: Sequence[int]) -> None:
            try:
                put(some, folder)
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error as error:
                if "TRYCREATE" not in str(error).upper():
                    raise
                self._client.create_folder(folder)
                put(some, folder)

        self._each(
            uids,
            put_or_create,
            lambda said: PermanentError(
                "%(host)s refuses to put mails into the folder %(folder)s.",
                detail=said, host=self._host, folder=folder,
            ),
        )  # fmt: skip

    def _each(self, uids: Sequence[int], tell: Tell, refusal: Callable[[str], PermanentError]) -> None:
        """Say it of some at a time. Raises `refusal` of the server's words for a NO."""
        for start in range(0, len(uids), TOLD_AT_ONCE):
            with self._session.guarded_batch():
                try:
                    self._tell(list(uids[start : start + TOLD_AT_ONCE]), tell)
                except imaplib.IMAP4.abort:
                    raise
                except imaplib.IMAP4.error as error:
                    if is_passing(error):
                        raise
                    raise refusal(said(error)) from error

    def _tell(self, uids: Sequence[int], tell: Tell) -> None:
        try:
            tell(uids)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:  # some servers say NO when one of them vanished
            there = self._session.existing(uids)
            if len(there) == len(uids):
                raise
            if there:
                tell(there)

    def _require_writable(self) -> None:
        if not self.is_writable:
            raise PermanentError("The desk may only read this folder, so mails stay in it.")


def require_name(folder: str) -> None:
    """Nothing that could end a command. Raises PermanentError."""
    if not folder or any(ord(letter) < 32 or ord(letter) == 127 for letter in folder):
        raise PermanentError("%(folder)s cannot be the name of a folder.", folder=ascii(folder))
