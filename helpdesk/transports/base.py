"""What fetching and sending need from a mail server, whichever protocol it speaks.

Every call either does what it says or raises one of `TransientError`, `PermanentError` and, for sending,
`UncertainError`: nobody else knows imapclient or smtplib. Every socket has a timeout and a verified certificate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from helpdesk.errors import PermanentError
from helpdesk.policy.addresses import INTERNET_ONLY, Networks


def _l(sentence: str) -> str:
    """Marks a sentence for the catalogue; it is translated where it is shown."""
    return sentence


WANTS_UTF8 = (
    "5.6.7"  # how a refusal begins whose reason are letters beyond ASCII before the @ (RFC 6531 3.7.4.2)
)
NO_UTF8 = _l(
    "Nothing can be sent to %(recipients)s: the account's mail server does not know letters beyond ASCII before the @ "
    "(SMTPUTF8). Ask for another address of this person, or let the account send through a server that knows them."
)


class Security(StrEnum):
    """How a connection is protected; PLAIN is refused off loopback unless `allow_plaintext`."""

    TLS = "tls"
    STARTTLS = "starttls"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server is and how to log in to it. The password never shows in a repr.

    `has_token`: what stands for the password is an access token of an OAuth 2 provider.

    `networks` is where the name may lead besides the Internet: whoever typed it may not use the desk to reach what
    only the desk's machine can reach.
    """

    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    has_token: bool = False
    security: Security = Security.TLS
    ca_file: str | None = None
    allow_plaintext: bool = False
    networks: Networks = INTERNET_ONLY
    connect_timeout_s: float = 10.0
    command_timeout_s: float = 60.0


class UnusableServer(PermanentError):
    """The account itself needs a person: login refused, certificate not trusted, no encryption, settings unusable.

    No single message is at fault. A queue waits for the account to be mended instead of failing what it holds.
    """

    code = "unusable_server"


class LoginRefused(UnusableServer):
    """The server does not take this user name with this password or token."""


@dataclass(frozen=True, slots=True)
class FolderState:
    """A folder as the server describes it now (RFC 9051 7.3, 7.1): the next mail gets at least `next_uid`."""

    uidvalidity: int
    next_uid: int


@dataclass(frozen=True, slots=True)
class FetchedMail:
    """One mail as it lies on the server.

    `is_partial`: larger than asked for, so `raw` is a message made of its header and the beginning of its first text.
    `problem` holds the server's words when it names the mail but does not hand it over; `raw` is then the header alone,
    or, when even that is refused, a short message of ours saying so. Such a mail is partial as well.
    """

    uid: int
    raw: bytes = field(repr=False)
    size: int
    internal_date: datetime | None
    is_partial: bool = False
    problem: str = ""

    def without_bytes(self) -> FetchedMail:
        """What is left to know of a mail whose bytes are stored."""
        return replace(self, raw=b"")


@dataclass(frozen=True, slots=True)
class ListedMail:
    """A mail a POP3 server names: its number in this connection, and a name that lasts."""

    number: int
    size: int
    name: str


@runtime_checkable
class Maildrop(Protocol):
    """What POP3 offers: all mail in one list, without folders, flags or a cursor. One connection, closed in the end."""

    def listing(self) -> list[ListedMail]:
        """Every mail, in the server's order. Two with one name are equal in every byte."""

    def arrived_at(self, number: int) -> datetime | None:
        """When the mail arrived, as far as anybody can tell."""

    def fetch(self, mails: Sequence[ListedMail], *, max_bytes: int) -> Iterator[FetchedMail]:
        """Yield the mails by their numbers as `uid`; larger ones in part."""

    def delete(self, numbers: Sequence[int]) -> None:
        """Have these deleted when the connection is closed, and not if it breaks before."""

    def close(self) -> None:
        """Say goodbye; never raises."""


class Source(Protocol):
    """A place mail is fetched from; one connection, used by one caller, closed in the end."""

    def open_folder(self, folder: str) -> FolderState:
        """Select `folder` for the calls below. Raises PermanentError when the server does not know it."""

    def uids_after(self, last_uid: int) -> list[int]:
        """UIDs greater than `last_uid`, ascending."""

    def uids_since(self, day: date, *, unseen_only: bool) -> list[int]:
        """UIDs of mails that arrived on or after `day`, ascending."""

    def fetch(self, uids: Sequence[int], *, max_bytes: int) -> Iterator[FetchedMail]:
        """Yield the mails that still exist, without marking them read; larger ones in part."""

    def mark_seen(self, uids: Sequence[int]) -> None:
        """Mark as read; repeatable."""

    @property
    def can_move(self) -> bool:
        """Whether `move` is possible: all or nothing for each mail. Else `copy`, then `delete`."""

    def move(self, uids: Sequence[int], folder: str) -> None:
        """Move to another folder, made when it is missing; repeatable. Raises PermanentError for a refusal."""

    def copy(self, uids: Sequence[int], folder: str) -> None:
        """Copy to another folder, made when it is missing; said twice it makes two copies."""

    def delete(self, uids: Sequence[int]) -> None:
        """Delete these mails and no others; repeatable. Raises PermanentError for a refusal."""

    def folders(self) -> list[str]:
        """Names of all folders, as `open_folder` takes them."""

    def close(self) -> None:
        """Log out; never raises."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the server said to one message. `refused` maps recipients it did not take to (code, words)."""

    response: str
    refused: dict[str, tuple[int, str]]


class Sender(Protocol):
    """A way out for finished bytes; one connection, used by one caller, closed in the end."""

    def send(self, envelope_from: str, recipients: Sequence[str], raw: bytes) -> Delivery:
        """Hand one message over.

        Raises TransientError (nothing was taken, try later), PermanentError (nothing was taken, a person must act;
        also when every recipient was refused for good), UnusableServer (nothing was taken, the account is at fault) or
        UncertainError (no answer after the final dot). A partial refusal is not an error: see `Delivery.refused`; nor are
        refusals of all recipients, some for now and some for good.
        """

    def close(self) -> None:
        """Quit; never raises."""
