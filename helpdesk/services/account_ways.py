"""How an account treats its tickets and what it says: everything about it that is not a server or a password."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import cast

from sqlalchemy import select

from helpdesk.database import db
from helpdesk.errors import Conflict, InvalidInput
from helpdesk.models import EmailAccount, EmailMessage, User
from helpdesk.models.mail import Direction
from helpdesk.policy import hours, placeholders
from helpdesk.policy.permissions import Action
from helpdesk.services import access, events
from helpdesk.services.ingest import proof
from helpdesk.services.tickets.changing import may_work_on

MAX_WORDS = 5000
LATELY, LEAST_SEEN, MOST_OF_THEM = 50, 5, 0.9  # mails that are looked at for the server that judged them
SERVER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
KNOWN_WORDS = {  # what is filled in, by field
    "acknowledgement_text": placeholders.ACKNOWLEDGEMENT,
    "closed_text": placeholders.CLOSED,
}
PACES = ("poll_frequency_s", "max_mails_per_poll")
WAYS = (
    "name", "is_offered", "default_assignee_id", "default_category", "default_priority", "reply_status", "reopen_days",
    "signature", "quoted_history", "max_mail_mb", "is_acknowledging", "acknowledgement_text", "kind", "takes_plus_addresses", "shows_reply_line", "trusted_authserv_id",
    "spam_check", "spam_score", "acknowledges_when", "closed_text", "business_hours", *PACES,
)  # fmt: skip


def change(account: EmailAccount, values: Mapping[str, object], *, actor: User) -> list[str]:
    """Within a transaction: check and store what differs, and return its names.

    Raises InvalidInput for an assignee without access, words that are too long, or a placeholder nobody fills.
    """
    access.demand_on_account(actor, Action.ADMINISTER, None)
    wanted = {name: value for name, value in values.items() if name in WAYS}
    _check_assignee(account, wanted.get("default_assignee_id"))
    if wanted.get("business_hours"):
        wanted["business_hours"] = hours.tidy(cast("Mapping[str, object]", wanted["business_hours"]))
    for name in ("signature", *KNOWN_WORDS):
        if name in wanted:
            wanted[name] = _words(str(wanted[name]), name)
    if "trusted_authserv_id" in wanted:
        wanted["trusted_authserv_id"] = _servers(str(wanted["trusted_authserv_id"]))
    changed = [name for name, value in wanted.items() if getattr(account, name) != value]
    if account.source == "env" and set(changed) & set(PACES):
        raise Conflict("How often mail is looked for is set by the environment of the server.")
    for name in changed:
        setattr(account, name, wanted[name])
    if changed:
        db.session.flush()
        events.record("account.changed", actor=actor, account_id=account.id, fields=sorted(changed))
    return changed


def _check_assignee(account: EmailAccount, user_id: object) -> None:
    user = db.session.get(User, user_id) if isinstance(user_id, int) else None
    if user_id is not None and (user is None or not may_work_on(account.id, user)):
        raise InvalidInput("This person has no access to the account.", field="default_assignee_id")


def server_seen(account: EmailAccount) -> str:
    """The server that has judged nearly every mail the account got lately, "" when there is none.

    A name only some mails bear may have been written by whoever sent them.
    """
    rows = select(EmailMessage.trace).where(
        EmailMessage.account_id == account.id,
        EmailMessage.direction == Direction.IN,
        EmailMessage.finished_at.is_not(None),
    )
    traces = list(db.session.scalars(rows.order_by(EmailMessage.id.desc()).limit(LATELY)))
    names = Counter(name for trace in traces if (name := proof.server_in(trace)))
    name, count = names.most_common(1)[0] if names else ("", 0)
    return name if count >= LEAST_SEEN and count >= MOST_OF_THEM * len(traces) else ""


def _servers(text: str) -> str:
    """Names of mail servers, parted by blanks. Raises InvalidInput for what could be none."""
    names = text.replace(",", " ").split()
    for name in names:
        if not SERVER_NAME.match(name):
            raise InvalidInput(
                "“%(name)s” is not the name of a mail server.", field="trusted_authserv_id", name=name[:100]
            )
    return " ".join(names)


def _words(text: str, field: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    if len(text) > MAX_WORDS:
        raise InvalidInput("Please use at most %(limit)d characters.", field=field, limit=MAX_WORDS)
    known = KNOWN_WORDS.get(field)
    unknown = placeholders.unknown(text, known) if known else []
    if known and unknown:
        raise InvalidInput("Nobody fills in %(words)s. Known are: %(known)s.", field=field, words=", ".join(unknown),
                           known=", ".join("{{" + name + "}}" for name in known))  # fmt: skip
    return text


def pause_fetching(account: EmailAccount, *, is_fetching: bool, actor: User) -> None:
    """Within a transaction: stop looking for mail, or look again at once.

    Raises Conflict for the account the environment describes: it would be switched on again at the next start.
    """
    access.demand_on_account(actor, Action.ADMINISTER, None)
    if account.source == "env":
        raise Conflict(
            "Set EMAIL_TO_TICKET_ENABLED=false in the environment of the server to stop fetching here."
        )
    if account.is_fetching is is_fetching:
        return
    account.is_fetching, account.is_alarming = is_fetching, False
    account.fetch_again_at = account.failing_since = None
    account.consecutive_failures, account.last_error, account.last_error_detail = 0, "", ""
    type_ = "account.fetching_resumed" if is_fetching else "account.fetching_paused"
    events.record(type_, actor=actor, account_id=account.id)
