"""What states, purposes and events are called on admins' pages."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from helpdesk.models import EmailMessage, Event
from helpdesk.models.mail import Direction, EmailState
from helpdesk.services import settings
from helpdesk.services.audit import Change
from helpdesk.web.filters import reason

STATES = {
    EmailState.RECEIVED: _l("received"),
    EmailState.PROCESSING: _l("being read"),
    EmailState.OPENED: _l("opened a ticket"),
    EmailState.APPENDED: _l("added to a ticket"),
    EmailState.DUPLICATE: _l("copy of another"),
    EmailState.IGNORED: _l("ignored"),
    EmailState.HELD: _l("held"),
    EmailState.DISCARDED: _l("discarded"),
    EmailState.QUEUED: _l("queued"),
    EmailState.SENDING: _l("being sent"),
    EmailState.SENT: _l("sent"),
    EmailState.UNCERTAIN: _l("perhaps sent"),
    EmailState.CANCELLED: _l("cancelled"),
    EmailState.FAILED: _l("failed"),
    EmailState.BOUNCED: _l("bounced"),
}
TONES = {
    EmailState.FAILED: "danger", EmailState.BOUNCED: "danger", EmailState.UNCERTAIN: "danger", EmailState.HELD: "warn",
    EmailState.SENT: "good", EmailState.OPENED: "good", EmailState.APPENDED: "good",
    EmailState.QUEUED: "info", EmailState.SENDING: "info", EmailState.RECEIVED: "info", EmailState.PROCESSING: "info",
}  # fmt: skip
PURPOSES = {
    "reply": _l("Answer of the team"),
    "resent": _l("Answer sent once more"),
    "forward": _l("Message forwarded"),
    "ticket_created": _l("Acknowledgement"),
    "ticket_assigned": _l("Told the assignee"),
    "status_changed": _l("Told of a new status"),
    "comment_added": _l("Told of new words"),
    "ticket_resolved": _l("Told that it is resolved"),
    "ticket_closed": _l("Told that it is closed"),
    "ticket_overdue": _l("Told that it is overdue"),
    "ticket_updated": _l("Told of a change"),
    "sign_in_link": _l("Link to sign in"),
    "password_link": _l("Link to choose a password"),
    "invitation": _l("Invitation"),
    "mail_held": _l("Told an agent that his mail is held"),
    "message": _l("Sent by a program"),
    "test": _l("Test mail"),
    "fetch_stalled": _l("Alarm: no mail comes in"),
    "fetch_recovered": _l("Mail comes in again"),
    "sending_stalled": _l("Alarm: no mail goes out"),
    "sending_recovered": _l("Mail goes out again"),
}
EVENTS = {
    "email.queued": _l("Queued to be sent"),
    "email.sent": _l("The server took it"),
    "email.failed": _l("Given up"),
    "email.uncertain": _l("No clear answer came: it may or may not have arrived"),
    "email.cancelled": _l("Not sent any more"),
    "email.retried": _l("Tried again"),
    "email.resent": _l("Sent once more"),
    "email.replaced": _l("Taken back to be written anew"),
    "email.held": _l("Held for a person"),
    "email.discarded": _l("Discarded"),
    "email.put_back": _l("Put back into its tray"),
    "email.read": _l("It was opened, says a read receipt"),
    "email.complained": _l("Its recipient called it spam"),
    "email.delayed": _l("It is late; its server goes on trying"),
    "email.bounced": _l("It came back"),
    "ticket.opened": _l("Opened a ticket"),
    "ticket.comment_added": _l("Added to the ticket"),
    "account.created": _l("Connected a mail account"),
    "account.changed": _l("Changed a mail account"),
    "account.connected": _l("Connected a mail account with its provider"),
    "account.disconnected": _l("Forgot the permission of a mail account's provider"),
    "account.fetch_asked": _l("Asked for new mail"),
    "account.fetch_failed": _l("Fetching began to fail"),
    "account.fetch_recovered": _l("Fetching works again"),
    "account.alarm_sent": _l("Alarm to the administrators"),
    "account.alarm_ended": _l("End of the alarm"),
    "account.sending_alarm_sent": _l("Alarm to the administrators: no mail goes out"),
    "account.sending_alarm_ended": _l("End of the alarm: mail goes out again"),
    "account.sending_paused": _l("Paused sending"),
    "account.sending_resumed": _l("Went on sending"),
    "account.fetching_paused": _l("Paused fetching"),
    "account.fetching_resumed": _l("Went on fetching"),
    "mail_text.changed": _l("Changed the words of a mail"),
    "mail_text.reset": _l("Set the words of a mail back"),
    "sender.blocked": _l("Blocked a sender"),
    "sender.allowed": _l("Always lets a sender in"),
    "sender.unlisted": _l("Took a sender off the list"),
    "settings.changed": _l("Changed a setting"),
    "suppression.added": _l("Put an address on the suppression list"),
    "suppression.lifted": _l("Took an address off the suppression list"),
    "tag.renamed": _l("Renamed a tag"),
    "tag.merged": _l("Merged a tag with another"),
    "tag.deleted": _l("Deleted a tag"),
    "user.created": _l("New person"),
    "user.invited": _l("Invited"),
    "user.invitation_withdrawn": _l("Withdrew an invitation"),
    "user.role_changed": _l("Changed a role"),
    "user.grants_changed": _l("Changed access"),
    "user.address_added": _l("Added an address"),
    "user.address_removed": _l("Removed an address"),
    "user.sessions_ended": _l("Signed somebody out everywhere"),
    "user.password_changed": _l("New password"),
    "user.deactivated": _l("Deactivated"),
    "user.reactivated": _l("Let in again"),
    "user.tickets_handed_over": _l("Handed tickets over"),
}


SETTINGS = {
    "desk_name": _l("Name of the desk"),
    "accent": _l("Colour"),
    "logo": _l("Logo"),
    "timezone": _l("Time zone"),
    "language": _l("Language"),
    "number_format": _l("Ticket number"),
    "customer_passwords": _l("Customers may choose a password"),
    "session_idle_hours": _l("Sign out after hours without use"),
    "session_max_days": _l("Sign in again after days at the latest"),
    "retention_days": _l("Keep raw mails for days"),
    "contact_form": _l("Offer a public contact form"),
    "auto_close_days": _l("Close resolved tickets after (days)"),
    "undo_seconds": _l("Undo time after sending (seconds)"),
    "hold_sending": _l("Hold all sending"),
    "silenced": _l("Notifications nobody is mailed"),
    "business_hours": _l("Business hours"),
}


def states() -> list[tuple[str, object]]:
    """For a filter: every state by its word."""
    return [(state.value, word) for state, word in STATES.items()]


def of_event(event: Event) -> str:
    """An event in words; its own name where nobody has found any yet."""
    return str(EVENTS.get(event.type, event.type.replace(".", ": ").replace("_", " ")))


def of_target(change: Change) -> str:
    """What a change was made to; a setting by the words its page has for it."""
    is_setting = change.event.type == "settings.changed"
    return str(SETTINGS.get(change.target, change.target)) if is_setting else change.target


def of_state(email: EmailMessage) -> str:
    """What became of a mail, in a sentence."""
    if email.reason:
        return reason(email)
    if email.direction is Direction.OUT:
        is_held = settings.is_holding() or not email.account.is_sending
        return {
            EmailState.QUEUED: _("It waits: sending is on hold.") if is_held else _("It waits for its turn."),
            EmailState.SENDING: _("It is being handed to the mail server."),
            EmailState.SENT: _("The mail server took it."),
            EmailState.CANCELLED: _("It was not sent."),
        }.get(email.state, "")
    return {
        EmailState.RECEIVED: _("It is stored and waits to be read."),
        EmailState.OPENED: _("It opened a ticket."),
        EmailState.APPENDED: _("It was added to a ticket."),
        EmailState.DISCARDED: _("Somebody has put it away."),
    }.get(email.state, "")
