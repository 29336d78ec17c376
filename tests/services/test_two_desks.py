"""Two of our desks write to each other: a few mails, then silence."""

import re
import shutil
from email import message_from_bytes
from email.policy import default
from email.utils import make_msgid

import pytest
from sqlalchemy import select, update

from helpdesk.database import db, transaction
from helpdesk.models import Counter, EmailAccount, EmailMessage, Ticket
from helpdesk.policy.status import Status
from helpdesk.services import people
from helpdesk.services.ingest import process, store
from helpdesk.services.outbox import deliver
from helpdesk.services.tickets import changing
from tests import factories
from tests.conftest import make_app
from tests.factories import CUSTOMER, make_mail
from tests.fakes import FakeSender

ONE, OTHER = "support@one.example", "help@other.example"


class Side:
    """One desk: takes mail in, gives mail out."""

    def __init__(self, app, address):
        self.app, self.address = app, address
        with app.app_context():
            self.account_id = factories.make_account(address, takes_plus_addresses=True).id
            factories.make_admin(f"admin@{address.partition('@')[2]}")
            with transaction() as session:  # no number is known on both sides
                session.execute(update(Counter).values(value=1000 if address == ONE else 1))

    def turn(self, incoming):
        """Take these mails in; return what is sent, however long a notification gathers."""
        with self.app.app_context():
            account = db.session.get(EmailAccount, self.account_id)
            for raw in incoming:
                store.store_raw(account, raw)
            process.drain()
            with transaction() as session:
                for mail in session.scalars(select(EmailMessage).where(EmailMessage.state == "queued")):
                    mail.due_at = mail.created_at
            sender = FakeSender()
            deliver.drain(self.account_id, sender=sender)
            return sender.sent

    def close_everything(self):
        with self.app.app_context(), transaction():
            admin = people.find_user(f"admin@{self.address.partition('@')[2]}")
            for ticket in db.session.scalars(select(Ticket)).all():
                changing.set_status(ticket, Status.RESOLVED, actor=admin)

    def states(self):
        with self.app.app_context():
            return [
                row.state.value
                for row in db.session.scalars(select(EmailMessage).where(EmailMessage.direction == "in"))
            ]


@pytest.fixture
def sides(database_url, app, tmp_path, sqlite_template):
    folder = tmp_path / "other"
    folder.mkdir()
    shutil.copy(sqlite_template, folder / "helpdesk.sqlite3")
    other = make_app(folder, SECRET_KEY="another-key-for-tests-only-0123456789")
    yield Side(app, ONE), Side(other, OTHER)
    with other.app_context():
        db.session.remove()
        db.engine.dispose()


def stripped(raw):
    """The mail as a relay hands it on that keeps nothing a desk could know another desk by."""
    mail = message_from_bytes(raw, policy=default)
    for name in set(mail.keys()) - {
        "From",
        "To",
        "Subject",
        "Date",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    }:
        del mail[name]
    mail["Message-ID"] = make_msgid(domain="relay.example")
    return mail.as_bytes()


def without_numbers(raw):
    """One that takes the ticket's number out of the subject as well."""
    mail = message_from_bytes(stripped(raw), policy=default)
    subject = mail["Subject"]
    del mail["Subject"]
    mail["Subject"] = re.sub(r"\[[^]]*\] *", "", subject)
    return mail.as_bytes()


def exchange(sides, first, *, way=bytes):
    """Carry mail between the two until neither has anything to say; return how many went each way.

    `way` is what happens to each mail between them.
    """
    waiting, count = dict(zip(sides, first, strict=True)), 0
    for _ in range(15):
        sent = {side: side.turn(waiting[side]) for side in sides}
        waiting = {
            side: [way(m.raw) for from_ in sides for m in sent[from_] if side.address in m.recipients]
            for side in sides
        }
        count += sum(map(len, waiting.values()))
        if not any(waiting.values()):
            return count
    raise AssertionError(f"still writing after {count} mails")


def test_a_mail_from_one_desk_to_the_other_ends_in_silence(sides):
    question = make_mail(f"Support <{ONE}>", to=OTHER, subject="A question")
    assert exchange(sides, ([], [question])) <= 2


def test_a_customer_who_writes_to_both_starts_no_conversation_between_them(sides):
    mail = make_mail(CUSTOMER, to=f"{ONE}, {OTHER}", subject="Who can help?")
    assert exchange(sides, ([mail], [mail])) <= 2


def test_closing_tickets_on_both_sides_ends_in_silence(sides):
    mail = make_mail(CUSTOMER, to=f"{ONE}, {OTHER}", subject="Who can help?")
    exchange(sides, ([mail], [mail]))
    for side in sides:
        side.close_everything()
    assert exchange(sides, ([], [])) <= 4
    assert "failed" not in sides[0].states() + sides[1].states()


@pytest.mark.parametrize("way", [stripped, without_numbers])
def test_a_relay_that_strips_every_header_makes_them_no_more_talkative(sides, way):
    """Nothing tells a machine's mail from a person's but what it says: the second answer repeats the first."""
    question = make_mail(f"Support <{ONE}>", to=OTHER, subject="A question about the printer")
    assert exchange(sides, ([], [question]), way=way) <= 2
    assert {"held", "opened"} >= set(sides[0].states() + sides[1].states()) and "held" in sides[1].states()
