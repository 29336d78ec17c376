"""What an account says in its mails: signature and acknowledgement; and whom it gives new tickets."""

import pytest

from helpdesk.database import db, transaction
from helpdesk.models import EmailAccount, User
from tests import factories
from tests.services.outbox.test_letters import say, send_all
from tests.services.outbox.told_mails import send_gathered, to_whom


@pytest.fixture
def account(context):
    return factories.make_account(name="Example Support", from_name="Example Support")


@pytest.fixture
def ticket(account):
    factories.make_customer()
    return factories.make_ticket(account)


def text_of(mail, kind="plain"):
    return mail.get_body((kind,)).get_content().replace("\r\n", "\n")


def set_words(account, **values):
    with transaction():
        row = db.session.get(EmailAccount, account.id)
        for name, value in values.items():
            setattr(row, name, value)


def test_the_signature_ends_every_answer_and_is_text(account, ticket):
    set_words(account, signature="Your Example team\n<b>Bold Street 1</b>")
    agent = factories.make_agent(accounts=[account])
    say(ticket, agent)
    answer = next(mail for _, mail in send_all(account) if "Nora" in mail["From"])
    plain, html = text_of(answer), text_of(answer, "html")
    assert plain.index("Please install 4.2.") < plain.index("Your Example team\n<b>Bold") < plain.index("-- ")
    assert "&lt;b&gt;Bold Street 1" in html and "<b>Bold" not in html


def test_the_acknowledgement_has_the_accounts_own_words(account, ticket):
    words = "Hello {{customer_name}},\n\nwe got “{{subject}}” as {{ticket_number}}."
    set_words(account, acknowledgement_text=words)
    mail = send_all(account)[0][1]
    assert "Hello Jonas Berg,\n\nwe got “Printer shows error 49” as TKT-" in text_of(mail)
    assert "Thank you for writing" not in text_of(mail)
    assert ">Hello Jonas Berg,</p>" in text_of(mail, "html")


def test_a_strangers_name_carries_no_link_into_the_acknowledgement(account, ticket):
    set_words(account, acknowledgement_text="Hello {{customer_name}}!")
    with transaction():
        user = db.session.get(User, ticket.requester_id)
        user.name = "Win at https://evil.example/now <b>{{subject}}</b>"
    text = text_of(send_all(account)[0][1])
    assert "evil.example" not in text and "{{subject}}" in text


def test_new_tickets_go_to_the_default_assignee_who_is_told(account):
    agent = factories.make_agent(accounts=[account])
    set_words(account, default_assignee_id=agent.id)
    ticket = factories.make_ticket(account)
    assert ticket.assignee_id == agent.id
    assert factories.AGENT in map(to_whom, send_gathered(account.id))


def test_who_lost_access_gets_no_new_tickets(account):
    agent = factories.make_agent()
    set_words(account, default_assignee_id=agent.id)
    assert factories.make_ticket(account).assignee_id is None


def test_a_ticket_an_agent_opens_is_given_by_the_agent(account):
    agent = factories.make_agent(accounts=[account])
    set_words(account, default_assignee_id=agent.id)
    assert factories.make_ticket(account, created_by=agent).assignee_id is None
