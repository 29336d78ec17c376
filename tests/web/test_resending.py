"""A message that was not sent: the server's words and what can be done, each a plain form."""

import re

from helpdesk.database import db, transaction
from helpdesk.models import EmailMessage
from helpdesk.services.outbox.deliver import drain
from helpdesk.transports.base import Delivery
from tests.factories import CUSTOMER
from tests.fakes import FakeSender
from tests.web.conftest import browser, send
from tests.web.test_writing import agent, let_time_pass, look, url, write  # noqa: F401


def hand_over(app, team, *outcomes):
    with app.app_context():
        drain(team["account"], sender=FakeSender(*outcomes))


def replies_of(app):
    return [m for m in look(app, EmailMessage) if m.purpose in ("reply", "resent")]


def test_a_message_that_was_not_sent_says_why_and_what_can_be_done(app, agent, team):  # noqa: F811
    write(agent, team)
    let_time_pass(app)
    hand_over(app, team, Delivery("250", {CUSTOMER: (550, "5.2.2 mailbox full")}))
    page = agent.get(url(team)).text
    for words in (
        "Message not sent",
        "5.2.2 mailbox full",
        "Send again",
        "Edit and send again",
        "To somebody else…",
    ):
        assert words in page
    customer = browser(app, team["customer"]).get(f"/my/tickets/{team['ticket']}").text
    assert "mailbox full" not in customer
    (mail,) = replies_of(app)
    page = agent.get(send(agent, url(team, f"/mails/{mail.id}/edit")).location).text
    assert ">Please restart it.</textarea>" in page
    assert "Taken back to be written anew" in page
    assert "Message not sent" not in page
    for act in ("edit", "retry"):
        response = send(agent, url(team, f"/mails/{mail.id}/{act}"))
        assert response.status_code in (303, 409)
    assert replies_of(app)[0].state == "cancelled"


def test_a_mail_is_sent_once_more_to_who_is_chosen(app, agent, team):  # noqa: F811
    write(agent, team)
    let_time_pass(app)
    hand_over(app, team)
    (mail,) = replies_of(app)
    path = url(team, f"/mails/{mail.id}/resend")
    assert path in agent.get(url(team)).text
    assert f'name="to" value="{CUSTOMER}"' in agent.get(path).text
    refused = send(agent, path)
    assert (refused.status_code, "Please choose who" in refused.text) == (422, True)
    key = re.search(r'name="form_id" value="([^"]+)"', refused.text)[1]
    for _click in range(2):
        assert "It is sent once more" in agent.get(send(agent, path, to=CUSTOMER, form_id=key).location).text
    assert len(replies_of(app)) == 2
    assert "Sent once more to Jonas Berg" in agent.get(url(team)).text
    hand_over(app, team, Delivery("250", {CUSTOMER: (550, "5.2.2 mailbox full")}))
    page = agent.get(url(team)).text
    assert "Message not sent" in page
    assert "An automatic mail was not delivered" not in page


def test_a_mail_of_the_desk_itself_is_neither_edited_nor_sent_to_somebody_else(app, agent, team):  # noqa: F811
    with app.app_context(), transaction():
        notice = db.session.query(EmailMessage).filter_by(purpose="ticket_created").first()
        notice_id, number = notice.id, notice.ticket_id
    for act in ("edit", "resend"):
        assert send(agent, f"/tickets/{number}/mails/{notice_id}/{act}").status_code == 404
