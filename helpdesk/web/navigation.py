"""What stands around every page: the agents' sidebar with its counts, the list of settings, a customer's head line.

Filled in by a context processor, so that a view hands over only what its own page is about.
"""

from __future__ import annotations

from flask import Flask, request
from flask_babel import gettext as _

from helpdesk.models import User
from helpdesk.policy.status import Role
from helpdesk.services import access, contact, practice, queries, scheduled, settings
from helpdesk.services import sidebar as numbers
from helpdesk.web import desk_bars, look
from helpdesk.web.access import viewer_or_none
from helpdesk.web.practice.blueprint import may_practise
from helpdesk.web.sending import sending

Item = dict[str, object]


def init_app(app: Flask) -> None:
    app.context_processor(surroundings)


def surroundings() -> dict[str, object]:
    user = viewer_or_none()
    found: dict[str, object] = {
        "desk_name": settings.desk_name(),
        "desk_style": look.style_url(),
        "desk_logo": look.logo_url(),
    }
    if user is None:
        contact_url = "/contact" if contact.is_on() else None
        return found | {"portal": {"home_url": "/", "sign_in_url": "/sign-in"}, "contact_url": contact_url}
    if user.is_team:
        waiting = numbers.waiting(user)
        replies = scheduled.waiting_of(user) if waiting.replies else []
        return found | {
            "nav": sidebar(user, waiting),
            "settings_nav": settings_list(user),
            "own_waiting": [sending(reply, user) for reply in replies],
            "desk_bars_shown": desk_bars.bars(user),
        }
    return found | {"portal": head_line(user)}


def sidebar(user: User, waiting: numbers.Waiting) -> dict[str, object]:
    """See components/sidebar.html."""
    counts, unread = queries.counts(user), waiting.unread
    views = [
        _view("unassigned", _("Unassigned"), "inbox", counts.unassigned, "strong"),
        _view("mine", _("My tickets"), "user", counts.mine, "strong"),
        _view("all", _("All tickets"), "list", counts.all),
        _view("overdue", _("Overdue"), "clock", counts.overdue, "danger"),
        _view("drafts", _("Drafts"), "pen", waiting.drafts),
        _item(_("Notifications"), "/notifications", "bell", count=unread, current=_is_inbox(), tone="strong"),
    ]
    accounts = [
        _item(a.name or a.email, f"/tickets?account={a.id}", count=counts.by_account.get(a.id, 0),
              current=_is_list() and request.args.get("account") == str(a.id))
        for a in access.accounts_of(user)
    ]  # fmt: skip
    return {
        "desk_name": settings.desk_name(),
        "logo_url": look.logo_url(),
        "home_url": "/tickets",
        "new_ticket_url": "/tickets/new" if accounts else None,
        "settings_url": "/admin" if user.role is Role.ADMIN else None,
        "settings_current": request.path.startswith("/admin"),
        "sign_out_url": "/sign-out",
        "profile_url": "/profile",
        "user_name": user.shown_name,
        "user_email": user.email,
        "views": views,
        "unread": unread,
        "sections": [
            (_("Accounts"), accounts),
            (_("Set aside"), _set_aside(waiting) if accounts else []),
            (_("Try it"), _practice(user)),
        ],
    }


def _set_aside(waiting: numbers.Waiting) -> list[Item]:
    """What is no ticket, and what is no longer among them."""
    is_tray = request.path == "/mail" or request.path.startswith("/mail/")
    return [
        _item(_("Other mail"), "/mail", "tray", count=waiting.mails, current=is_tray, tone="strong"),
        _view("spam", _("Spam"), "ban", waiting.spam),
    ]


def _practice(user: User) -> list[Item]:
    """The practice mailbox, for whoever may use it, while the desk has no real account."""
    boxes = practice.mailboxes()
    is_there = bool(boxes) or (user.role is Role.ADMIN and practice.is_possible())
    return [_item(_("Write as a customer"), "/practice", "mail")] if is_there and may_practise(boxes) else []


def settings_list(user: User) -> list[tuple[str | None, list[Item]]]:
    """See layouts/admin.html; agents who are no admins have their profile there only."""
    own = [_item(_("Your profile"), "/profile", "user", current=request.path.startswith("/profile"))]
    if user.role is not Role.ADMIN:
        return [(None, own)]
    waiting = queries.count_waiting_mail()
    desk = [
        _page("/admin/accounts", _("Mail accounts"), "mail"),
        _page("/admin/mail-texts", _("Mail texts"), "pen"),
        _page("/admin/people", _("People"), "user"),
        _page("/admin/tags", _("Tags"), "tag"),
        _item(_("Mail log"), "/admin/mail", "history", count=waiting, current=_is_mail_log(), tone="danger"),
        _page("/admin/suppressed", _("Suppression list"), "ban"),
        _page("/admin/health", _("Health"), "shield"),
        _page("/admin/settings", _("The desk"), "settings"),
        _page("/admin/audit", _("Changes"), "eye"),
    ]
    return [(_("Desk"), desk), (_("You"), own)]


def _is_mail_log() -> bool:
    return request.path == "/admin/mail" or request.path.startswith("/admin/mail/")


def head_line(user: User) -> dict[str, object]:
    """See layouts/portal.html."""
    links = [
        (_("Your tickets"), "/my/tickets", request.path.startswith("/my/tickets")),
        (_("Your profile"), "/profile", request.path.startswith("/profile")),
    ]
    return {"home_url": "/my/tickets", "user_email": user.email, "sign_out_url": "/sign-out", "links": links}


def _is_list() -> bool:
    return request.path == "/tickets"


def _is_inbox() -> bool:
    return request.path == "/notifications"


def _view(name: str, text: str, icon: str, count: int, tone: str = "quiet") -> Item:
    is_plain = not request.args.get("account") and not request.args.get("q")
    current = _is_list() and request.args.get("view", "all") == name and is_plain
    return {"name": name} | _item(
        text, f"/tickets?view={name}", icon, count=count, current=current, tone=tone
    )


def _page(url: str, text: str, icon: str, *, count: int | None = None, tone: str = "quiet") -> Item:
    return _item(text, url, icon, count=count, current=request.path.startswith(url), tone=tone)


def _item(
    text: str,
    url: str,
    icon: str | None = None,
    *,
    count: int | None = None,
    current: bool = False,
    tone: str = "quiet",
) -> Item:
    return {"text": text, "url": url, "icon": icon, "count": count, "current": current, "tone": tone}
