"""What admins wrote for the desk's mails: which of it counts for a mail, and filling it.

A text is never run: it is Markdown with placeholders, each of which stands for a block of the mail's own template. They
are taken out before the Markdown is read and put back into what became of it, once, so that no value - a name, a
subject, somebody's words - is ever read as Markdown, as HTML or as a placeholder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup
from sqlalchemy import bindparam, func, or_, select

from helpdesk.database import db
from helpdesk.mail.markdown import to_html, to_plain
from helpdesk.models import EmailTemplate
from helpdesk.policy import mail_texts, placeholders
from helpdesk.policy.mail_texts import RULES, MailText

OPENING = 150  # what lists of mails show beside the subject
# placeholders that stand for more than a few words, and the block of the template each is
PARTS = {
    "message": "told",
    "ticket_details": "facts",
    "ticket_link": "action",
    "link": "action",
    "inbox_link": "action",
}
_OPEN, _CLOSE = "\ue000", "\ue001"  # of Unicode's private use area, which no text of ours may hold
_NO_MARKS = str.maketrans("", "", _OPEN + _CLOSE)
_ALONE = re.compile(rf"<p>{_OPEN}(\d+){_CLOSE}</p>")
_PUT = re.compile(rf"{_OPEN}(\d+){_CLOSE}|https://hd\.invalid/(\d+)/")
_GAP = re.compile(r"\n(?:[ \t]*\n)+")

Blocks = Mapping[str, Callable[[], str]]  # `self` of a template that is being rendered

# put together once: it is asked for each mail
_NEWEST = (
    select(EmailTemplate)
    .where(
        EmailTemplate.id.in_(
            select(func.max(EmailTemplate.id))
            .where(
                EmailTemplate.name.in_(bindparam("names", expanding=True)),
                EmailTemplate.language == bindparam("language"),
                or_(EmailTemplate.account_id.is_(None), EmailTemplate.account_id == bindparam("account_id")),
            )
            .group_by(EmailTemplate.name, EmailTemplate.account_id)
        )
    )
    .order_by(EmailTemplate.account_id.is_(None), EmailTemplate.id)
)


class UnusableWords(Exception):
    """Words that cannot become a mail: saved by another version of the desk, or changed in the database."""


class Filling:
    """A text on its way into one mail. `subject` and `opening` are there once its plain text is."""

    def __init__(self, text: MailText, subject: str, words: str) -> None:
        self.text_name = text
        self.version: int | None = None
        self.account_id: int | None = None
        self.rules = RULES[text]
        self.subject = self.opening = ""
        self._subject, self._words = subject, words.replace("\r\n", "\n").translate(_NO_MARKS)
        self._names: list[str] = []
        self._addresses: dict[str, str] = {}  # the placeholder by the number in its address
        self._source = self._marked()

    def check(self) -> None:
        """Raises UnusableWords."""
        found = mail_texts.problems(self.text_name, self._subject, self._words)
        if found:
            raise UnusableWords(found[0].sentence % found[0].params)

    def text(self, blocks: Any) -> str:
        """The plain text; called by the template of the plain text, whose `self` is `blocks`."""
        if self.rules.has_subject:
            self.subject = placeholders.replace(self._subject, lambda name: _value(blocks, name))
        paragraphs = _GAP.split(to_plain(self._source))
        filled = (_PUT.sub(lambda match: self._filled(match, blocks), one).strip("\n") for one in paragraphs)
        text = "\n\n".join(one for one in filled if one.strip())
        self.opening = " ".join(text.split())[:OPENING]
        return text

    def html(self, blocks: Any) -> Markup:
        """The HTML; called by its template. What the template's blocks say is escaped by them."""
        parts = _ALONE.split(to_html(self._source))
        made = [_paragraphs(parts[0], is_first=True, fill=lambda match: self._filled(match, blocks))]
        for number, rest in zip(parts[1::2], parts[2::2], strict=True):
            made.append(self._part(int(number), blocks))
            made.append(_paragraphs(rest, is_first=False, fill=lambda match: self._filled(match, blocks)))
        return Markup("\n".join(made))  # noqa: S704 - cleaned by to_html, or escaped by the template

    def _marked(self) -> str:
        """The words with a mark for each placeholder, those that are parts of the mail on lines of their own."""
        lines = []
        for line in self._words.split("\n"):
            alone = next((mark for mark in placeholders.marks(line) if mark.is_alone), None)
            if alone and alone.name in PARTS:
                lines += ["", self._mark(alone.name, is_part=True), ""]
            else:
                lines.append(placeholders.replace(line, self._mark))
        return "\n".join(lines)

    def _mark(self, name: str, *, is_part: bool = False) -> str:
        self._names.append(name)
        number = len(self._names) - 1
        # An address stays one in Markdown's eyes, so that `[see it]({{ticket_link}})` is a link.
        if name not in self.rules.links or is_part:
            return f"{_OPEN}{number}{_CLOSE}"
        self._addresses[str(number)] = name
        return f"https://hd.invalid/{number}/"

    def _filled(self, match: re.Match[str], blocks: Any) -> str:
        if match[2] is None:
            return self._part(int(match[1]), blocks)
        name = self._addresses.get(match[2])
        return _value(blocks, name) if name else match[0]  # an admin may have typed such an address himself

    def _part(self, number: int, blocks: Any) -> str:
        name = self._names[number]
        return _block(blocks, PARTS[name]) if name in PARTS else _value(blocks, name)


def _paragraphs(html: str, *, is_first: bool, fill: Callable[[re.Match[str]], str]) -> str:
    filled = _PUT.sub(fill, html.strip())
    if not filled:
        return ""
    return f'<div class="{"hd-words" if is_first else "hd-words hd-flow"}">{filled}</div>'


def _block(blocks: Any, name: str) -> str:
    return str(blocks[name]()).strip()


def _value(blocks: Any, name: str) -> str:
    """In one line."""
    return " ".join(_block(blocks, f"value_{name}").split())


def find(text: MailText | None, language: str, account_id: int | None) -> dict[MailText, Filling]:
    """What counts for a mail: its words and the footer, the account's own before the desk's; what is built in is missing."""
    names = [MailText.FOOTER] if text is None else [text, MailText.FOOTER]
    found: dict[MailText, Filling] = {}
    for row in newest(names, language, account_id):
        if row.name not in found and not row.is_built_in:
            filling = found[row.name] = Filling(row.name, row.subject, row.words)
            filling.version, filling.account_id = row.id, row.account_id
    return found


def newest(names: list[MailText], language: str, account_id: int | None) -> list[EmailTemplate]:
    """The newest version of each text, the account's own first."""
    values = {"names": names, "language": language, "account_id": account_id}
    return list(db.session.scalars(_NEWEST, values))
