"""The desk's own mails: Jinja templates under `templates/emails/<name>/`, in the language of who gets them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime
from flask import current_app
from flask_babel import force_locale, get_locale

from helpdesk.languages import LANGUAGES
from helpdesk.mail.inlining import inlined
from helpdesk.mail.thread import tagged_subject
from helpdesk.models import EmailAccount
from helpdesk.policy import mail_texts
from helpdesk.policy.mail_texts import MailText
from helpdesk.services import mail_words, settings
from helpdesk.services.mail_words import Filling, UnusableWords

logger = logging.getLogger(__name__)


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
    template: str,
    /,
    *,
    language: str | None,
    zone: str | None = None,
    account: EmailAccount | None = None,
    **variables: object,
) -> Rendered:
    """Make a mail of its template, or of what admins wrote instead for the `account` it leaves by.

    In the desk's language and time zone when the person chose none. Everything is escaped in the HTML. Words that cannot
    be used are logged and left out: no mail is lost by them. Raises jinja2.TemplateError for a built-in template that is
    missing or broken.
    """
    language = spoken(language)
    text = mail_texts.text_of(template, is_customer=bool(variables.get("is_customer")))
    found = mail_words.find(text, language, account.id if account else None)
    usable = {name: words for name, words in found.items() if _is_usable(words)}
    own, foot = usable.get(text) if text else None, usable.get(MailText.FOOTER)
    if own and variables.get("own_text") and (variables.get("is_closed") or own.account_id is None):
        own = None  # what the account says by itself, or while nobody is there, is said more precisely
    try:
        return write(template, own, foot, language=language, zone=zone, **variables)
    except Exception:
        if not usable:
            raise
        # Whatever it is, the reader gets the mail as the desk itself would have written it.
        logger.exception("template=%s versions=%s own words left out", template, _versions(own, foot))
    return write(template, None, None, language=language, zone=zone, **variables)


def _is_usable(words: Filling) -> bool:
    try:
        words.check()
    except UnusableWords as error:
        logger.warning("text=%s version=%s own words left out: %s", words.text_name, words.version, error)
        return False
    return True


def _versions(*found: Filling | None) -> str:
    return ",".join(str(words.version) for words in found if words)


def write(
    template: str,
    own: Filling | None,
    foot: Filling | None,
    *,
    language: str,
    zone: str | None = None,
    **variables: object,
) -> Rendered:
    """The mail with these very words, which have been checked. Raises whatever a template raises."""
    variables |= {"own": own, "foot": foot, "shades": _shades()}
    variables["moment"] = partial(_moment, ZoneInfo(zone) if zone else settings.desk_zone())
    with force_locale(language):
        parts = [
            _render(f"emails/{template}/{part}", variables)
            for part in ("subject.txt", "body.txt", "body.html")
        ]
    subject, text, html = parts
    if own and own.subject:
        tag = str(variables.get("tag") or "")
        subject = tagged_subject(tag, own.subject) if tag else own.subject
    return Rendered(" ".join(subject.split()), text.strip() + "\n", inlined(html))


def spoken(language: str | None) -> str:
    """The person's language, the desk's when he chose none that it speaks."""
    return language if language in LANGUAGES else settings.language()


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
    if locale is None or locale.language == "en":
        return "d MMM"  # the day first, as everywhere but in the United States
    return str(locale.datetime_skeletons["MMMd"].pattern)
