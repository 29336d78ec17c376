"""The providers whose mailboxes open to a permission instead of a password (OAuth 2), in one table.

Sources: Google, "IMAP, POP, and SMTP" and "Using OAuth 2.0 for Web Server Applications"; Microsoft, "Authenticate an
IMAP, POP or SMTP connection using OAuth" and "OAuth 2.0 authorization code flow".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from helpdesk.errors import InvalidInput


class OAuthProvider(StrEnum):
    """Who gives the permission; the addresses of the first two are known, those of another one are typed."""

    GOOGLE = "google"
    MICROSOFT = "microsoft"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Preset:
    """A provider's addresses; `{tenant}` stands for an organisation.

    Its tokens open mailboxes only on `hosts`: nobody can have them sent elsewhere by changing an account's server.
    `asked_with` goes with the question to the person: Google hands out a refresh token only when asked to.
    """

    name: str
    authorize_url: str
    token_url: str
    scopes: str
    hosts: frozenset[str]
    asked_with: dict[str, str] = field(default_factory=dict)


PRESETS = {
    OAuthProvider.GOOGLE: Preset(
        name="Google",
        authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
        scopes="https://mail.google.com/",
        hosts=frozenset({"imap.gmail.com", "pop.gmail.com", "smtp.gmail.com"}),
        asked_with={"access_type": "offline", "prompt": "consent"},
    ),
    OAuthProvider.MICROSOFT: Preset(
        name="Microsoft",
        authorize_url="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
        token_url="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",  # noqa: S106 - an address
        scopes=(
            "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/POP.AccessAsUser.All "
            "https://outlook.office.com/SMTP.Send offline_access"
        ),
        hosts=frozenset({"outlook.office365.com", "smtp.office365.com", "smtp-mail.outlook.com"}),
    ),
}
ANY_TENANT = "common"
TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,99}")
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?"
    r"(?P<path>/[!-~]*)?"
)


@dataclass(frozen=True, slots=True)
class Place:
    """An address on the web, taken apart."""

    is_https: bool
    host: str
    port: int
    path: str


def read_place(url: str, *, field: str | None = None) -> Place:
    """Take an address apart: https, or http on this machine; no user, no fragment. Raises InvalidInput."""
    match = _URL.fullmatch(url)
    if match is None or "#" in url or "\\" in url or len(url) > 900:
        raise InvalidInput("Please enter an address that begins with https://.", field=field)
    is_https, host = match["scheme"] == "https", match["host"].lower()
    if not is_https and host not in {"localhost", "127.0.0.1"}:
        raise InvalidInput("Please enter an address that begins with https://.", field=field)
    port = int(match["port"] or (443 if is_https else 80))
    if not 0 < port < 65536:
        raise InvalidInput("Use a port from 1 to 65535.", field=field)
    return Place(is_https, host, port, match["path"] or "/")
