"""Passwords: argon2id, refused when too easy, checked in the same time whether or not the person exists.

Hash and verify outside a transaction: both take a tenth of a second on purpose.
"""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import current_app

from helpdesk.errors import InvalidInput

MIN_LENGTH = 12
MAX_LENGTH = 128
TOO_COMMON = frozenset(
    [
        "password1234",
        "123456789012",
        "qwertyuiop12",
        "administrator",
        "passwordpassword",
        "helpdesk1234",
        "letmein12345",
        "welcome12345",
        "iloveyou1234",
        "changeme1234",
        "abcdefghijkl",
        "000000000000",
        "111111111111",
        "qwerty123456",
        "1q2w3e4r5t6y",
        "passw0rd1234",
    ]
)


@cache
def _hasher(options: tuple[tuple[str, int], ...]) -> PasswordHasher:
    costs = dict(options)
    return (
        PasswordHasher(costs["time_cost"], costs["memory_cost"], costs["parallelism"])
        if costs
        else PasswordHasher()
    )


def hasher() -> PasswordHasher:
    """argon2id with the library's parameters, or those of the setting ARGON2 (tests)."""
    return _hasher(tuple(sorted(current_app.config.get("ARGON2", {}).items())))


def check_strength(password: str) -> None:
    """Raises InvalidInput for a password that is too short, too long or too common (OWASP ASVS 5.0 6.2)."""
    if len(password) < MIN_LENGTH:
        raise InvalidInput("Please use at least %(n)d characters.", field="password", n=MIN_LENGTH)
    if len(password) > MAX_LENGTH:
        raise InvalidInput("Please use at most %(n)d characters.", field="password", n=MAX_LENGTH)
    if password.casefold() in TOO_COMMON or len(set(password)) < 4:
        raise InvalidInput("This password is too easy to guess.", field="password")


def hash_password(password: str) -> str:
    """Raises InvalidInput as `check_strength` does."""
    check_strength(password)
    return hasher().hash(password)


@cache
def _nobody(options: tuple[tuple[str, int], ...]) -> str:
    return _hasher(options).hash("nobody has this password")


def verify(stored: str | None, password: str) -> bool:
    """Whether `password` matches; takes its time even when there is nothing to match."""
    options = tuple(sorted(current_app.config.get("ARGON2", {}).items()))
    try:
        hasher().verify(stored or _nobody(options), password[: MAX_LENGTH + 1])
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def renewed(stored: str, password: str) -> str | None:
    """A hash by today's costs for a password that was just verified; None while the stored one will do."""
    return hasher().hash(password) if hasher().check_needs_rehash(stored) else None
