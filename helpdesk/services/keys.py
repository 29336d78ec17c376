"""Keys derived from SECRET_KEY per purpose, encrypted credentials, and one-time tokens kept as hashes.

Source: RFC 5869 (HKDF). Older keys (SECRET_KEY_FALLBACKS) still read what they wrote.
"""

from __future__ import annotations

import base64
import hashlib
import secrets

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

from helpdesk.errors import ConfigError


def derive(secret: str, purpose: str) -> bytes:
    """32 bytes for one purpose."""
    return HKDF(SHA256(), 32, salt=b"helpdesk", info=purpose.encode()).derive(secret.encode())


def current_key(purpose: str) -> bytes:
    """The key new things are signed with."""
    return derive(current_app.config["SECRET_KEY"], purpose)


def accepted_keys(purpose: str) -> list[bytes]:
    """The current key and the older ones that still count, newest first."""
    secrets_ = [current_app.config["SECRET_KEY"], *current_app.config["SECRET_KEY_FALLBACKS"]]
    return [derive(secret, purpose) for secret in secrets_]


def _cipher() -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in accepted_keys("credentials")])


def encrypt(text: str) -> str:
    """Encrypt a credential for a column; "" stays ""."""
    return _cipher().encrypt(text.encode()).decode() if text else ""


def decrypt(stored: str) -> str:
    """Read a credential back. Raises ConfigError when it was encrypted with a key the desk no longer has."""
    if not stored:
        return ""
    try:
        return _cipher().decrypt(stored.encode()).decode()
    except InvalidToken as error:
        raise ConfigError(
            "A stored password cannot be read: SECRET_KEY was changed. Put the old key into SECRET_KEY_FALLBACKS, "
            "or enter the password again."
        ) from error


def new_token() -> str:
    """A fresh unguessable token of 256 bits, safe in addresses."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """What is stored of a token: enough to recognise it, useless to use it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
