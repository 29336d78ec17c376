"""Which words of the desk's mails admins may write themselves, and what must stand in them.

Pure. A text is a subject and a body with placeholders (`policy/placeholders.py`); the frame around it - logo, colour,
why the reader gets it - is the desk's own. What a placeholder stands for is decided by the mail's template alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from helpdesk.policy import placeholders

MAX_SUBJECT, MAX_WORDS = 300, 10_000


class MailText(StrEnum):
    """One text: a template, for the customers or for the team."""

    CREATED = "ticket_created"
    ANSWER = "comment_added"
    STATUS = "status_changed"
    RESOLVED = "ticket_resolved"
    CLOSED = "ticket_closed"
    CREATED_TEAM = "ticket_created_team"
    ASSIGNED = "ticket_assigned"
    COMMENT_TEAM = "comment_added_team"
    STATUS_TEAM = "status_changed_team"
    UPDATED = "ticket_updated"
    OVERDUE = "ticket_overdue"
    DIGEST = "digest"
    INVITATION = "invitation"
    PASSWORD = "password_link"  # noqa: S105 - a template's name
    SIGN_IN = "sign_in_link"
    FOOTER = "base_email"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a text may hold. `inline` stand within a line, `blocks` alone on theirs, `links` either way.

    Of each group in `needs` one must be there. A text without a subject of its own has `has_subject` False.
    """

    inline: tuple[str, ...]
    blocks: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    needs: tuple[tuple[str, ...], ...] = ()
    has_subject: bool = True

    @property
    def known(self) -> tuple[str, ...]:
        """Every placeholder of the body."""
        return (*self.inline, *self.blocks, *self.links)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a text cannot be used: a sentence (a message id) with its parameters, and the field it belongs to."""

    field: str
    sentence: str
    params: dict[str, str | int]


_TICKET = ("ticket_number", "subject", "status", "customer_name", "agent_name", "what_happened", "desk_name")
_TEAM = (*_TICKET, "priority", "category", "due", "recipient_name")
_PARTS, _TO_TICKET = ("message", "ticket_details"), ("ticket_link",)
_READABLE = (("message", "ticket_link"),)  # what happened is in the mail, or one click away
_FOR_CUSTOMERS = Rules(_TICKET, _PARTS, _TO_TICKET, needs=_READABLE)
_FOR_TEAM = Rules(_TEAM, _PARTS, _TO_TICKET, needs=(("ticket_link",),))
_LINK = Rules(("recipient_name", "desk_name", "lifetime"), links=("link",), needs=(("link",),))

RULES: dict[MailText, Rules] = {
    # Nothing the customer wrote but his subject, made harmless: he may be anybody.
    MailText.CREATED: Rules(
        ("ticket_number", "subject", "status", "customer_name", "desk_name"), ("ticket_details",), _TO_TICKET
    ),
    MailText.ANSWER: Rules(_TICKET, _PARTS, _TO_TICKET, needs=(("message",),), has_subject=False),
    MailText.STATUS: _FOR_CUSTOMERS,
    MailText.RESOLVED: _FOR_CUSTOMERS,
    MailText.CLOSED: _FOR_CUSTOMERS,
    MailText.CREATED_TEAM: _FOR_TEAM,
    MailText.ASSIGNED: _FOR_TEAM,
    MailText.COMMENT_TEAM: _FOR_TEAM,
    MailText.STATUS_TEAM: _FOR_TEAM,
    MailText.UPDATED: _FOR_TEAM,
    MailText.OVERDUE: _FOR_TEAM,
    MailText.DIGEST: Rules(
        ("what_happened", "recipient_name", "desk_name"), ("message",), ("inbox_link",), needs=(("message",),)
    ),
    MailText.INVITATION: _LINK,
    MailText.PASSWORD: _LINK,
    MailText.SIGN_IN: _LINK,
    MailText.FOOTER: Rules(("desk_name",), has_subject=False),
}
LINK_MAILS = frozenset({MailText.INVITATION, MailText.PASSWORD, MailText.SIGN_IN})
FOR_TEAM = frozenset(text for text, rules in RULES.items() if rules is _FOR_TEAM)
_BY_AUDIENCE = {"ticket_created", "comment_added", "status_changed"}


def text_of(template: str, *, is_customer: bool) -> MailText | None:
    """The text a template's mail is made of, None for mails whose words nobody edits."""
    name = f"{template}_team" if template in _BY_AUDIENCE and not is_customer else template
    return MailText(name) if name in set(MailText) - {MailText.FOOTER} else None


def template_of(text: MailText) -> str:
    """The template, whoever it is for."""
    return text.removesuffix("_team")


def problems(text: MailText, subject: str, words: str) -> list[Problem]:
    """Everything that is wrong with a text, in its order."""
    rules = RULES[text]
    found = _in_subject(rules, subject) if rules.has_subject else []
    found += _too_long("words", words, MAX_WORDS)
    if not words.strip():
        return [*found, Problem("words", "Please write something, or go back to the built-in words.", {})]
    return found + _in_words(rules, words)


def _in_subject(rules: Rules, subject: str) -> list[Problem]:
    found = _too_long("subject", subject, MAX_SUBJECT)
    if not subject.strip():
        found.append(Problem("subject", "Please write a subject.", {}))
    for mark in placeholders.marks(subject):
        if mark.name in (*rules.blocks, *rules.links):
            found.append(Problem("subject", "%(word)s cannot stand in a subject.", {"word": mark.written}))
        elif mark.name not in rules.inline:
            found.append(_unknown("subject", mark, rules.inline))
    return found


def _in_words(rules: Rules, words: str) -> list[Problem]:
    found = []
    names = set()
    for mark in placeholders.marks(words):
        where: dict[str, str | int] = {"line": mark.line, "word": mark.written}
        if mark.name not in rules.known:
            found.append(_unknown("words", mark, rules.known))
        elif mark.name in rules.blocks and not mark.is_alone:
            found.append(Problem("words", "Line %(line)d: %(word)s needs a line of its own.", where))
        elif mark.name in rules.blocks and mark.name in names:
            found.append(Problem("words", "Line %(line)d: %(word)s stands in the mail already.", where))
        names.add(mark.name)
    return found + [_missing(group) for group in rules.needs if not names.intersection(group)]


def _unknown(field: str, mark: placeholders.Mark, known: tuple[str, ...]) -> Problem:
    where: dict[str, str | int] = {"line": mark.line, "word": mark.written}
    if mark.name is None:
        return Problem(field, "Line %(line)d: %(word)s is left open; a placeholder is {{name}}.", where)
    where["known"] = ", ".join(f"{{{{{name}}}}}" for name in known)
    return Problem(field, "Line %(line)d: nobody fills in %(word)s. Known are: %(known)s.", where)


def _missing(group: tuple[str, ...]) -> Problem:
    params: dict[str, str | int] = dict(
        zip(("word", "other"), (f"{{{{{name}}}}}" for name in group), strict=False)
    )
    if len(group) == 1:
        return Problem("words", "%(word)s must stay: the mail is of no use without it.", params)
    return Problem(
        "words", "%(word)s or %(other)s must stay: the reader would not learn what it is about.", params
    )


def _too_long(field: str, text: str, limit: int) -> list[Problem]:
    if len(text) <= limit:
        return []
    return [Problem(field, "Please use at most %(limit)d characters.", {"limit": limit})]
