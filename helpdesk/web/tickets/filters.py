"""The list's filter, read from an address and written back into one. Nothing typed there can break a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from flask_babel import gettext as _

from helpdesk.models import User
from helpdesk.policy.status import Category, Priority, Status
from helpdesk.services.queries import ACTIVE, PageKey, TicketFilter

Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class ListState:
    """What the address says: the chosen view, its filter, the page, and the same as parameters for links."""

    view: str
    chosen: TicketFilter
    after: PageKey | None
    args: dict[str, Any]

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter is set beside the view."""
        return bool(self.args.keys() - {"view"})

    @property
    def link_args(self) -> dict[str, Any]:
        """What a link to a ticket carries, so that the same list stands beside it."""
        return self.args | ({"after": str(self.after)} if self.after else {})

    @property
    def title(self) -> str:
        return {
            "mine": _("My tickets"),
            "unassigned": _("Unassigned"),
            "overdue": _("Overdue"),
        }.get(self.view, _("All tickets"))


def _word(kind: type[Word], text: str | None) -> Word | None:
    try:
        return kind(text) if text else None
    except ValueError:
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _statuses(text: str | None) -> tuple[Status, ...]:
    if text == "any":
        return ()
    chosen = _word(Status, text)
    return (chosen,) if chosen else ACTIVE


def read_list_state(args: Mapping[str, str], viewer: User) -> ListState:
    """Unknown words are ignored: a mistyped address shows the plain list."""
    view = args.get("view", "all")
    assignee = {"mine": viewer.id, "unassigned": 0}.get(view, _number(args.get("assignee")))
    chosen = TicketFilter(
        statuses=_statuses(args.get("status")),
        assignee=assignee,
        priority=_word(Priority, args.get("priority")),
        category=_word(Category, args.get("category")),
        account_id=_number(args.get("account")),
        is_overdue=view == "overdue",
    )
    names = ("view", "status", "assignee", "priority", "category", "account")
    kept = {name: args[name] for name in names if args.get(name)}
    return ListState(view, chosen, PageKey.parse(args.get("after", "")), kept)
