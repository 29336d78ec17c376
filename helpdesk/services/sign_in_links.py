"""Mails one-time links to people who may have them; says nothing about whether it did."""

from __future__ import annotations

from helpdesk.errors import InvalidInput
from helpdesk.models import User
from helpdesk.services import links, notifications, people, profiles
from helpdesk.services.links import Purpose


def send(purpose: Purpose, email: str, target: str | None = None) -> None:
    """Queue a link to this address when somebody active has it and did not ask too often; silent otherwise.

    `target` is the page of this desk the link leads on to.
    """
    address = people.find_address(email)
    if address is not None and _may_have(purpose, address.user):
        notifications.queue_link_mail(purpose, address, links.issue(purpose, address.user, address), target)


def send_to_self(purpose: Purpose, user: User) -> str:
    """Queue a link to somebody signed in, at his main address; returns that. Raises InvalidInput when he has too many."""
    address = people.main_address(user)
    if not _may_have(purpose, user):
        raise InvalidInput(
            "You have asked for several links already. Please use the newest, or try again in an hour."
        )
    notifications.queue_link_mail(purpose, address, links.issue(purpose, user, address))
    return address.email


def _may_have(purpose: Purpose, user: User) -> bool:
    if purpose is Purpose.PASSWORD and not profiles.may_have_password(user):
        return False
    return user.is_active and links.may_issue(purpose, user)
