"""The words of the desk's mails, as admins read, change and set them back. What becomes of them: `mail_words`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import force_locale, gettext
from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from helpdesk.database import db, utcnow
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.models import EmailAccount, EmailTemplate, User
from helpdesk.policy import mail_texts
from helpdesk.policy.mail_texts import LINK_MAILS, RULES, MailText, Problem
from helpdesk.policy.permissions import Action
from helpdesk.services import access, events
from helpdesk.services.mail_words import newest

MOST_SHOWN = 50
_SPECIAL = re.compile(r"([\\`*_\[\]<>#~|])|^([ \t]*)([-+]|\d+[.)])(?=[ \t])", re.MULTILINE)
_PLACEHOLDER = re.compile(r"(\{\{[^{}]*\}\})")


@dataclass(frozen=True, slots=True)
class Place:
    """Which words are meant: a text in a language, of the whole desk or of one account."""

    text: MailText
    language: str
    account: EmailAccount | None = None

    @property
    def account_id(self) -> int | None:
        return self.account.id if self.account else None


@dataclass(frozen=True, slots=True)
class Words:
    """What a text says now. `source`: own (written for this very place), desk, account (on the account's page) or
    built_in. `version` is the row it comes from, 0 for none; `seen` the newest row of the place itself."""

    subject: str
    words: str
    source: str
    version: EmailTemplate | None = None
    seen: int = 0


def current(place: Place) -> Words:
    """The words that count."""
    return _current(place, newest([place.text], place.language, place.account_id))


def _current(place: Place, rows: Sequence[EmailTemplate]) -> Words:
    own = next((row for row in rows if row.account_id == place.account_id), None)
    seen = own.id if own else 0
    if own and not own.is_built_in:
        return Words(own.subject, own.words, "own", own, seen)
    built_in = starting(place.text, place.language)
    if place.account and place.text is MailText.CREATED and place.account.acknowledgement_text.strip():
        opening = as_markdown(place.account.acknowledgement_text.strip())
        rest = "\n\n".join(built_in.words.split("\n\n")[1:])
        return Words(built_in.subject, f"{opening}\n\n{rest}", "account", seen=seen)
    desk = next((row for row in rows if row.account_id is None and not row.is_built_in), None)
    if desk:
        return Words(desk.subject, desk.words, "desk", desk, seen)
    return Words(built_in.subject, built_in.words, "built_in", seen=seen)


def overview(language: str, account: EmailAccount | None) -> dict[MailText, Words]:
    """Every text in its order."""
    rows = newest(list(MailText), language, account.id if account else None)
    return {
        text: _current(Place(text, language, account), [row for row in rows if row.name is text])
        for text in MailText
    }


def save(place: Place, subject: str, words: str, *, seen: int, actor: User) -> EmailTemplate:
    """Within a transaction: let these words count from now on.

    `seen` is the newest version the admin had before his eyes. Raises InvalidInput for words that cannot be used,
    Conflict when somebody else has changed them meanwhile.
    """
    access.demand_on_account(actor, Action.ADMINISTER, None)
    subject = " ".join(subject.split()) if RULES[place.text].has_subject else ""
    words = words.replace("\r\n", "\n").strip()
    for problem in mail_texts.problems(place.text, subject, words):
        raise refusal(problem)
    if seen != _newest_id(place):
        raise Conflict("Somebody else has changed these words meanwhile. Yours are still here: look at theirs, then save again.")  # fmt: skip
    return _add(place, subject, words, actor=actor)


def reset(place: Place, *, actor: User) -> EmailTemplate:
    """Within a transaction: from now on the words count that would without this place's own."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    return _add(place, "", "", actor=actor, is_built_in=True)


def restore(version: EmailTemplate, *, actor: User) -> EmailTemplate:
    """Within a transaction: let an earlier version count again. Raises InvalidInput when it cannot be used any more."""
    place = place_of(version)
    if version.is_built_in:
        return reset(place, actor=actor)
    return save(place, version.subject, version.words, seen=_newest_id(place), actor=actor)


def history(place: Place) -> Sequence[EmailTemplate]:
    """The latest versions of this very place, newest first, with whoever wrote them."""
    rows = _of(place).options(joinedload(EmailTemplate.author))
    return list(db.session.scalars(rows.order_by(EmailTemplate.id.desc()).limit(MOST_SHOWN)))


def get(version_id: int) -> EmailTemplate:
    """Raises NotFound."""
    version = db.session.get(EmailTemplate, version_id)
    if version is None:
        raise NotFound("There is no such version.")
    return version


def place_of(version: EmailTemplate) -> Place:
    account = db.session.get(EmailAccount, version.account_id) if version.account_id else None
    return Place(version.name, version.language, account)


def unusable() -> list[tuple[EmailTemplate, Problem]]:
    """Words that count and that no mail can be made of, with the first reason."""
    known = EmailTemplate.name.in_(list(MailText))  # others were written by a later version of the desk
    last = select(func.max(EmailTemplate.id)).where(known)
    last = last.group_by(EmailTemplate.name, EmailTemplate.language, EmailTemplate.account_id)
    rows = select(EmailTemplate).where(EmailTemplate.id.in_(last), ~EmailTemplate.is_built_in)
    found = []
    for row in db.session.scalars(rows.order_by(EmailTemplate.id)):
        if problems := mail_texts.problems(row.name, row.subject, row.words):
            found.append((row, problems[0]))
    return found


def refusal(problem: Problem) -> InvalidInput:
    return InvalidInput(problem.sentence, field=problem.field, **problem.params)


def as_markdown(text: str) -> str:
    """Plain words so that Markdown shows them as they are; their placeholders stay."""
    parts = _PLACEHOLDER.split(text)
    return "".join(part if index % 2 else _SPECIAL.sub(_escaped, part) for index, part in enumerate(parts))


def _escaped(match: re.Match[str]) -> str:
    if match[1]:
        return f"\\{match[1]}"
    return f"{match[2]}{match[3][:-1]}\\{match[3][-1]}"


def starting(text: MailText, language: str) -> Words:
    """The built-in words with placeholders, to begin from: the built-in mail says more precisely what it can."""
    with force_locale(language):
        subject, parts = _starting(text)
    return Words(subject, "\n\n".join(part for part in parts if part), "built_in")


def _starting(text: MailText) -> tuple[str, list[str]]:
    if text is MailText.FOOTER:
        return "", []
    if text in LINK_MAILS:
        return _starting_of_link(text)
    if text is MailText.DIGEST:
        subject = gettext("News of %(desk)s", desk="{{desk_name}}")
        return subject, ["**{{what_happened}}**", "{{message}}", "{{inbox_link}}"]
    subject, end = "[{{ticket_number}}] {{subject}}", ["{{ticket_details}}", "{{ticket_link}}"]
    if text is MailText.CREATED:
        thanks = gettext("Thank you for writing. Your message has arrived and somebody will look at it soon.")
        keep = gettext("You can simply answer this mail. Please keep the number in the subject, so that your answer finds its place.")  # fmt: skip
        return subject, [thanks, end[0], keep, end[1]]
    if text is MailText.ANSWER:
        return "", ["{{what_happened}}", "{{message}}", "{{ticket_link}}"]
    more = {
        MailText.RESOLVED: gettext("Is something still open? Simply answer this mail, and the ticket opens again."),
        MailText.CLOSED: gettext("Do you need us once more? Simply answer this mail."),
    }  # fmt: skip
    return subject, ["{{what_happened}}", "**{{subject}}**", "{{message}}", more.get(text, ""), *end]


def _starting_of_link(text: MailText) -> tuple[str, list[str]]:
    desk = "{{desk_name}}"
    subject, lead = {
        MailText.INVITATION: (
            gettext("You are invited to %(desk)s", desk=desk),
            gettext("You now have an account at %(desk)s. Choose a password to begin:", desk=desk),
        ),
        MailText.PASSWORD: (
            gettext("A new password for %(desk)s", desk=desk),
            gettext("Here is your link to choose a new password for %(desk)s:", desk=desk),
        ),
        MailText.SIGN_IN: (
            gettext("Your sign-in link for %(desk)s", desk=desk),
            gettext("Here is your link to sign in to %(desk)s:", desk=desk),
        ),
    }[text]
    return subject, [gettext("Hello %(name)s,", name="{{recipient_name}}"), lead, "{{link}}"]


def _of(place: Place) -> Select[EmailTemplate]:
    return select(EmailTemplate).where(
        EmailTemplate.name == place.text,
        EmailTemplate.language == place.language,
        EmailTemplate.account_id == place.account_id
        if place.account_id
        else EmailTemplate.account_id.is_(None),
    )


def _newest_id(place: Place) -> int:
    newest_row = db.session.scalar(_of(place).order_by(EmailTemplate.id.desc()).limit(1))
    return newest_row.id if newest_row else 0


def _add(place: Place, subject: str, words: str, *, actor: User, is_built_in: bool = False) -> EmailTemplate:
    row = EmailTemplate(
        name=place.text, language=place.language, account_id=place.account_id, subject=subject, words=words,
        is_built_in=is_built_in, author_id=actor.id, created_at=utcnow(),
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    events.record(
        "mail_text.reset" if is_built_in else "mail_text.changed",
        actor=actor, account_id=place.account_id, text=place.text.value, language=place.language, version=row.id,
    )  # fmt: skip
    return row
