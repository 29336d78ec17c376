"""Mail services many people use: their servers, and what people must know before they let them in."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext as _

Server = tuple[str, int, str]  # host, port, security
MAILBOXES, SENDING = _("Mailboxes"), _("Only for sending")
SES = _("Amazon SES, by region")


@dataclass(frozen=True, slots=True)
class Provider:
    """A mail service many people use: its servers, and what they must know before it lets them in.

    One that only sends has no `incoming`; `user` is what it calls everybody who signs in to send, "" for a name of one's own.
    """

    key: str
    name: str
    domains: frozenset[str]
    incoming: Server | None
    outgoing: Server
    pop3: str
    hint: str
    takes_no_passwords: bool = False
    group: str = MAILBOXES
    user: str = ""

    def incoming_by(self, protocol: str) -> Server | None:
        """Host, port and security of the server mail is fetched from; None when there is none."""
        return (self.pop3, 995, "tls") if protocol == "pop3" and self.incoming else self.incoming


def _sending(key: str, name: str, host: str, hint: str, *, user: str = "", group: str = SENDING) -> Provider:
    """A service mail is only sent through, from any address of a domain it knows to be ours."""
    return Provider(key, name, frozenset(), None, (host, 587, "starttls"), "", hint, group=group, user=user)


# Sources: the providers' own pages on SMTP, read in November 2026; docs/mailboxes.md says the same.
_SES_HINT = _(
    "Make SMTP credentials in the console of SES, in this very region: they are not the access keys of AWS (IAM). Verify "
    "your domain there, and leave the sandbox, in which only verified addresses get mail."
)
_SENDGRID_HINT = _(
    "The user is the word apikey, the password an API key with the right to send mail. Verify your domain, and switch "
    "click tracking off: it leads the links of your answers through SendGrid."
)
_MAILGUN_HINT = _(
    "User and password are the SMTP credentials of your sending domain, such as postmaster@mg.example.com; its API key is "
    "not taken. The region is the one the domain was added in."
)
_POSTMARK_HINT = _(
    "Make an SMTP token in the settings of a message stream: the access key is the user, the secret key the password. The "
    "server's API token as both works too, and sends by the transactional stream; but a user is shown on this page."
)
SES_REGIONS = {
    "us-east-1": "N. Virginia", "us-east-2": "Ohio", "us-west-1": "N. California", "us-west-2": "Oregon",
    "ca-central-1": "Canada", "sa-east-1": "São Paulo", "eu-central-1": "Frankfurt", "eu-west-1": "Ireland",
    "eu-west-2": "London", "eu-west-3": "Paris", "eu-north-1": "Stockholm", "eu-south-1": "Milan",
    "ap-south-1": "Mumbai", "ap-northeast-1": "Tokyo", "ap-northeast-2": "Seoul", "ap-northeast-3": "Osaka",
    "ap-southeast-1": "Singapore", "ap-southeast-2": "Sydney", "ap-southeast-3": "Jakarta", "me-south-1": "Bahrain",
    "il-central-1": "Tel Aviv", "af-south-1": "Cape Town",
}  # fmt: skip
PROVIDERS = (
    Provider(
        "gmail",
        "Gmail",
        frozenset({"gmail.com", "googlemail.com"}),
        ("imap.gmail.com", 993, "tls"),
        ("smtp.gmail.com", 587, "starttls"),
        "pop.gmail.com",
        _(
            "Google wants an app password here, not the one you sign in with: make one in your Google account. Or choose "
            "the permission (OAuth 2), and connect the account after saving."
        ),
    ),
    Provider(
        "microsoft",
        "Microsoft 365",
        frozenset(),
        ("outlook.office365.com", 993, "tls"),
        ("smtp.office365.com", 587, "starttls"),
        "outlook.office365.com",
        _(
            "Microsoft takes no passwords for IMAP any more: the desk signs in with a permission (OAuth 2), and you connect "
            "the account after saving. Ask your administrator to allow IMAP and SMTP for the mailbox."
        ),
        takes_no_passwords=True,
    ),
    Provider(
        "outlook",
        "Outlook.com, Hotmail",
        frozenset({"outlook.com", "outlook.de", "hotmail.com", "hotmail.de", "live.com", "live.de"}),
        ("outlook.office365.com", 993, "tls"),
        ("smtp-mail.outlook.com", 587, "starttls"),
        "outlook.office365.com",
        _(
            "Microsoft takes no passwords here any more: the desk signs in with a permission (OAuth 2), and you connect the "
            "account after saving. Switch IMAP on first: Settings, Mail, Forwarding and IMAP at Outlook.com."
        ),
        takes_no_passwords=True,
    ),
    Provider(
        "yahoo",
        "Yahoo",
        frozenset({"yahoo.com", "yahoo.de", "ymail.com"}),
        ("imap.mail.yahoo.com", 993, "tls"),
        ("smtp.mail.yahoo.com", 465, "tls"),
        "pop.mail.yahoo.com",
        _("Yahoo wants an app password here. Make one in your Yahoo account."),
    ),
    _sending("sendgrid", "SendGrid", "smtp.sendgrid.net", _SENDGRID_HINT, user="apikey"),
    _sending("sendgrid-eu", "SendGrid (EU)", "smtp.eu.sendgrid.net", _SENDGRID_HINT, user="apikey"),
    _sending("mailgun", "Mailgun (US)", "smtp.mailgun.org", _MAILGUN_HINT),
    _sending("mailgun-eu", "Mailgun (EU)", "smtp.eu.mailgun.org", _MAILGUN_HINT),
    _sending("postmark", "Postmark", "smtp.postmarkapp.com", _POSTMARK_HINT),
    *(
        _sending(
            f"ses-{region}", f"{region} ({place})", f"email-smtp.{region}.amazonaws.com", _SES_HINT, group=SES
        )
        for region, place in SES_REGIONS.items()
    ),
)


def provider_of(key: str | None, email: str | None) -> Provider | None:
    """The chosen provider, else the one the address belongs to."""
    domain = (email or "").rpartition("@")[2].strip().lower()
    chosen = (p for p in PROVIDERS if p.key == key)
    return next(chosen, None) or next((p for p in PROVIDERS if domain in p.domains), None)
