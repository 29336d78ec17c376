"""The desk's own mails: Jinja templates under `templates/emails/<name>/`, in the language of who gets them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime
from flask import current_app
from flask_babel import force_locale, get_locale

from helpdesk.mail.inlining import inlined
from helpdesk.services import settings

LANGUAGES = ("en", "de")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail's subject in one line, its plain text and its HTML."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Shades:
    """The desk's colour in mails: (on light, on dark)."""

    accent: tuple[str, str] = ("#0b6e69", "#5cc2ba")
    on_accent: tuple[str, str] = ("#ffffff", "#06201f")
    soft: tuple[str, str] = ("#f0f7f6", "#1c2a2b")


def render(
    template: str, /, *, language: str | None, zone: str | None = None, **variables: object
) -> Rendered:
    """Fill the three templates of a mail; the desk's language and time zone when the person chose none.

    Everything is escaped in the HTML. Raises jinja2.TemplateError for a template that is missing or broken.
    """
    variables["shades"] = _shades()
    variables["moment"] = partial(_moment, ZoneInfo(zone) if zone else settings.desk_zone())
    with force_locale(language if language in LANGUAGES else settings.language()):
        parts = [
            _render(f"emails/{template}/{part}", variables)
            for part in ("subject.txt", "body.txt", "body.html")
        ]
    subject, text, html = parts
    return Rendered(" ".join(subject.split()), text.strip() + "\n", inlined(html))


def _shades() -> Shades:
    """Those of the colour an admin chose, as legible as on the pages."""
    chosen = settings.palette()
    return Shades(chosen.accent, chosen.on_accent, chosen.soft) if chosen else Shades()


def _moment(zone: ZoneInfo, when: datetime) -> str:
    """Date and time as the reader's clock shows them: a mail has no page behind it that could."""
    return format_datetime(when, f"EEE {day_pattern()} y, HH:mm", tzinfo=zone, locale=get_locale())


def _render(path: str, variables: dict[str, object]) -> str:
    return current_app.jinja_env.get_template(path).render(**variables)


def day_pattern(locale: Locale | None = None) -> str:
    """Day and month as the reader's language writes them: `21 Nov`, `21. Nov.`; a pattern of Unicode's TR 35."""
    locale = locale or get_locale()
    return "d. MMM" if locale is not None and locale.language == "de" else "d MMM"
