"""Mail services many people use: their servers, and what people must know before they let them in."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext as _


@dataclass(frozen=True, slots=True)
class Provider:
    """A mail service many people use: its servers, and what they must know before it lets them in."""

    key: str
    name: str
    domains: frozenset[str]
    incoming: tuple[str, int, str]
    outgoing: tuple[str, int, str]
    pop3: str
    hint: str
    takes_no_passwords: bool = False

    def incoming_by(self, protocol: str) -> tuple[str, int, str]:
        """Host, port and security of the server mail is fetched from."""
        return (self.pop3, 995, "tls") if protocol == "pop3" else self.incoming


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
        frozenset({"outlook.com", "hotmail.com", "live.com"}),
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
        "yahoo",
        "Yahoo",
        frozenset({"yahoo.com", "yahoo.de", "ymail.com"}),
        ("imap.mail.yahoo.com", 993, "tls"),
        ("smtp.mail.yahoo.com", 465, "tls"),
        "pop.mail.yahoo.com",
        _("Yahoo wants an app password here. Make one in your Yahoo account."),
    ),
)


def provider_of(key: str | None, email: str | None) -> Provider | None:
    """The chosen provider, else the one the address belongs to."""
    domain = (email or "").rpartition("@")[2].strip().lower()
    chosen = (p for p in PROVIDERS if p.key == key)
    return next(chosen, None) or next((p for p in PROVIDERS if domain in p.domains), None)
