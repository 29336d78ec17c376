"""The list of senders that are blocked or always let in: kept here, decided in `policy/senders.py`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload
from sqlalchemy.sql import ColumnElement

from helpdesk.database import db, insert_once, utcnow
from helpdesk.errors import InvalidInput, NotFound
from helpdesk.mail.headers import is_address, normalise_address
from helpdesk.models import SenderRule, User, UserAddress
from helpdesk.policy import permissions
from helpdesk.policy import senders as policy
from helpdesk.policy.permissions import Action
from helpdesk.policy.senders import Rule, Verdict
from helpdesk.policy.status import TEAM
from helpdesk.services import access, accounts, events

PAGE_SIZE = 100
MAX_NOTE = 255
MAX_NAMED = 3


def rule_for(address: str, account_id: int) -> Rule | None:
    """What decides about mail from this address to this account; None when nothing does."""
    patterns = policy.patterns_for(normalise_address(address))
    if not patterns:
        return None
    rows = select(SenderRule.pattern, SenderRule.verdict, SenderRule.account_id).where(
        SenderRule.pattern.in_(patterns), _of(account_id)
    )
    found = [
        Rule(pattern, verdict, owner is not None) for pattern, verdict, owner in db.session.execute(rows)
    ]
    return policy.decide(normalise_address(address), found)


def _of(account_id: int) -> ColumnElement[bool]:
    return or_(SenderRule.account_id == account_id, SenderRule.account_id.is_(None))


def add(
    typed: str,
    verdict: Verdict,
    *,
    account_id: int | None,
    actor: User,
    note: str = "",
    is_sure: bool = False,
) -> SenderRule:
    """List an address or a domain, for one account or (None) for the desk; what was said of it before is replaced.

    Raises InvalidInput for what is neither, and unless `is_sure` for what would block somebody of the team.
    """
    access.demand_on_account(actor, _needed(account_id), account_id)
    pattern = _pattern(typed)
    if verdict is Verdict.BLOCK and not is_sure:
        _refuse_own(pattern)
    values = {"verdict": verdict, "note": note.strip()[:MAX_NOTE], "created_by_id": actor.id}
    insert_once(SenderRule, pattern=pattern, account_id=account_id, created_at=utcnow(), **values)
    rule = db.session.scalars(
        select(SenderRule).where(SenderRule.pattern == pattern, _exactly(account_id))
    ).one()
    rule.verdict, rule.note, rule.created_by_id = verdict, note.strip()[:MAX_NOTE], actor.id
    db.session.flush()
    kind = "sender.blocked" if verdict is Verdict.BLOCK else "sender.allowed"
    events.record(kind, actor=actor, account_id=account_id, rule_id=rule.id, name=_hidden(pattern))
    return rule


def _exactly(account_id: int | None) -> ColumnElement[bool]:
    return SenderRule.account_id.is_(None) if account_id is None else SenderRule.account_id == account_id


def _needed(account_id: int | None) -> Action:
    """What holds for the whole desk is for admins."""
    return Action.ADMINISTER if account_id is None else Action.SORT_SENDERS


def _pattern(typed: str) -> str:
    bare = typed.strip()
    if is_address(bare):
        return normalise_address(bare)
    domain = normalise_address(f"x@{policy.read_pattern(bare)}").partition("@")[2]
    if not domain or not is_address(f"x@{domain}"):
        raise InvalidInput(
            "“%(typed)s” is neither an address nor a domain.", field="pattern", typed=bare[:100]
        )
    return domain


def _refuse_own(pattern: str) -> None:
    """Whoever blocks his own provider's domain may shut out his colleagues."""
    rows = select(UserAddress.address).join(User).where(User.role.in_(TEAM), User.is_active)
    own = [*db.session.scalars(rows), *accounts.own_addresses()]
    hit = sorted({address for address in own if policy.hits(pattern, address)})
    if hit:
        named = ", ".join(hit[:MAX_NAMED]) + (", …" if len(hit) > MAX_NAMED else "")
        raise InvalidInput("This would block addresses of your own: %(emails)s.", field="sure", emails=named)


def _hidden(pattern: str) -> str:
    """For the record, which outlives the person: the domain alone."""
    return f"…@{pattern.rpartition('@')[2]}" if "@" in pattern else pattern


def get(user: User, rule_id: int) -> SenderRule:
    """Raises NotFound for one of an account that is none of his."""
    rule = db.session.get(SenderRule, rule_id) if rule_id < 2**31 else None
    if rule is None or (rule.account_id is not None and rule.account_id not in access.account_ids(user)):
        raise NotFound("There is no such rule.")
    return rule


def may_change(user: User, rule: SenderRule) -> bool:
    return permissions.may_on_account(access.viewer_of(user), _needed(rule.account_id), rule.account_id)


def remove(rule: SenderRule, *, actor: User) -> None:
    """Say nothing about this sender any more; mail that was kept back stays where it is."""
    access.demand_on_account(actor, _needed(rule.account_id), rule.account_id)
    events.record(
        "sender.unlisted", actor=actor, account_id=rule.account_id, rule_id=rule.id,
        name=_hidden(rule.pattern), before=rule.verdict.value,
    )  # fmt: skip
    db.session.delete(rule)
    db.session.flush()


def page(user: User, *, text: str = "", before: int | None = None) -> tuple[Sequence[SenderRule], int | None]:
    """The rules that concern this person, the newest first, and the id the next page begins before."""
    concerns = or_(
        SenderRule.account_id.is_(None), SenderRule.account_id.in_(sorted(access.account_ids(user)))
    )
    rows = select(SenderRule).where(concerns).order_by(SenderRule.id.desc()).limit(PAGE_SIZE + 1)
    if text.strip():
        rows = rows.where(
            func.lower(SenderRule.pattern).contains(text.strip().lower()[:320], autoescape=True)
        )
    if before is not None:
        rows = rows.where(SenderRule.id < before)
    people = joinedload(SenderRule.created_by).selectinload(User.addresses)
    found = list(db.session.scalars(rows.options(joinedload(SenderRule.account), people)))
    return found[:PAGE_SIZE], found[PAGE_SIZE - 1].id if len(found) > PAGE_SIZE else None
