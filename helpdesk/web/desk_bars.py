"""What concerns the whole desk and stands above every page of the team: sending on hold or diverted, mail that cannot be fetched."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import ngettext

from helpdesk.models import EmailAccount, User
from helpdesk.policy.status import Role
from helpdesk.services import accounts, alarms, sending, settings
from helpdesk.web.filters import exact, told

Bar = dict[str, object]


def bars(user: User) -> list[Bar]:
    """See components/desk_bar.html. Agents read it, admins may also do something about it."""
    is_admin = user.role is Role.ADMIN
    found = [_holding(is_admin=is_admin)] if settings.is_holding() else []
    if (backend := accounts.diverted_to()) and is_admin:
        found.append(_bar("warn", nobody_is_mailed(backend)))
    found += [_failing(account, is_admin=is_admin) for account in alarms.failing(user)]
    return found + [_unable(account, is_admin=is_admin) for account in alarms.unable(user)]


def _holding(*, is_admin: bool) -> Bar:
    count = sending.count_waiting()
    waits = ngettext("%(num)d mail waits.", "%(num)d mails wait.", count)
    action = (_("Release"), "/admin/settings/release") if is_admin else None
    return _bar("warn", _("Sending is on hold: no mail leaves the desk.") + " " + waits, action=action)


def nobody_is_mailed(backend: str) -> str:
    """What EMAIL_BACKEND makes of every mail, in words."""
    if backend == "console":
        return _("No mail leaves the desk: EMAIL_BACKEND=console prints it in the worker's log instead.")
    if backend == "file":
        return _("No mail leaves the desk: EMAIL_BACKEND=file writes it into files instead.")
    return _("No mail leaves the desk: EMAIL_BACKEND=dummy throws it away.")


def _failing(account: EmailAccount, *, is_admin: bool) -> Bar:
    text = _("No mail has come from %(email)s since %(when)s: %(why)s", email=account.email,
             when=exact(account.failing_since or account.last_success_at or account.created_at), why=told(account.last_error, account.last_error_told))  # fmt: skip
    return _bar("danger", text, link=_to_account(account) if is_admin else None)


def _unable(account: EmailAccount, *, is_admin: bool) -> Bar:
    text = _("No mail leaves from %(email)s since %(when)s, it waits: %(why)s", email=account.email,
             when=exact(account.sending_failing_since), why=told(account.sending_error, account.sending_error_told))  # fmt: skip
    return _bar("danger", text, link=_to_account(account) if is_admin else None)


def _to_account(account: EmailAccount) -> tuple[str, str]:
    return _("Look at the account"), f"/admin/accounts/{account.id}"


def _bar(
    kind: str, text: str, *, link: tuple[str, str] | None = None, action: tuple[str, str] | None = None
) -> Bar:
    return {"kind": kind, "text": text, "link": link, "action": action}
