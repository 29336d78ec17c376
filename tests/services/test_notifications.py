"""What is queued at once: acknowledgements with their caps, links to the right address, mails that try an account."""

import threading
from datetime import timedelta
from itertools import product
from string import ascii_lowercase

import pytest
from sqlalchemy import update

from helpdesk import storage
from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import InvalidInput
from helpdesk.models import EmailAccount, EmailMessage, LoginToken
from helpdesk.services import links, notifications, people, replies
from helpdesk.services.links import Purpose
from helpdesk.services.tickets import comments, opening
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.services.outbox.mails import outgoing


@pytest.fixture
def account(context):
    return factories.make_account()


def purposes():
    return [(email.purpose, email.recipients["to"]) for email in outgoing()]


def test_a_new_ticket_is_acknowledged_without_bytes_yet(account):
    ticket = factories.make_ticket(account)
    (email,) = outgoing()
    assert (email.purpose, email.ticket_id, email.raw_sha256) == ("ticket_created", ticket.id, None)
    assert email.recipients["to"] == [factories.CUSTOMER]


def test_a_ticket_from_the_portal_is_acknowledged_too(account):
    with transaction():
        address = people.address_for(factories.CUSTOMER)
        opening.open_ticket(
            account=account, requester=address, subject="Hello", words=Words("x"), actor=address.user
        )
    assert purposes() == [("ticket_created", [factories.CUSTOMER])]


@pytest.mark.parametrize("automatic", ["reply", "bulk", "generated", "unverified"])
def test_machines_are_not_answered(account, automatic):
    factories.make_ticket(account, automatic=automatic)
    assert not outgoing()


@pytest.mark.parametrize("email", ["no-reply@shop.example", "MAILER-DAEMON@x.example", "sales@desk.example"])
def test_nobody_is_acknowledged_who_does_not_read_it_or_is_ourselves(account, email):
    factories.make_account("sales@desk.example")
    factories.make_ticket(account, requester=email)
    assert not outgoing()


def test_an_account_can_be_silent(context):
    factories.make_ticket(factories.make_account(is_acknowledging=False))
    assert not outgoing()


def test_what_an_agent_opens_is_not_acknowledged(account, agent):
    prepared = replies.prepare_opening(account, factories.CUSTOMER, "s", "t", actor=agent)
    with transaction():
        replies.open_and_send(prepared, actor=agent)
    assert [purpose for purpose, _ in purposes()] == ["reply"]


def age_mails(**duration):
    with transaction() as session:
        for email in session.query(EmailMessage):
            email.created_at -= timedelta(**duration)


WORDS = iter("".join(pair) for pair in product(ascii_lowercase, repeat=2))


def ask(account, **values):
    """A ticket that says what no other says."""
    return factories.make_ticket(account, text=f"A question about {next(WORDS)}.", **values)


def test_what_differs_in_numbers_alone_is_acknowledged_once(account):
    for number in range(3):
        factories.make_ticket(
            account, subject=f"Alarm {number}", text=f"Disk {number} is {90 + number} % full."
        )
    assert len(outgoing()) == 1
    factories.make_ticket(account, subject="Alarm 4", text="Disk 4 is gone.")
    assert len(outgoing()) == 2


def test_an_address_gets_two_an_hour_and_five_a_day(account):
    for _ in range(4):
        ask(account)
    assert len(outgoing()) == 2
    ask(account, requester=factories.OTHER_CUSTOMER)
    assert len(outgoing()) == 3, "another address has its own count"
    for expected in (5, 6, 6):  # two more, then the fifth of the day, then none
        age_mails(hours=2)
        for _ in range(3):
            ask(account)
        assert len(outgoing()) == expected
    age_mails(hours=23)
    ask(account)
    assert len(outgoing()) == 7


def test_four_workers_with_mails_of_one_sender_acknowledge_two(app, account):
    factories.make_customer()
    start, account_id, done = threading.Barrier(4), account.id, []
    db.session.rollback()

    def run():
        with app.app_context():
            start.wait()
            ask(db.session.get(EmailAccount, account_id))
            done.append(True)
            db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(done) == 4
    assert len(outgoing()) == 2


def test_further_mail_on_a_ticket_is_not_acknowledged(account):
    ticket = factories.make_ticket(account)
    with transaction():
        address = people.address_for(factories.CUSTOMER)
        comments.add_incoming(ticket, Words("And now?"), address=address, actor=address.user)
    assert len(outgoing()) == 1


@pytest.mark.parametrize(
    ("purpose", "path"),
    [
        (Purpose.SIGN_IN, "/sign-in/link/"),
        (Purpose.INVITATION, "/invitation/"),
        (Purpose.PASSWORD, "/password/"),
    ],
)
def test_a_link_goes_to_its_address_and_its_token_stands_in_no_column(account, caplog, purpose, path):
    customer = factories.make_customer()
    with transaction():
        token = links.issue(purpose, customer, customer.addresses[0])
        email = notifications.queue_link_mail(purpose, customer.addresses[0], token)
    assert email.recipients["to"] == [factories.CUSTOMER]
    assert email.urgency == 0
    raw = storage.read(email.raw_sha256).replace(b"=\r\n", b"")
    assert f"{path}{token}".encode() in raw
    (row,) = outgoing()
    assert token not in str(
        {column.name: getattr(row, column.name) for column in EmailMessage.__table__.columns}
    )
    assert token not in caplog.text


def test_links_go_out_through_the_first_active_account(account):
    second = factories.make_account("second@desk.example")
    customer = factories.make_customer()
    with transaction() as session:
        session.execute(update(EmailAccount).where(EmailAccount.id == account.id).values(is_active=False))
    with transaction():
        email = notifications.queue_link_mail(Purpose.SIGN_IN, customer.addresses[0], "token")
        assert email.account_id == second.id


@pytest.mark.parametrize("trouble", [{"is_sending": False}, {"sending_failing_since": utcnow()}])
def test_a_link_takes_an_account_that_sends_where_there_is_one(account, trouble):
    second = factories.make_account("second@desk.example")
    customer = factories.make_customer()
    with transaction() as session:
        session.execute(update(EmailAccount).where(EmailAccount.id == account.id).values(**trouble))
    with transaction():
        email = notifications.queue_link_mail(Purpose.SIGN_IN, customer.addresses[0], "token")
        assert email.account_id == second.id


def test_a_desk_without_an_account_sends_no_link_and_says_so_in_the_log(context, caplog):
    customer = factories.make_customer()
    with transaction():
        assert notifications.queue_link_mail(Purpose.SIGN_IN, customer.addresses[0], "token") is None
    assert "was not sent" in caplog.text
    assert db.session.query(LoginToken).count() == 0


def test_an_account_is_tried_out_by_a_mail(account):
    admin = factories.make_admin()
    with transaction():
        email = notifications.queue_test_mail(account, "me@elsewhere.example", actor=admin)
    assert (email.purpose, email.recipients["to"]) == ("test", ["me@elsewhere.example"])
    assert factories.SUPPORT.encode() in storage.read(email.raw_sha256)
    with pytest.raises(InvalidInput), transaction():
        notifications.queue_test_mail(account, "nobody", actor=admin)
