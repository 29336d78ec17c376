"""Spam by the mail server's word: put away, told to nobody, and brought back by one click."""

import pytest
from sqlalchemy import select, update

from helpdesk.database import db, transaction
from helpdesk.errors import Forbidden, InvalidInput
from helpdesk.models import EmailAccount, SenderRule, Ticket
from helpdesk.models.trays import SpamCheck, Tray
from helpdesk.policy.senders import Verdict
from helpdesk.policy.status import Disposition
from helpdesk.services import bulk, queries, senders, trays
from helpdesk.services.queries import TicketFilter
from helpdesk.services.tickets import changing, setting_aside
from tests import factories
from tests.factories import CUSTOMER, STRANGER, make_mail
from tests.services.arrivals import receive
from tests.services.outbox.mails import outgoing

FLAG = {"X_Spam_Flag": "YES"}
SCORED = {"X_Spam_Status": "No, score=4.9 required=8.0"}


@pytest.fixture
def account(context):
    return factories.make_account()


def ticket_of(row):
    return db.session.get(Ticket, row.ticket_id)


def believe(account, check, score=5.0):
    with transaction() as session:
        session.execute(
            update(EmailAccount)
            .where(EmailAccount.id == account.id)
            .values(spam_check=check, spam_score=score)
        )


def listed(user, **chosen):
    db.session.rollback()
    return [row.ticket.id for row in queries.list_tickets(user, TicketFilter(statuses=(), **chosen)).rows]


def test_spam_is_a_ticket_in_no_list_that_nobody_is_told_of(account, agent):
    with transaction() as session:
        session.get(EmailAccount, account.id).default_assignee_id = agent.id
    (row,) = receive(account, make_mail(**FLAG))
    ticket = ticket_of(row)
    assert (row.state, ticket.disposition, outgoing()) == ("opened", Disposition.SPAM, [])
    assert (row.trace[-3]["step"], row.trace[-3]["params"]) == ("spam", {"header": "X-Spam-Flag"})
    assert (listed(agent), listed(agent, disposition=Disposition.SPAM)) == ([], [ticket.id])
    assert queries.counts(agent).all == 0 and db.session.scalar(select(trays.spam_count(agent))) == 1


def test_what_was_no_spam_stands_on_top_and_its_agent_is_told_as_of_a_new_ticket(account, agent):
    with transaction() as session:
        session.get(EmailAccount, account.id).default_assignee_id = agent.id
    spam, other = receive(account, make_mail(**FLAG), make_mail(sender=STRANGER))
    admin = factories.make_admin()
    with transaction():
        setting_aside.restore(ticket_of(spam), actor=admin)
    assert listed(agent) == [spam.ticket_id, other.ticket_id]
    told = outgoing(ticket_id=spam.ticket_id)
    assert [(m.purpose, m.recipients["to"]) for m in told] == [("notification", [agent.email])]


def test_marking_by_hand_and_back_tells_nobody_anything(account, agent):
    (row,) = receive(account, make_mail())
    before = len(outgoing())
    for _ in range(2):
        with transaction():
            setting_aside.mark_spam(ticket_of(row), actor=agent)
    with transaction():
        changing.assign(ticket_of(row), agent, actor=None)
    with transaction():
        setting_aside.restore(ticket_of(row), actor=agent)
    assert len(outgoing()) == before and listed(agent) == [row.ticket_id]
    with pytest.raises(Forbidden), transaction():
        setting_aside.mark_spam(ticket_of(row), actor=ticket_of(row).requester)


@pytest.mark.parametrize(
    ("check", "limit", "headers", "is_spam"),
    [
        (SpamCheck.OFF, 5, FLAG, False),
        (SpamCheck.VERDICT, 5, SCORED, False),
        (SpamCheck.SCORE, 5, SCORED, False),
        (SpamCheck.SCORE, 4.5, SCORED, True),
        (SpamCheck.SCORE, 9, FLAG | {"X_Spam_Score": "8.9"}, False),
        (SpamCheck.SCORE, 9, {"X_MS_Exchange_Organization_SCL": "6"}, True),
    ],
)
def test_an_account_says_how_much_it_believes(account, check, limit, headers, is_spam):
    believe(account, check, limit)
    (row,) = receive(account, make_mail(**headers))
    assert (ticket_of(row).disposition is Disposition.SPAM) is is_spam
    assert any(step["step"] == "spam" for step in row.trace) is is_spam


def test_an_answer_is_heard_whatever_a_filter_says(account):
    first, answer = receive(
        account, make_mail(message_id="<a@x.example>"), make_mail(In_Reply_To="<a@x.example>", **FLAG)
    )
    assert (answer.state, answer.ticket_id) == ("appended", first.ticket_id)
    assert ticket_of(first).disposition is Disposition.NORMAL
    assert [step["counted"] for step in answer.trace if step["step"] == "spam"] == [False]


def test_who_is_always_let_in_is_no_spammer_but_may_still_flood(account, agent):
    with transaction():
        senders.add("customer.example", Verdict.ALLOW, account_id=account.id, actor=agent)
    rows = receive(account, *(make_mail(subject=f"{n}", **FLAG) for n in range(11)))
    assert {ticket_of(row).disposition for row in rows[:10]} == {Disposition.NORMAL}
    assert rows[10].tray is Tray.HELD
    (stranger,) = receive(account, make_mail(sender=STRANGER, **FLAG))
    assert ticket_of(stranger).disposition is Disposition.SPAM


def test_blocking_the_sender_makes_the_ticket_spam(account, agent):
    (row,) = receive(account, make_mail())
    with transaction():
        setting_aside.block_sender(ticket_of(row), actor=agent)
    assert ticket_of(row).disposition is Disposition.SPAM
    assert [r.pattern for r in db.session.scalars(select(SenderRule))] == [CUSTOMER]
    (own,) = receive(account, make_mail(sender=agent.email, subject="From a colleague"))
    with pytest.raises(InvalidInput), transaction():
        setting_aside.block_sender(ticket_of(own), actor=agent)
    assert ticket_of(own).disposition is Disposition.NORMAL


def test_many_tickets_become_spam_at_once_and_are_brought_back(account, agent):
    rows = receive(account, make_mail(), make_mail(sender=STRANGER))
    formers = []
    for row in rows:
        with transaction():
            formers += bulk.apply(ticket_of(row), bulk.Wish(disposition=Disposition.SPAM), actor=agent)
    assert listed(agent) == []
    for number, found in bulk.read(bulk.sign(formers, actor=agent), actor=agent).items():
        with transaction():
            bulk.undo(queries.by_number(number), found, actor=agent)
    assert len(listed(agent)) == 2
