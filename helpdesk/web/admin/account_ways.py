"""An account's second page: what becomes of its mail, and what it says to people. And pausing it, and trying it out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from flask import Response, flash, render_template
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, FloatField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError
from helpdesk.models import EmailAccount
from helpdesk.models.mail import AccountKind, QuotedHistory
from helpdesk.models.trays import SpamCheck
from helpdesk.policy.acknowledge import When
from helpdesk.policy.status import Category, Priority, Status
from helpdesk.services import account_ways, accounts, attachments, notifications, people, sending, settings
from helpdesk.web.access import require, viewer
from helpdesk.web.account_form import KINDS
from helpdesk.web.admin.blueprint import blueprint
from helpdesk.web.errors import say
from helpdesk.web.forms import Form, address_field, options, trimmed
from helpdesk.web.hours_fields import hours_field, state_in_words, week_in_words
from helpdesk.web.security import go

Page = str | Response | tuple[str, int]
AFTER_REPLY = options(
    (Status.PENDING.value, _l("Pending: it waits for the customer")),
    (Status.IN_PROGRESS.value, _l("In progress")),
    (Status.OPEN.value, _l("Open")),
    (Status.RESOLVED.value, _l("Resolved")),
)
PRIORITIES = options(
    (Priority.LOW.value, _l("Low")), (Priority.MEDIUM.value, _l("Medium")), (Priority.HIGH.value, _l("High")),
    (Priority.URGENT.value, _l("Urgent")),
)  # fmt: skip
SPAM = options(
    (SpamCheck.VERDICT.value, _l("What the mail server calls spam")),
    (SpamCheck.SCORE.value, _l("What has a high score")),
    (SpamCheck.OFF.value, _l("Nothing: headers are not looked at")),
)
WHEN = options(
    (When.ALWAYS.value, _l("At any time")),
    (When.OPEN.value, _l("Only within business hours")),
    (When.CLOSED.value, _l("Only outside of business hours")),
)
QUOTED = options(
    (QuotedHistory.NONE.value, _l("Nothing")),
    (QuotedHistory.LAST.value, _l("The last message of the customer")),
    (QuotedHistory.FULL.value, _l("The conversation, as far as there is room")),
)
MEGABYTES = _l("Use 1 to 500 MB.")
SCORE = _l("Use a number, such as 5.")
DAYS = _l("Use 0 to 3650 days.")
DAY_S = 24 * 3600
SECONDS = _l("Use 5 to 86400 seconds.")
MAILS = _l("Use 1 to 1000 mails.")


class WaysForm(Form):
    """Named as the account's columns."""

    name = StringField(
        _l("Name of the account"),
        filters=[trimmed],
        validators=[DataRequired(_l("Please enter a name.")), Length(max=255)],
    )
    is_offered = BooleanField(_l("Customers may choose it for a new ticket"))
    default_assignee_id = SelectField(_l("New tickets go to"), coerce=int)
    default_category = SelectField(
        _l("Category"), choices=options(*((c.value, c.value.title()) for c in Category))
    )
    default_priority = SelectField(_l("Priority"), choices=PRIORITIES)
    reply_status = SelectField(_l("After an answer a ticket is"), choices=AFTER_REPLY)
    reopen_days = IntegerField(
        _l("Closed tickets open again within (days)"),
        validators=[InputRequired(DAYS), NumberRange(0, 3650, DAYS)],
    )
    spam_check = SelectField(_l("Spam is"), choices=SPAM)
    spam_score = FloatField(
        _l("Spam from this score on"), validators=[InputRequired(SCORE), NumberRange(-100, 1000, SCORE)]
    )
    kind = SelectField(_l("Whose account it is"), choices=KINDS)
    poll_frequency_s = IntegerField(
        _l("Look for mail every (seconds)"),
        validators=[InputRequired(SECONDS), NumberRange(5, DAY_S, SECONDS)],
    )
    max_mails_per_poll = IntegerField(
        _l("Mails taken at once"), validators=[InputRequired(MAILS), NumberRange(1, 1000, MAILS)]
    )
    signature = TextAreaField(_l("Signature"))
    quoted_history = SelectField(_l("Quoted below answers"), choices=QUOTED, default=QuotedHistory.NONE.value)
    max_mail_mb = IntegerField(
        _l("Largest mail, in MB"), validators=[Optional(), NumberRange(1, 500, MEGABYTES)]
    )
    is_acknowledging = BooleanField(_l("Confirm every new ticket to its sender"))
    acknowledgement_text = TextAreaField(_l("Words of the confirmation"))
    acknowledges_when = SelectField(_l("It is confirmed"), choices=WHEN, default=When.ALWAYS.value)
    closed_text = TextAreaField(_l("Words while nobody is there"))
    has_own_hours = BooleanField(_l("This account keeps hours of its own"))
    business_hours = hours_field(_l("Hours of this account"))
    takes_plus_addresses = BooleanField(_l("Every mail gets a reply address of its own"))
    shows_reply_line = BooleanField(_l("Mails begin with a line that answers are written above"))
    trusted_authserv_id = StringField(
        _l("Server whose word about senders counts"), filters=[trimmed], validators=[Length(max=255)]
    )

    def offer(self, account: EmailAccount) -> None:
        """Those who may work there; and what the environment decides is not asked."""
        if account.source == "env" and "poll_frequency_s" in self:
            del self.poll_frequency_s, self.max_mails_per_poll
        able = people.assignable(account.id)
        self.default_assignee_id.choices = options(
            (0, _("Nobody yet")), *((u.id, u.shown_name) for u in able)
        )

    def values(self) -> dict[str, object]:
        found: dict[str, object] = {name: self[name].data for name in account_ways.WAYS if name in self}
        found["default_assignee_id"] = self.default_assignee_id.data or None
        found["kind"] = AccountKind(self.kind.data)
        found["acknowledges_when"] = When(self.acknowledges_when.data)
        found["business_hours"] = self.business_hours.data if self.has_own_hours.data else {}
        found["quoted_history"] = QuotedHistory(self.quoted_history.data)
        found["spam_check"] = SpamCheck(self.spam_check.data)
        found["reply_status"] = Status(self.reply_status.data)
        found["default_category"] = Category(self.default_category.data)
        found["default_priority"] = Priority(self.default_priority.data)
        return found


