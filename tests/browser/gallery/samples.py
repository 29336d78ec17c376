"""What the still pages show: people, tickets and words written for the purpose."""

from datetime import timedelta

from wtforms import (
    BooleanField,
    EmailField,
    Form,
    IntegerField,
    MultipleFileField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    validators,
)

from helpdesk.database import utcnow
from helpdesk.web.forms import options
from helpdesk.web.particulars import Shown

LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenhersteller" * 2


def before(**distance):
    return utcnow() - timedelta(**distance)


def item(text, icon=None, count=None, *, current=False, tone="quiet"):
    return {"text": text, "url": "#", "icon": icon, "count": count, "current": current, "tone": tone}


def nav(*, settings=False):
    return {
        "desk_name": "Fjord Office",
        "home_url": "/workspace-list",
        "new_ticket_url": "/workspace-new",
        "settings_url": "/admin-account",
        "settings_current": settings,
        "sign_out_url": "#",
        "profile_url": "#",
        "user_name": "Nora Keller",
        "user_email": "nora@fjord.example",
        "views": [
            item("Unassigned", "inbox", 12, tone="strong"),
            item("My tickets", "user", 7, current=not settings, tone="strong"),
            item("All open", "list", 44),
            item("Overdue", "warning", 1, tone="danger"),
            item("Closed", "check-circle"),
        ],
        "sections": [
            ("Accounts", [item("support@fjord.example", count=31), item("billing@fjord.example", count=9)])
        ],
    }


SETTINGS = [
    (
        "Mail",
        [
            item("Accounts", "mail", current=True),
            item("Received", "inbox"),
            item("Failed", "warning", 2, tone="danger"),
        ],
    ),
    ("Desk", [item("People", "users"), item("General", "settings")]),
]

STATUSES = ["new", "open", "in_progress", "pending", "resolved", "closed"]
STATUS_OPTIONS = [
    ("new", "New"),
    ("open", "Open"),
    ("in_progress", "In progress"),
    ("pending", "Pending"),
    ("resolved", "Resolved"),
    ("closed", "Closed"),
]
PRIORITY_OPTIONS = [("low", "Low"), ("medium", "Medium"), ("high", "High"), ("urgent", "Urgent")]
ASSIGNEE_OPTIONS = [("", "Nobody"), ("1", "Nora Keller"), ("2", "Tom Hale")]
CATEGORY_OPTIONS = [(word, word) for word in ("Support", "Bug", "Feature", "Billing", "General")]


def tickets():
    """Rows as keyword arguments of `ticket_row`."""
    return [
        {
            "number": "TKT-2026-00412",
            "subject": "Printer on the third floor shows error 49",
            "requester": "Jonas Berg",
            "seed": "jonas@nordlicht.example",
            "when": before(minutes=18),
            "status": "pending",
            "priority": "urgent",
            "unread": True,
            "current": True,
            "preview": "It began after Tuesday's update. A photo of the display and the log you wanted are attached.",
            "files": True,
            "assignee": "Nora Keller",
        },
        {
            "number": "TKT-2026-00409",
            "subject": "Invoice 2291 charged twice",
            "requester": "Maria Rossi",
            "when": before(hours=1),
            "status": "open",
            "unread": True,
            "count": 3,
            "tags": ["refund"],
            "viewer": "Tom",
            "preview": "My bank shows two bookings on the same day. Could you check and refund one of them, please?",
            "assignee": "Nora Keller",
        },
        {
            "number": "TKT-2026-00398",
            "subject": "Cannot add a second user",
            "requester": "Anna Lindqvist",
            "when": before(hours=3),
            "status": "pending",
            "count": 5,
            "draft": "Hello Anna, your plan has room for…",
            "assignee": "Nora Keller",
        },
        {
            "number": "TKT-2026-00391",
            "subject": "Rückfrage zur Bestellung 88-1204",
            "requester": "Dietmar Wolf",
            "when": before(hours=5),
            "status": "new",
            "preview": "Guten Tag, im Paket fehlte das Netzteil. Wie gehen wir vor?",
        },
        {
            "number": "TKT-2026-00377",
            "subject": "Export button does nothing",
            "requester": "Sam Okafor",
            "when": before(hours=26),
            "status": "in_progress",
            "priority": "high",
            "count": 2,
            "tags": ["bug"],
            "answered": True,
            "preview": "We see it too in the newest Firefox and are on it.",
            "assignee": "Tom Hale",
        },
        {
            "number": "TKT-2026-00360",
            "subject": "Delivery address has changed",
            "requester": "Li Wei",
            "when": before(days=2),
            "status": "open",
            "overdue": True,
            "assignee": "Nora Keller",
            "preview": "We moved to the house across the street; please send everything there from now on.",
        },
        {
            "number": "TKT-2026-00311",
            "subject": LONG,
            "requester": "a.very.long.address.of.somebody@department.example",
            "when": before(days=40),
            "status": "resolved",
            "preview": LONG,
        },
    ]


