"""Mails one-time links to people who may have them; says nothing about whether it did."""

from __future__ import annotations

from helpdesk.models import User
from helpdesk.services import links, notifications, people
from helpdesk.services.links import Purpose


def send(purpose: Purpose, email: str) -> None:
    """Queue a link to this address when somebody active has it and did not ask too often; silent otherwise."""
    address = people.find_address(email)
    if address is not None and _may_have(purpose, address.user):
        notifications.queue_link_mail(purpose, address, links.issue(purpose, address.user, address))


def _may_have(purpose: Purpose, user: User) -> bool:
    if not user.is_active or (purpose is Purpose.PASSWORD and not user.is_team):
        return False
    return links.may_issue(purpose, user)
