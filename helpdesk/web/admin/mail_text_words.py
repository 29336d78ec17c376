"""What the texts of mails and their placeholders are called, and what they are for."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from helpdesk.policy.mail_texts import MailText

GROUPS = (
    (_l("To customers"), (MailText.CREATED, MailText.ANSWER, MailText.STATUS, MailText.RESOLVED, MailText.CLOSED)),
    (
        _l("To the team"),
        (
            MailText.CREATED_TEAM, MailText.ASSIGNED, MailText.COMMENT_TEAM, MailText.STATUS_TEAM, MailText.UPDATED,
            MailText.OVERDUE, MailText.DIGEST,
        ),
    ),
    (_l("Links to sign in"), (MailText.INVITATION, MailText.SIGN_IN, MailText.PASSWORD)),
    (_l("Every mail"), (MailText.FOOTER,)),
)  # fmt: skip

TITLES = {
    MailText.CREATED: _l("Confirmation of a new ticket"),
    MailText.ANSWER: _l("Answer of the team"),
    MailText.STATUS: _l("The status has changed"),
    MailText.RESOLVED: _l("The ticket is resolved"),
    MailText.CLOSED: _l("The ticket is closed"),
    MailText.CREATED_TEAM: _l("A new ticket is yours"),
    MailText.ASSIGNED: _l("A ticket was assigned to you"),
    MailText.COMMENT_TEAM: _l("Somebody wrote"),
    MailText.STATUS_TEAM: _l("The status of your ticket has changed"),
    MailText.UPDATED: _l("Your ticket was changed"),
    MailText.OVERDUE: _l("Your ticket is overdue"),
    MailText.DIGEST: _l("Summary"),
    MailText.INVITATION: _l("Invitation"),
    MailText.PASSWORD: _l("A new password"),
    MailText.SIGN_IN: _l("Link to sign in"),
    MailText.FOOTER: _l("Footer"),
}

ABOUT = {
    MailText.CREATED: _l("To whoever wrote, once for each ticket. Of his own words only the subject is repeated, so that nobody can have us send advertising to others."),
    MailText.ANSWER: _l("What stands around the words of a colleague. The subject stays the ticket's own, so that mail programs keep the conversation together."),
    MailText.STATUS: _l("To the customer and people in copy, unless an answer says it."),
    MailText.RESOLVED: _l("To the customer and people in copy, unless an answer says it."),
    MailText.CLOSED: _l("To the customer and people in copy, unless an answer says it."),
    MailText.CREATED_TEAM: _l("To the colleague a new ticket goes to from the beginning."),
    MailText.ASSIGNED: _l("To the colleague a ticket was given to."),
    MailText.COMMENT_TEAM: _l("To the assignee for messages, to everybody on the account for internal notes."),
    MailText.STATUS_TEAM: _l("To the assignee."),
    MailText.UPDATED: _l("To the assignee: priority, category or due date."),
    MailText.OVERDUE: _l("To the assignee, and to whoever opened the ticket by hand."),
    MailText.DIGEST: _l("To whoever wants one mail a day or a week instead of single ones."),
    MailText.INVITATION: _l("To a new colleague, with the link to choose a password."),
    MailText.PASSWORD: _l("To whoever asked for a new password."),
    MailText.SIGN_IN: _l("To whoever asked for a link to sign in."),
    MailText.FOOTER: _l("Below every mail of the desk, such as your company's address. Empty by itself."),
}  # fmt: skip

PLACEHOLDERS = {
    "ticket_number": _l("The number, such as TKT-2026-00042"),
    "subject": _l("The ticket's subject"),
    "status": _l("The status, as the reader knows it"),
    "customer_name": _l("Who asked for help"),
    "agent_name": _l("Who did it; the desk's name when it was several people or the desk itself"),
    "what_happened": _l("The built-in sentence, such as “Nora Keller assigned this ticket to you.”"),
    "desk_name": _l("The name of the desk"),
    "priority": _l("The priority"),
    "category": _l("The category"),
    "due": _l("When it is due"),
    "recipient_name": _l("Who gets the mail"),
    "lifetime": _l("How long the link works, such as “1 hour”"),
    "message": _l("What was said and changed, with names of files. Alone on its line."),
    "ticket_details": _l("Number, status and so on, as a small table. Alone on its line."),
    "ticket_link": _l("The ticket's address. Alone on its line it becomes a button; [words]({{ticket_link}}) makes a link."),
    "inbox_link": _l("The address of one's notifications. Alone on its line it becomes a button."),
    "link": _l("The one-time link. Alone on its line it becomes a button, with how long it works."),
}  # fmt: skip
