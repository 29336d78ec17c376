"""The team as admins see it: inviting, roles, access, leaving. A desk never loses its last admin."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from helpdesk.database import db
from helpdesk.errors import Conflict, Forbidden, InvalidInput, NotFound
from helpdesk.models import User
from helpdesk.policy.permissions import Action
from helpdesk.policy.status import Role
from helpdesk.services import access, events, links, notifications, people, scheduled, sessions
from helpdesk.services.links import Purpose


def get(user_id: int) -> User:
    """Raises NotFound."""
    user = db.session.get(User, user_id) if user_id < 2**31 else None
    if user is None:
        raise NotFound("There is no such person.")
    return user


def invite(email: str, role: Role, *, name: str, account_ids: Iterable[int], actor: User) -> User:
    """Add a team member and mail an invitation; a known customer without the team's rights is taken in.

    Raises InvalidInput for a bad address, a team member's, or when no account can send the mail.
    """
    access.demand_on_account(actor, Action.ADMINISTER, None)
    known = people.find_user(email)
    if known is not None and known.is_team:
        raise InvalidInput("This person is in the team already.", field="email")
    user = known or people.create_user(email, role, name=name, actor=actor)
    if known is not None:
        _set_role(user, role, actor)
        user.name = user.name or name
    people.set_grants(user, account_ids if role is Role.AGENT else (), actor=actor)
    invite_again(user, actor=actor)
    return user


def invite_again(user: User, *, actor: User) -> None:
    """Mail a fresh invitation; earlier ones end. Raises InvalidInput when no account can send it."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    if not user.is_active or not user.is_team:
        raise Conflict("Only active people of the team are invited.")
    links.revoke(Purpose.INVITATION, user)
    address = user.addresses[0]
    token = links.issue(Purpose.INVITATION, user, address)
    if notifications.queue_link_mail(Purpose.INVITATION, address, token) is None:
        raise InvalidInput("Connect a mail account first: without one no invitation can be sent.")
    events.record("user.invited", actor=actor, user_id=user.id)


def withdraw_invitation(user: User, *, actor: User) -> None:
    """The link stops working and the person is let in no more. Raises Conflict for somebody who has come already."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    if not user.is_team or user.password_hash or user.id == actor.id:
        raise Conflict("This person has no open invitation.")
    deactivate(user, actor=actor)
    events.record("user.invitation_withdrawn", actor=actor, user_id=user.id)


def change(user: User, *, role: Role, account_ids: Iterable[int], actor: User) -> None:
    """Set role and access of a team member. Raises Conflict when the desk would lose its last admin."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    if not user.is_team:
        raise Conflict("Customers join the team by an invitation.")
    _set_role(user, role, actor)
    people.set_grants(user, account_ids if role is Role.AGENT else (), actor=actor)


def _set_role(user: User, role: Role, actor: User) -> None:
    if user.role is role:
        return
    if role is not Role.ADMIN:
        _keep_an_admin(user)
    before, user.role = user.role, role
    if role is Role.CUSTOMER:
        user.password_hash = None  # customers sign in by mailed links
        links.revoke(Purpose.INVITATION, user)
    sessions.end_all(user)
    events.record("user.role_changed", actor=actor, user_id=user.id, before=before.value, after=role.value)


def deactivate(user: User, *, actor: User) -> None:
    """Nobody signs in as this person or acts by mail any more; what he was about to send is not sent.

    Open tickets stay his until `handing_over` gives them away. Raises Conflict for oneself and the last admin.
    """
    access.demand_on_account(actor, Action.ADMINISTER, None)
    if user.id == actor.id:
        raise Conflict("You cannot deactivate yourself.")
    if not user.is_active:
        return
    _keep_an_admin(user)
    user.is_active = False
    sessions.end_all(user)
    scheduled.stop_all_of(user, Forbidden("Its author was deactivated."))
    for purpose in (Purpose.SIGN_IN, Purpose.INVITATION, Purpose.PASSWORD):
        links.revoke(purpose, user)
    events.record("user.deactivated", actor=actor, user_id=user.id)


def reactivate(user: User, *, actor: User) -> None:
    access.demand_on_account(actor, Action.ADMINISTER, None)
    if not user.is_active:
        user.is_active = True
        events.record("user.reactivated", actor=actor, user_id=user.id)


def _keep_an_admin(user: User) -> None:
    """Holds all admins' rows: of two who shut each other out at once, the second finds himself shut out."""
    if user.role is not Role.ADMIN:
        return
    admins = (
        select(User.id).where(User.role == Role.ADMIN, User.is_active).order_by(User.id).with_for_update()
    )
    if not set(db.session.scalars(admins)) - {user.id}:
        raise Conflict("This is the last administrator of the desk.")
