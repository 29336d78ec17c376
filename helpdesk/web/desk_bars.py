"""What concerns the whole desk and stands above every page of the team: sending on hold, mail that cannot be fetched."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import ngettext

from helpdesk.models import EmailAccount, User
from helpdesk.policy.status import Role
from helpdesk.services import alarms, sending, settings
from helpdesk.web.filters import exact

Bar = dict[str, object]


def bars(user: User) -> list[Bar]:
    """See components/desk_bar.html. Agents read it, admins may also do something about it."""
    is_admin = user.role is Role.ADMIN
    found = [_holding(is_admin=is_admin)] if settings.is_holding() else []
    return found + [_failing(account, is_admin=is_admin) for account in alarms.failing(user)]


def _holding(*, is_admin: bool) -> Bar:
    count = sending.count_waiting()
    waits = ngettext("%(num)d mail waits.", "%(num)d mails wait.", count)
    action = (_("Release"), "/admin/settings/release") if is_admin else None
    return _bar("warn", _("Sending is on hold: no mail leaves the desk.") + " " + waits, action=action)


def _failing(account: EmailAccount, *, is_admin: bool) -> Bar:
    text = _("No mail has come from %(email)s since %(when)s: %(why)s", email=account.email,
             when=exact(account.failing_since or account.last_success_at or account.created_at), why=account.last_error)  # fmt: skip
    return _bar(
        "danger",
        text,
        link=(_("Look at the account"), f"/admin/accounts/{account.id}") if is_admin else None,
    )


def _bar(
    kind: str, text: str, *, link: tuple[str, str] | None = None, action: tuple[str, str] | None = None
) -> Bar:
    return {"kind": kind, "text": text, "link": link, "action": action}
