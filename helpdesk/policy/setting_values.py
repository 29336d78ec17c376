"""What a setting's text means: each reader gives the value, or raises ValueError with the hint a person needs."""

from __future__ import annotations

from collections.abc import Callable


def boolean(text: str) -> bool:
    value = text.strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ValueError("use true or false")


def whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("use a whole number") from None


def positive(text: str) -> int:
    value = whole_number(text)
    if value <= 0:
        raise ValueError("use a whole number above 0")
    return value


def port(text: str) -> int:
    value = whole_number(text)
    if not 0 < value < 65536:
        raise ValueError("use a port from 1 to 65535")
    return value


def url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("use an address that starts with http:// or https://")
    return text.rstrip("/")


def words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        word = text.strip().lower()
        if word not in words:
            raise ValueError(f"use {', '.join(words[:-1])} or {words[-1]}")
        return word

    return read


def backend(text: str) -> str:
    """One of the words, or what Django calls it."""
    word = text.strip().lower().removeprefix("django.core.mail.backends.").removesuffix(".emailbackend")
    if word == "django_ses.sesbackend":
        raise ValueError("Amazon SES sends by SMTP here: SMTP_HOST=email-smtp.REGION.amazonaws.com")
    return one_of("console", "smtp", "dummy", "file")(word.replace("filebased", "file"))


def folder(text: str) -> str:
    if any(ord(letter) < 32 for letter in text):
        raise ValueError("a folder name holds no control characters")
    return text


def text(text: str) -> str:
    return text.strip()
