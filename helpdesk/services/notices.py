"""Who is told of an event, as what and at which address: `policy.audience` asked about rows.

Asked twice, when something happens and when its mail is made, so that what changed in between counts: a grant taken
away, somebody deactivated, a ticket put away as spam, a notification switched off.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import cast

from sqlalchemy import or_, select

from helpdesk.database import db
from helpdesk.mail.headers import normalise_address
from helpdesk.models import Comment, Event, Ticket, User, UserAddress
from helpdesk.policy import audience
from helpdesk.policy.acknowledge import is_no_reply
from helpdesk.policy.audience import Facts, Notice, Person
from helpdesk.policy.audience_table import (
    CUSTOMER_SIDE,
    IN_SPITE_OF_MUTE,
    Channel,
    Kind,
    Recipient,
    Relation,
    What,
)
from helpdesk.policy.status import DONE, Disposition, Status
from helpdesk.services import access, accounts, following, mentions, muting, people, preferences
from helpdesk.services.tickets import changing

SAID = (audience.Event.COMMENT_ADDED, audience.Event.COMMENT_RELEASED)


def of(
    event: Event, ticket: Ticket, channel: Channel = Channel.MAIL, *, facts: Facts | None = None
) -> list[Notice]:
    """The notices of an event that may be given as things stand now; hardly any about tickets that were put away.

    `facts` are those of `facts_of` when they are known.
    """
    if event.type not in set(audience.Event):
        return []
    asker = _Asker(event, ticket, channel)
    return audience.audience(
        event.type, facts or facts_of(event, ticket), channel, is_wanted=asker.may_be_told
    )


def facts_of(event: Event, ticket: Ticket) -> Facts:
    """The event as the policy knows it, about the ticket's people of now."""
    comment = db.session.get(Comment, event.comment_id) if event.comment_id else None
    facts = _without_people(event, ticket, comment)
    relations = audience.relations(event.type, facts)
    is_named = Relation.MENTIONED in relations and comment is not None and "@" in comment.text
    is_told = facts.comment_kind is not None or preferences.is_wanted_by_any(Kind.NEW)
    is_for_team = Relation.TEAM in relations and is_told
    team = people.assignable(ticket.account_id) if is_for_team or is_named else []
    return replace(
        facts,
        customers=_persons(address.user for address in customers(ticket))
        if relations & set(CUSTOMER_SIDE)
        else (),
        team=_persons(team),
        mentioned=_persons(mentions.among(team, comment.text)) if is_named and comment else (),
        followers=_persons(following.followers(ticket)) if Relation.FOLLOWER in relations else (),
        answered=_answered(event, ticket) if event.type == audience.Event.STATUS_CHANGED else frozenset(),
    )


def _without_people(event: Event, ticket: Ticket, comment: Comment | None) -> Facts:
    """What is known without asking who follows the ticket, takes part in it or works on its account."""
    said = comment if event.type in SAID else None
    is_status = event.type == audience.Event.STATUS_CHANGED
    return Facts(
        actor_id=event.actor_id,
        assignee=_assignee(event, ticket),
        creator=_person(ticket.created_by) if ticket.created_by else None,
        author=_author(event, comment),
        comment_kind=said.kind if said else None,
        is_released=said.is_released if said else True,
        is_automatic=_is_automatic(event, said),
        before=_status(event.data.get("before")) if is_status else None,
        after=_status(event.data.get("after")) if is_status else None,
        is_consequence=is_status and event.comment_id is not None,
        is_quiet=event.data.get("reason") == changing.AUTO_CLOSE or event.data.get("is_news") is False,
        purpose=str(event.data.get("purpose", "")),
    )


def _author(event: Event, comment: Comment | None) -> Person | None:
    """Who wrote the answer the fact is about."""
    author_id = event.data.get("author_id")
    author = db.session.get(User, author_id) if isinstance(author_id, int) else None
    author = author or (comment.author if comment is not None else None)
    return _person(author) if author is not None else None


