"""SASL XOAUTH2: a user name and an access token in one answer, and nothing more to whatever the server asks then.

Source: Google, "OAuth 2.0 Mechanism"; Microsoft uses the same. A server that refuses sends its reason as a challenge
first; only after an empty answer to that does it say no.
"""

from __future__ import annotations

import base64

from helpdesk.transports.base import LoginRefused, ServerAddress
from helpdesk.transports.connection import _l, words

MECHANISM = "XOAUTH2"


class Answers:
    """What to answer to each challenge of one login; `challenge` is then the server's reason, as one line."""

    def __init__(self, server: ServerAddress) -> None:
        self._first = f"user={server.username}\x01auth=Bearer {server.password}\x01\x01".encode()
        self._is_said = False
        self.challenge = ""

    def __call__(self, challenge: bytes | None) -> bytes:
        if self._is_said:
            self.challenge = words(challenge or b"")
            return b""
        self._is_said = True
        return self._first

    def in_base64(self, challenge: bytes) -> str:
        """The answer for a protocol that does not encode it by itself."""
        return base64.b64encode(self(challenge)).decode("ascii")


def refused(server: ServerAddress, detail: str) -> LoginRefused:
    """The token was valid for somebody, somewhere, or once."""
    sentence = _l(
        "%(host)s refuses the permission for %(user)s. Connect it again, signed in at the provider as this user."
    )
    return LoginRefused(sentence, detail=detail.strip(), host=server.host, user=words(server.username))
