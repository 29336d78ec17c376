"""Small functions that make what a test needs, with sensible defaults. Each opens its own transaction."""

from email.message import EmailMessage as Mail
from email.utils import format_datetime, make_msgid

from helpdesk.database import transaction, utcnow
from helpdesk.mail.headers import normalise_address
from helpdesk.models import EmailAccount
from helpdesk.policy.status import Role
from helpdesk.services import passwords, people
from helpdesk.services.tickets import comments, opening

PASSWORD = "correct horse battery"
ADMIN, AGENT, OTHER_AGENT = "ada@desk.example", "nora@desk.example", "tom@desk.example"
CUSTOMER, OTHER_CUSTOMER, STRANGER = "jonas@customer.example", "maria@other.example", "sam@stranger.example"
SUPPORT = "support@desk.example"


def make_account(email=SUPPORT, **values):
    now = utcnow()
    defaults = {
        "name": email.split("@")[0].title(),
        "incoming_host": "127.0.0.1",
        "outgoing_host": "127.0.0.1",
        "start_at": now,
        "created_at": now,
    }
    with transaction() as session:
        account = EmailAccount(email=email, address=normalise_address(email), **(defaults | values))
        session.add(account)
        session.flush()
        account_id = account.id
    return session.get(EmailAccount, account_id)


def make_person(email, role, name="", password=None, accounts=()):
    hashed = passwords.hash_password(password) if password else None
    with transaction():
        user = people.create_user(email, role, name=name)
        user.password_hash = hashed
        if role is not Role.CUSTOMER:
            people.set_grants(user, [account.id for account in accounts], actor=None)
    return user


def make_admin(email=ADMIN, name="Ada Lovelace", password=PASSWORD):
    return make_person(email, Role.ADMIN, name, password)


def make_agent(email=AGENT, name="Nora Keller", password=PASSWORD, accounts=()):
    """An agent with access to `accounts` and to nothing else."""
    return make_person(email, Role.AGENT, name, password, accounts)


def make_customer(email=CUSTOMER, name="Jonas Berg", password=None):
    return make_person(email, Role.CUSTOMER, name, password)


def make_ticket(
    account, requester=CUSTOMER, subject="Printer shows error 49", text="It does not print.", **values
):
    """A ticket as a mail from `requester` would have opened it."""
    with transaction():
        address = people.address_for(requester)
        ticket, _ = opening.open_ticket(
            account=account,
            requester=address,
            subject=subject,
            words=comments.Words(text),
            actor=address.user,
            from_email=True,
            **values,
        )
    return ticket


def make_mail(
    sender=f"Jonas Berg <{CUSTOMER}>",
    to=SUPPORT,
    subject="Printer shows error 49",
    text="It does not print.\n",
    html=None,
    files=(),
    message_id=None,
    **headers,
):
    """The bytes of an ordinary mail; `headers` add fields, underscores for hyphens."""
    mail = Mail()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Date"] = format_datetime(utcnow())
    mail["Message-ID"] = message_id or make_msgid(domain="customer.example")
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    for filename, content_type, data in files:
        maintype, subtype = content_type.split("/")
        mail.add_attachment(data, maintype=maintype, subtype=subtype, filename=filename)
    return mail.as_bytes()