FILES = [
    {"name": "display.jpg", "size": 412_000, "url": "#"},
    {"name": "printer.log", "size": 18_300, "url": "#"},
    {"name": "setup.exe", "size": 2_100_000, "url": None, "reason": "refused: too large"},
]

PARTICULARS = [
    Shown("event", "calendar", "Invitation: Look at the printer together", ("Thu 26 Nov 2026, 10:00–11:30", "Room 4, third floor, Nordlicht Kontor Oslo", "every 2 weeks until 31 Dec 2026", "by Jonas Berg"), "#", "invitation.ics"),
    Shown("signed", "shield", "Signed as “Jonas Berg <jonas@nordlicht.example>” with S/MIME.", ("The signature was not checked.",)),
]  # fmt: skip
SECRET = [
    Shown("encrypted", "lock", "Encrypted with PGP.", ("It cannot be read here: whoever has the key can open the file.",), "#", "encrypted.asc"),
    Shown("event", "stop", f"Cancelled: {LONG}", ("Thu 26 Nov 2026, all day",), "#", "invitation.ics"),
]  # fmt: skip

INCOMING = (
    "Hello,\n\nour printer on the third floor has shown error 49 since this morning. Switching it off and on helps for "
    "about ten minutes. It began after Tuesday's update.\n\nThe maker's page says nothing useful: "
    "https://printers.example/errors/49.\n\nI attached a photo of the display."
)
QUOTED = "On Monday Nora Keller wrote:\n\nplease send us a photo of the display."
ANSWER = (
    "Hello Jonas,\n\nthank you for the photo, that is a known problem of 4.3. Please install 4.2 again; it takes two "
    "minutes. I keep this open until you tell me it prints.\n\nBest regards\nNora"
)


class AccountForm(Form):
    name = StringField("Name", default="Support", validators=[validators.InputRequired()])
    address = EmailField("Address", default="support@fjord.example")
    imap_host = StringField("IMAP server", default="imap.fjord.example")
    imap_port = IntegerField("Port", default=993)
    imap_security = SelectField("Security", choices=options(("tls", "TLS"), ("starttls", "STARTTLS")))
    imap_username = StringField("User name", default="support@fjord.example")
    imap_password = PasswordField("Password")
    folder = StringField("Folder", default="INBOX")
    smtp_host = StringField("SMTP server", default="smtp.fjord.example")
    smtp_port = IntegerField("Port", default=587)
    acknowledge = BooleanField("Answer new tickets with their number", default=True)
    signature = TextAreaField("Signature", default="Fjord Office\nsupport@fjord.example")
    poll = IntegerField("Look for mail every", default=300)


class TicketForm(Form):
    requester = EmailField("Customer", validators=[validators.Email()])
    account = SelectField(
        "Send from", choices=options(("1", "support@fjord.example"), ("2", "billing@fjord.example"))
    )
    subject = StringField("Subject", validators=[validators.InputRequired()])
    body = TextAreaField("What is it about?")
    priority = SelectField("Priority", choices=options(*PRIORITY_OPTIONS), default="medium")
    category = SelectField("Category", choices=options(*CATEGORY_OPTIONS))
    assignee = SelectField("Assignee", choices=options(*ASSIGNEE_OPTIONS))
    attachments = MultipleFileField("Attach files")


class SignInForm(Form):
    email = EmailField("E-mail address")
    password = PasswordField("Password")
    remember = BooleanField("Stay signed in on this device")


class SetupForm(Form):
    name = StringField("Your name")
    email = EmailField("Your e-mail address")
    password = PasswordField("Password")


class ChoiceForm(Form):
    then = RadioField(
        "After sending",
        choices=options(("stay", "Stay here"), ("next", "Open the next ticket")),
        default="stay",
    )


def wrong(form, **errors):
    """The form as a failed attempt leaves it."""
    for name, words in errors.items():
        form[name].errors = [words]
    return form


PICTURES = {
    "count": 3,
    "pixels": 1,
    "is_shown": False,
    "once_url": "/mail-frame",
    "always_url": "#",
    "sender": "jonas@nordlicht.example",
}