class TestMailForm(Form):
    """Where a test mail goes."""

    __test__ = False
    email = address_field(_l("Send a test mail to"))


@blueprint.get("/accounts/<int:account_id>/ways")
@require("admin")
def show_ways(account_id: int) -> Page:
    found = accounts.get(account_id)
    hours = found.business_hours or settings.get("business_hours")
    form = WaysForm(None, obj=found)
    form.business_hours.process(None, hours)
    form.has_own_hours.data = bool(found.business_hours)
    form.acknowledges_when.data = found.acknowledges_when.value
    form.default_assignee_id.data = found.default_assignee_id or 0
    form.kind.data = found.kind.value
    form.quoted_history.data = found.quoted_history.value
    form.spam_check.data = found.spam_check.value
    form.reply_status.data = found.reply_status.value
    form.default_category.data = found.default_category.value
    form.default_priority.data = found.default_priority.value
    return _page(found, form)


def _page(account: EmailAccount, form: WaysForm) -> str:
    form.offer(account)
    seen = account_ways.server_seen(account)
    desk_hours = week_in_words(cast("Mapping[str, object]", settings.get("business_hours")))
    return render_template(
        "admin/account_ways.html",
        account=account,
        form=form,
        largest=attachments.default_mail_limit() // 1024**2,
        server_seen=seen,
        hours_now=state_in_words(account),
        desk_hours=desk_hours or _("always closed"),
    )


@blueprint.post("/accounts/<int:account_id>/ways")
@require("admin")
def save_ways(account_id: int) -> Page:
    found = accounts.get(account_id)
    form = WaysForm()
    form.offer(found)
    if not form.validate():
        return _page(found, form), 422
    try:
        with transaction():
            account_ways.change(found, form.values(), actor=viewer())
    except HelpdeskError as error:
        form.reject(error)
        return _page(found, form), 422
    flash(_("Saved."), "success")
    return go("admin.show_ways", account_id=account_id)


@blueprint.post("/accounts/<int:account_id>/<any(fetching, sending):what>/<any(pause, resume):act>")
@require("admin")
def pause_account(account_id: int, what: str, act: str) -> Response:
    found = accounts.get(account_id)
    try:
        with transaction():
            if what == "fetching":
                account_ways.pause_fetching(found, is_fetching=act == "resume", actor=viewer())
            else:
                sending.switch_account(found, is_sending=act == "resume", actor=viewer())
    except HelpdeskError as error:
        say(error)
    else:
        flash(_("Paused.") if act == "pause" else _("It goes on."), "success")
    return go("admin.account", account_id=account_id)


@blueprint.post("/accounts/<int:account_id>/test-mail")
@require("admin")
def send_test_mail(account_id: int) -> Response:
    """The mail's own page tells how it went, with the server's words."""
    found = accounts.get(account_id)
    form = TestMailForm()
    if not form.validate():
        flash(" ".join(map(str, form.email.errors)) or _("Please enter an address."), "error")
        return go("admin.account", account_id=account_id)
    try:
        with transaction():
            mail = notifications.queue_test_mail(found, form.email.data, actor=viewer())
    except HelpdeskError as error:
        say(error)
        return go("admin.account", account_id=account_id)
    if settings.is_holding() or not found.is_sending:
        flash(_("It is queued, but sending is on hold."), "warning")
    else:
        flash(_("It is on its way. This page tells how it went; load it again in a few seconds."), "success")
    return go("admin.show_mail", email_id=mail.id)