def _answered(event: Event, ticket: Ticket) -> frozenset[int]:
    """Whom an answer tells that the ticket is done with: the one it followed from, or one said since."""
    if event.data.get("after") not in DONE:
        return frozenset()
    rows = select(Event.data).where(
        Event.ticket_id == ticket.id,
        Event.type == audience.Event.COMMENT_ADDED.value,
        or_(Event.id > event.id, Event.comment_id == (event.comment_id or 0)),
    )
    found: set[int] = set()
    for data in db.session.scalars(rows):
        if data.get("says") == event.data["after"]:
            found.update(cast("list[int]", data["told"]))
    return frozenset(found)


def customers(ticket: Ticket) -> list[UserAddress]:
    """The addresses of those who take part, the requester's first, one for each person."""
    addresses = [ticket.requester_address, *(row.address for row in ticket.participants)]
    by_person: dict[int, UserAddress] = {}
    for address in addresses:
        by_person.setdefault(address.user_id, address)
    return list(by_person.values())


def address_of(notice: Notice, ticket: Ticket) -> str:
    """Where this person is told: a customer at the address he takes part with; "" when there is none."""
    if notice.recipient is Recipient.CUSTOMER:
        return next((a.email for a in customers(ticket) if a.user_id == notice.user_id), "")
    user = db.session.get(User, notice.user_id)
    return user.email if user else ""


def _person(user: User) -> Person:
    return Person(user.id, user.role)


def _persons(users: Iterable[User]) -> tuple[Person, ...]:
    return tuple(_person(user) for user in users)


def _assignee(event: Event, ticket: Ticket) -> Person | None:
    """Who has the ticket; of an assignment only whom it named, as long as it is still his."""
    if event.type == audience.Event.ASSIGNED and event.data.get("after") != ticket.assignee_id:
        return None
    return _person(ticket.assignee) if ticket.assignee else None


def _status(value: object) -> Status | None:
    return Status(str(value)) if value else None


def _is_automatic(event: Event, comment: Comment | None) -> bool:
    return event.data.get("automatic", "no") != "no" or (comment is not None and comment.is_automatic)


class _Asker:
    """Whether people may be told of one event by one channel; what many answers need is asked for once."""

    def __init__(self, event: Event, ticket: Ticket, channel: Channel) -> None:
        self.event, self.ticket, self.channel = event, ticket, channel

    def may_be_told(self, notice: Notice) -> bool:
        user = db.session.get(User, notice.user_id)
        if user is None or not user.is_active or preferences.is_muted(user, notice.kind, self.channel):
            return False
        if notice.kind not in IN_SPITE_OF_MUTE and user.is_team and user.id in self.muted:
            return False
        return (
            self._may_be_mailed(notice, user) if self.channel is Channel.MAIL else self._may_see(notice, user)
        )

    def _may_see(self, notice: Notice, user: User) -> bool:
        """That his own answer was stopped somebody learns in any case."""
        if notice.what is What.STOPPED:
            return True
        return self._is_current and self.ticket.account_id in access.account_ids(user)

    def _may_be_mailed(self, notice: Notice, user: User) -> bool:
        if not self._is_current or not self.ticket.account.is_active:
            return False
        email = address_of(notice, self.ticket)
        if not email or normalise_address(email) in self.own_addresses:
            return False
        if notice.recipient is Recipient.CUSTOMER:
            is_machine = user.id == self.ticket.requester_id and _was_opened_by_machine(
                self.event, self.ticket
            )
            return not is_machine and not is_no_reply(email)
        return self.ticket.account_id in access.account_ids(user)

    @property
    def _is_current(self) -> bool:
        return self.ticket.disposition is Disposition.NORMAL

    @cached_property
    def own_addresses(self) -> set[str]:
        return accounts.own_addresses()

    @cached_property
    def muted(self) -> set[int]:
        return muting.who_mutes(self.ticket)


def _was_opened_by_machine(event: Event, ticket: Ticket) -> bool:
    """Alarms, forms and lists are told nothing, however long their ticket lives."""
    if event.type == audience.Event.OPENED:
        return event.data.get("automatic", "no") != "no"
    opened = select(Event.data).where(Event.ticket_id == ticket.id, Event.type == audience.Event.OPENED.value)
    data = db.session.scalar(opened.order_by(Event.id).limit(1)) or {}
    return data.get("automatic", "no") != "no"
