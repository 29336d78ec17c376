"""The list's filter, read from an address and written back into one. Nothing typed there can break a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from flask_babel import gettext as _

from helpdesk.models import User
from helpdesk.policy.search_query import MAX_LENGTH
from helpdesk.policy.status import Category, Disposition, Priority, Status
from helpdesk.services import search
from helpdesk.services.queries import ACTIVE, PageKey, TicketFilter
from helpdesk.services.sorting import Sort

Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class ListState:
    """What the address says: the chosen view, its filter, the order, the page, and the same as parameters for links."""

    view: str
    typed: str
    chosen: TicketFilter
    sort: Sort
    after: PageKey | None
    args: dict[str, Any]

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter is set beside the view."""
        return bool(self.args.keys() - {"view", "sort", "q"})

    @property
    def link_args(self) -> dict[str, Any]:
        """What a link to a ticket carries, so that the same list stands beside it."""
        return self.args | ({"after": str(self.after)} if self.after else {})

    @property
    def unfiltered_args(self) -> dict[str, Any]:
        """The same view, search and order without the filters beside them."""
        return {name: self.args[name] for name in ("view", "sort", "q") if name in self.args}

    @property
    def title(self) -> str:
        if self.typed:
            return _("Search")
        return {
            "mine": _("My tickets"),
            "unassigned": _("Unassigned"),
            "overdue": _("Overdue"),
            "drafts": _("Drafts"),
            "spam": _("Spam"),
        }.get(self.view, _("All tickets"))


def _word(kind: type[Word], text: str | None) -> Word | None:
    try:
        return kind(text) if text else None
    except ValueError:
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _statuses(text: str | None, *, is_everywhere: bool) -> tuple[Status, ...]:
    """A view shows what is still to be done; a search, and what one has begun to write, looks everywhere."""
    if text == "any":
        return ()
    chosen = _word(Status, text)
    if chosen:
        return (chosen,)
    return () if is_everywhere else ACTIVE


def _sort(text: str | None, view: str) -> Sort:
    return _word(Sort, text) or (Sort.DUE if view == "overdue" else Sort.NEWEST)


def read_list_state(args: Mapping[str, str], viewer: User) -> ListState:
    """Unknown words are ignored: a mistyped address shows the plain list."""
    typed = args.get("q", "").strip()[:MAX_LENGTH]
    view = "all" if typed else args.get("view", "all")
    assignee = {"mine": viewer.id, "unassigned": 0}.get(view, _number(args.get("assignee")))
    chosen = TicketFilter(
        statuses=_statuses(args.get("status"), is_everywhere=bool(typed) or view in ("drafts", "spam")),
        assignee=assignee,
        priority=_word(Priority, args.get("priority")),
        category=_word(Category, args.get("category")),
        account_id=_number(args.get("account")),
        is_overdue=view == "overdue",
        tag=args.get("tag", "")[:100] or None,
        drafts_of=viewer.id if view == "drafts" else None,
        query=search.parse(typed),
        disposition=Disposition.SPAM if view == "spam" else Disposition.NORMAL,
    )
    names = ("view", "status", "assignee", "priority", "category", "account", "tag", "sort")
    kept = {name: args[name] for name in names if args.get(name)} | ({"q": typed} if typed else {})
    if typed:
        kept.pop("view", None)
    sort = _sort(args.get("sort"), view)
    return ListState(view, typed, chosen, sort, PageKey.parse(args.get("after", "")), kept)
