"""How values become words on a page or in a mail: times, sizes, initials, and plain text as safe paragraphs.

Besides `catalog`, which marks the desk's own words, the only module that may mark text as HTML; everything it marks
has been escaped here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zlib import crc32

from babel import Locale
from babel.dates import format_datetime, format_timedelta
from flask import Flask, url_for
from flask_babel import format_decimal, get_locale, get_timezone, gettext, ngettext
from markupsafe import Markup, escape

from helpdesk.database import utcnow
from helpdesk.models import Comment, EmailMessage, EmailPollLog, Ticket
from helpdesk.models.tickets import TextFormat
from helpdesk.services import attachments, html_view, settings
from helpdesk.services.ingest.trace import Sentence, Step, reason_of, sentence_of
from helpdesk.services.outbox.told import Said
from helpdesk.services.templates import day_pattern
from helpdesk.web.catalog import reader_locale

TINTS = 6
LINK = re.compile(r"https?://[^\s<>\"]{1,2000}")
TRAILING = ".,;:!?'"
UNITS_S = {86400: 7 * 86400, 3600: 86400, 60: 3600}  # days, hours, minutes, and where the next one begins


def ago(when: datetime | None) -> str:
    """The distance to now in a few letters: `now`, `18 min.`, `3 hr.`, and a date after a week."""
    if when is None:
        return ""
    passed = abs(utcnow() - _aware(when))
    if passed < timedelta(minutes=1):
        return str(gettext("now"))
    if passed >= timedelta(days=7):
        return day(when)
    seconds = int(passed.total_seconds())
    unit = next(unit for unit in UNITS_S if seconds >= unit)
    return _distance(round(seconds / unit), unit, reader_locale())


@lru_cache(maxsize=1024)
def _distance(count: int, unit_s: int, locale: Locale | None) -> str:
    seconds = min(
        count * unit_s, UNITS_S[unit_s] - 1
    )  # what was rounded up to sixty minutes is not called an hour
    return str(
        format_timedelta(timedelta(seconds=seconds), format="short", threshold=1, locale=locale or "en")
    )


def duration(span: timedelta | None) -> str:
    """A length of time in full words: `7 days`, `15 minutes`."""
    return "" if span is None else str(format_timedelta(span, threshold=1, locale=get_locale() or "en"))


def span(seconds: int) -> str:
    """A length of time without rounding, in the largest unit that fits: 90 seconds, 2 minutes."""
    if seconds and seconds % 3600 == 0:
        return ngettext("%(num)d hour", "%(num)d hours", seconds // 3600)
    if seconds and seconds % 60 == 0:
        return ngettext("%(num)d minute", "%(num)d minutes", seconds // 60)
    return ngettext("%(num)d second", "%(num)d seconds", seconds)


def day(when: datetime | None) -> str:
    """The date alone, with the year only when it is not the present one."""
    if when is None:
        return ""
    year = "" if _aware(when).year == utcnow().year else " y"
    return _written(when, "{}" + year)


def exact(when: datetime | None) -> str:
    """Date and time in the reader's zone and language, for tooltips and headers."""
    return "" if when is None else _written(when, "EEE {} y, HH:mm")


def _written(when: datetime, pattern: str) -> str:
    """By the reader's clock and in his language; a list names the same minutes again and again."""
    minute = _aware(when).astimezone(UTC).replace(second=0, microsecond=0)
    locale = reader_locale()
    return _formatted(minute, pattern.format(day_pattern(locale)), locale, get_timezone())


@lru_cache(maxsize=4096)
def _formatted(minute: datetime, pattern: str, locale: Locale | None, zone: tzinfo | None) -> str:
    return str(format_datetime(minute, pattern, tzinfo=zone, locale=locale or "en"))


def iso(when: datetime | None) -> str:
    """The machine's form for `<time datetime>`."""
    return "" if when is None else _aware(when).astimezone(UTC).isoformat(timespec="seconds")


def size(count: int | None) -> str:
    """Bytes as people say them: `18 kB`, `4.2 MB`."""
    if count is None:
        return ""
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{count / 1000:.0f} kB"
    number, unit = (count / 1e6, "MB") if count < 1e9 else (count / 1e9, "GB")
    return f"{format_decimal(number, '0.0')} {unit}"


def initials(name: str | None) -> str:
    """One or two letters for an avatar; a question mark where there is none."""
    words = re.findall(r"[^\W\d_]+", (name or "").split("@")[0])
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper() if words else "?"


def tint(seed: object) -> int:
    """The same one of six tints for the same person, on every machine."""
    return crc32(str(seed or "").casefold().encode("utf-8", "replace")) % TINTS + 1


def address(email: str, name: str = "") -> str:
    """`Name <address>`, or the address alone."""
    return f"{name} <{email}>" if name and name != email else email


