"""The whole circle on real processes, a real IMAP server, a real SMTP server and a real browser.

A customer's mail becomes a ticket and is acknowledged; an agent answers in the browser; the answer arrives as mail in
the same thread; the customer's reply to that mail becomes a comment and no new ticket; the ticket is resolved. Then Outlook
answers it by nothing but Thread-Index, what comes back of ours makes no ticket, and one click unsubscribes.
"""

import email
import email.policy
import urllib.request
from email.message import EmailMessage
from email.utils import make_msgid
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests import factories
from tests.scenarios.desk import wait_for
from tests.services.answering import WORDS, answer_to, outlook
from tests.services.test_unreachable import report

CUSTOMER = factories.CUSTOMER


def read(mail):
    return email.message_from_bytes(mail.raw, policy=email.policy.default)


def mails_to(sink, address):
    return [mail for mail in sink.mails() if address in mail.recipients]


def customers_mail(subject, text, *, reply_to=None, files=()):
    mail = EmailMessage()
    mail["From"] = f"Jonas Berg <{CUSTOMER}>"
    mail["To"] = factories.SUPPORT
    mail["Subject"] = subject
    mail["Message-ID"] = make_msgid(domain="customer.example")
    if reply_to is not None:
        mail["In-Reply-To"] = reply_to["Message-ID"]
        mail["References"] = reply_to["Message-ID"]
    mail.set_content(text)
    for name, data in files:
        mail.add_attachment(data, maintype="image", subtype="jpeg", filename=name)
    return mail


@pytest.mark.browser
@pytest.mark.processes
def test_the_circle(running_desk, inbox, sink, page, execute):
    desk = running_desk

    # the customer writes
    photo = b"\xff\xd8\xff\xe0 a photo"
    first = customers_mail(
        "Drucker: Fehler 49", "Hello,\nit does not print.\n", files=[("display.jpg", photo)]
    )
    inbox.deliver(first.as_bytes())
    wait_for(lambda: desk.tickets(), seconds=30, what="the ticket")
    (ticket,) = desk.tickets()
    number = ticket["number"]
    assert (ticket["subject"], ticket["status"], ticket["requester"]) == (
        "Drucker: Fehler 49",
        "new",
        CUSTOMER,
    )

    # and is told the number
    (acknowledgement,) = wait_for(lambda: mails_to(sink, CUSTOMER), seconds=30, what="the acknowledgement")
    told = read(acknowledgement)
    assert told["Subject"] == f"[{number}] Drucker: Fehler 49"
    assert told["Auto-Submitted"] == "auto-replied"
    assert told["In-Reply-To"] == first["Message-ID"]

    # the agent finds it in the browser and answers
    page.goto(f"{desk.url}/sign-in")
    page.get_by_label("E-mail address").fill(factories.AGENT)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{desk.url}/tickets?view=unassigned")
    page.get_by_role("link", name="Drucker: Fehler 49").first.click()
    expect(page.get_by_role("heading", name="Drucker: Fehler 49")).to_be_visible()
    expect(page.get_by_text("it does not print.").first).to_be_visible()
    expect(page.get_by_text("display.jpg").first).to_be_visible()
    composer = page.get_by_role("form", name="Answer or note")
    composer.get_by_label("Your text").fill("Please install 4.2.\n\nNora")
    composer.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Please install 4.2.").first).to_be_visible()

    # the answer arrives in the same thread
    answers = wait_for(lambda: mails_to(sink, CUSTOMER)[1:], seconds=30, what="the answer")
    answer = read(answers[0])
    assert answer["Subject"] == f"[{number}] Drucker: Fehler 49"
    assert "Please install 4.2." in answer.get_body(("plain",)).get_content()
    assert "Please install 4.2." in answer.get_body(("html",)).get_content()
    assert first["Message-ID"] in answer["References"]
    assert answer["Auto-Submitted"] is None

    # an internal note leaves the team in no way
    page.goto(page.url)
    composer.get_by_text("Internal note").click()
    composer.get_by_label("Your text").fill("canary-of-the-team")
    composer.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("canary-of-the-team").first).to_be_visible()

    # the customer replies to that very mail
    reply = customers_mail(
        "AW: no number in here",
        "Thanks, it prints!\n\nOn Mon, 2 Nov 2026 at 10:11, Nora Keller <support@desk.example> wrote:\n> Please install 4.2.\n",
        reply_to=answer,
    )
    inbox.deliver(reply.as_bytes())
    wait_for(lambda: len(desk.ticket(number)["comments"]) == 4, seconds=30, what="the reply on the ticket")
    assert len(desk.tickets()) == 1
    said = desk.ticket(number)
    assert [c["kind"] for c in said["comments"]] == ["incoming", "reply", "note", "incoming"]
    assert said["comments"][3]["text"] == "Thanks, it prints!"
    assert "> Please install 4.2." in said["comments"][3]["full_text"]
    assert said["status"] == "open"

    # and the agent resolves it
    page.reload()
    expect(page.get_by_text("Thanks, it prints!").first).to_be_visible()
    page.get_by_role("button", name="Resolve").first.click()
    wait_for(lambda: desk.ticket(number)["status"] == "resolved", what="resolving")

    assert not [mail for mail in mails_to(sink, CUSTOMER) if b"canary-of-the-team" in mail.raw]
    assert len(mails_to(sink, CUSTOMER)) == 2

    # Outlook answers by way of an Exchange that rewrites ids: only Thread-Index is left
    inbox.deliver(answer_to(answer, outlook, "thread-index", sender=f"Jonas Berg <{CUSTOMER}>"))
    wait_for(lambda: len(desk.ticket(number)["comments"]) == 5, seconds=60, what="the answer by Thread-Index")
    again = desk.ticket(number)
    assert (again["comments"][4]["text"], again["status"]) == (WORDS, "open")

    # a copy of ours, and a report that the answer did not arrive
    inbox.deliver(answers[0].raw)
    inbox.deliver(report(answer["Message-ID"].strip("<>"), to=CUSTOMER))
    of_answer = "SELECT state FROM email_message WHERE purpose = 'reply'"
    wait_for(lambda: execute(of_answer) == [("bounced",)], seconds=60, what="the report on the answer")
    assert len(desk.tickets()) == 1
    page.goto(page.url)
    expect(page.get_by_text("Message came back").first).to_be_visible()

    # and the button of the customer's mail program, without a cookie
    link = f"{desk.url}{urlsplit(told['List-Unsubscribe'].strip('<>')).path}"
    with urllib.request.urlopen(link, data=b"List-Unsubscribe=One-Click", timeout=30) as page_:
        assert page_.status == 200
    (muted,) = execute("SELECT muted_notifications FROM \"user\" WHERE role = 'customer'")
    assert "ticket_created" in str(muted)
    assert desk.flask("doctor") == "All is well.\n"
