"""Words of admins in real mails: filled once, as text and as HTML, for whom they are meant; and never in the way."""

import re

import pytest

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import EmailTemplate, User
from helpdesk.policy.mail_texts import MailText
from helpdesk.services import templates
from helpdesk.services.tickets import changing
from tests import factories
from tests.services.outbox.test_letters import say, send_all
from tests.services.outbox.told_mails import of_person, send_gathered, text_of


@pytest.fixture
def account(context):
    return factories.make_account(name="Example Support")


@pytest.fixture
def ticket(account):
    factories.make_customer()
    return factories.make_ticket(account, subject="Printer *shows* <b>49</b>")


def write(text, words, subject="{{subject}}", language="en", account=None, **values):
    with transaction() as session:
        session.add(
            EmailTemplate(
                name=text,
                language=language,
                account_id=account.id if account else None,
                subject=subject,
                words=words,
                created_at=utcnow(),
                **values,
            )
        )


def acknowledgement(account):
    return send_all(account)[0][1]


def test_words_of_an_admin_replace_the_built_in_ones_within_the_frame(account, ticket):
    write(
        MailText.CREATED,
        "Dear {{customer_name}},\n\n**we have it**: [look]({{ticket_link}}).\n\n{{ticket_details}}\n\n{{ticket_link}}\nSee you",
        subject="Got it: {{subject}}",
    )
    mail = acknowledgement(account)
    plain, html = text_of(mail).replace("\r\n", "\n"), text_of(mail, "html")
    assert re.match(r"\[TKT-\d{4}-00001\] Got it: Printer \*shows\* <b>49</b>$", mail["Subject"])
    assert plain.startswith("Dear Jonas Berg,\n\nwe have it: ")
    assert re.search(r"look \(https?://[^ )]+/tickets/1\)\.\n\nNumber: TKT-", plain)
    assert re.search(r"View ticket: https?://\S+/tickets/1\n\nSee you\n", plain)
    assert "Thank you for writing" not in plain + html and "because you wrote to us" in plain
    assert re.search(r"<strong[^>]*>we have it</strong>: <a href=\"https?://[^\"]+/tickets/1\"", html)
    assert "Printer *shows* &lt;b&gt;49&lt;/b&gt;" in html and "hd.invalid" not in plain + html
    assert html.index("See you") > html.index('class="hd-button-text"') > html.index('class="hd-facts"')


def test_what_a_value_holds_is_never_filled_read_or_linked(account, ticket):
    write(MailText.CREATED, "Hello {{customer_name}}! {{subject}}\n\n{{ticket_link}}")
    with transaction():
        user = db.session.get(User, ticket.requester_id)
        user.name = "Win {{ticket_number}} **now** \ue0000\ue001 https://evil.example/x"
        ticket.subject = "{{desk_name}} <img src=x> [a](https://evil.example)"
    mail = acknowledgement(account)
    html = text_of(mail, "html")
    assert "{{ticket_number}} **now**" in text_of(mail) and "{{ticket_number}} **now**" in html
    assert "{{desk_name}} &lt;img src=x&gt;" in html and "<img" not in html
    assert "evil.example" not in text_of(mail) + html and "\ue000" not in html


def test_an_accounts_words_win_over_the_desks_and_languages_stay_apart(account, ticket):
    write(MailText.CREATED, "Of the desk.")
    write(MailText.CREATED, "Of the account.", account=account)
    write(MailText.CREATED, "Vom Konto.", language="de", account=account)
    assert text_of(acknowledgement(account)).startswith("Of the account.")


def test_words_that_were_set_back_count_no_more(account, ticket):
    write(MailText.CREATED, "Old words.")
    write(MailText.CREATED, "", is_built_in=True)
    assert text_of(acknowledgement(account)).startswith("Thank you for writing.")


def test_the_footer_ends_every_mail(account, ticket):
    write(MailText.FOOTER, "{{desk_name}} Ltd, *Harbour Street 1*", subject="")
    mail = acknowledgement(account)
    assert (
        text_of(mail)
        .rstrip()
        .replace("\r\n", "\n")
        .split("\n-- \n")[1]
        .endswith("\n\nHelpdesk Ltd, Harbour Street 1")
    )
    assert re.search(r"Helpdesk Ltd, <em[^>]*>Harbour Street 1</em>", text_of(mail, "html"))


@pytest.mark.parametrize("words", ["Hello {{nobody}}", "{{message}}", ""])
def test_words_that_cannot_be_used_never_stop_a_mail(account, ticket, caplog, words):
    write(MailText.CREATED, words)
    write(MailText.FOOTER, "Harbour Street 1", subject="")
    text = text_of(acknowledgement(account))
    assert text.startswith("Thank you for writing.") and "Harbour Street 1" in text
    assert "own words left out" in caplog.text


def test_a_notification_says_what_happened_where_the_words_want_it(account, ticket):
    agent = factories.make_agent(accounts=[account])
    write(
        MailText.ASSIGNED,
        "Hi {{recipient_name}}, {{what_happened}}\n\n{{message}}\n{{ticket_details}}\n{{ticket_link}}",
        subject="Yours: {{subject}} ({{priority}})",
    )
    with transaction():
        changing.assign(ticket, agent, actor=None)
    mail = of_person(send_gathered(account.id), factories.AGENT)
    assert mail["Subject"].endswith("Yours: Printer *shows* <b>49</b> (Medium)")
    assert text_of(mail).startswith("Hi Nora Keller, This ticket is now yours.")
    assert "Customer: Jonas Berg" in text_of(mail) and 'class="hd-facts"' in text_of(mail, "html")


def test_an_answer_keeps_every_word_of_its_author(account, ticket):
    agent = factories.make_agent(accounts=[account])
    write(MailText.ANSWER, "{{agent_name}} writes about {{ticket_number}}:\n\n{{message}}\n\nBye.")
    say(ticket, agent)
    answer = next(mail for _, mail in send_all(account) if "Nora" in mail["From"])
    assert text_of(answer).startswith("Nora Keller writes about TKT-") and "Please install 4.2." in text_of(
        answer
    )
    assert text_of(answer).index("4.2.") < text_of(answer).index("Bye.")
    assert "Bye." in text_of(answer, "html")


def test_mails_nobody_edits_are_as_they_were(account):
    mail = templates.render(
        "test", language="en", account=account, desk_name="D", account_email="a@b", url="/"
    )
    assert "try out" in mail.text


def test_the_words_of_an_accounts_page_win_over_the_desks_but_not_over_its_own(account, ticket):
    with transaction():
        db.session.merge(account).acknowledgement_text = "From the page: {{ticket_number}}."
    write(MailText.CREATED, "Of the desk.")
    assert text_of(acknowledgement(account)).startswith("From the page: TKT-")
    factories.make_ticket(account, subject="Another")
    write(MailText.CREATED, "Of the account.", account=account)
    assert text_of(acknowledgement(account)).startswith("Of the account.")