def tag(ticket: Ticket) -> str:
    """The ticket's number as people see it."""
    return settings.tag_of(ticket)


def reason(mail: EmailMessage) -> str:
    """Why a mail is in its state, in the reader's language; "" when the state says it all."""
    return said(reason_of(mail))


def told(text: str, kept: Step) -> str:
    """What a row says, in the reader's language where it keeps what fills the sentence, else as it stands."""
    sentence = sentence_of(kept)
    return said(sentence) if str(sentence) == text else text


def warning(poll: EmailPollLog) -> str:
    """What a server refused besides, in the reader's language."""
    return said(Sentence(poll.warning, **poll.warning_params))


def said(sentence: Sentence) -> str:
    """A sentence kept for people, in the reader's language."""
    if not sentence:
        return ""
    return str(
        gettext(sentence.template, **sentence.params) if sentence.params else gettext(sentence.template)
    )


def paragraphs(text: str | None, links: bool = True) -> Markup:
    """Plain text as paragraphs with line breaks; web addresses become links that show where they lead.

    Not with `links=False`: what a stranger wrote is not made easy to follow.
    """
    linked = _linked if links else escape
    blocks = re.split(r"\n[ \t]*\n+", (text or "").replace("\r\n", "\n").strip("\n"))
    return Markup("\n").join(
        Markup("<p>{}</p>").format(_lines(block, linked)) for block in blocks if block.strip()
    )


def written(comment: Comment) -> Markup:
    """What somebody said, with the pictures of its text; what came as plain text stays as it came."""
    if comment.format is not TextFormat.MARKDOWN:
        return paragraphs(comment.text)
    pictures = attachments.shown(comment)
    return markdown(
        comment.source,
        {token: url_for("files.picture", token=file.token) for token, file in pictures.items()},
    )


def markdown(source: str, pictures: Mapping[str, str] | None = None) -> Markup:
    """Markdown as HTML; `pictures` are the addresses of those in it."""
    return Markup(html_view.written(source, pictures or {}))  # noqa: S704 - cleaned by what makes it


def spoken(said: Said) -> Markup:
    """Words in a mail."""
    return markdown(said.source, said.pictures) if said.source else paragraphs(said.text)


def breakable(email: str) -> Markup:
    """An address that breaks before its domain where a column is too narrow; a domain too long even so, before a dot."""
    name, at, domain = (email or "").partition("@")
    joined = Markup("<wbr>.").join(domain.split("."))
    return escape(name) + (Markup('<span class="domain">@{}</span>').format(joined) if at else "")


def cleaned(html: str) -> Markup:
    """Mark what `services.html_view` has cleaned; it goes into the sandboxed frame and nowhere else."""
    return Markup(html)  # noqa: S704 - cleaned, and shown under a policy that runs nothing


def style_sheet(rules: str) -> Markup:
    """The rules `services.html_view` has put together, as an element of that same frame."""
    return Markup("<style>{}</style>").format(Markup(rules))  # noqa: S704 - no rule of it holds a bracket


def init_app(app: Flask) -> None:
    """Give the templates these filters and the page's language."""
    named: dict[str, Callable[..., Any]] = {
        "ago": ago,
        "day": day,
        "duration": duration,
        "span": span,
        "exact": exact,
        "iso": iso,
        "bytes": size,
        "initials": initials,
        "tint": tint,
        "paragraphs": paragraphs,
        "written": written,
        "markdown": markdown,
        "spoken": spoken,
        "address": address,
        "breakable": breakable,
        "cleaned": cleaned,
        "style_sheet": style_sheet,
        "tag": tag,
        "reason": reason,
        "told": told,
        "warning": warning,
    }
    app.jinja_env.filters.update(named)
    app.jinja_env.globals["page_language"] = lambda: str(get_locale() or "en").replace("_", "-")


def _aware(when: datetime) -> datetime:
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _lines(block: str, linked: Callable[[str], Markup]) -> Markup:
    return Markup("<br>\n").join(linked(line.rstrip()) for line in block.split("\n"))


def _linked(line: str) -> Markup:
    parts: list[Markup] = []
    rest = 0
    for found in LINK.finditer(line):
        address = _without_trailing(found[0])
        parts += [escape(line[rest : found.start()]), _link(address)]
        rest = found.start() + len(address)
    return Markup("").join([*parts, escape(line[rest:])])


def _without_trailing(address: str) -> str:
    """The full stop or bracket after an address belongs to the sentence, not to the link."""
    while address and (
        address[-1] in TRAILING or (address[-1] == ")" and address.count(")") > address.count("("))
    ):
        address = address[:-1]
    return address


def _link(address: str) -> Markup:
    return Markup('<a href="{0}" rel="noopener noreferrer nofollow" target="_blank">{0}</a>').format(address)
