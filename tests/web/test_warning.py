"""Before an answer or a forward is sent: whom it would not reach, in the server's words, and what can be done about it."""

from helpdesk.database import transaction
from helpdesk.models import ScheduledReply
from helpdesk.services.outbox import unreachable
from tests.factories import CUSTOMER
from tests.web.test_forwarding import forward, of_ticket
from tests.web.test_writing import agent, look, url, write  # noqa: F401

GONE = "gone@customer.example"
WORDS = "550 5.1.1 no such user here"


def lose(app, *emails):
    with app.app_context(), transaction():
        for email in emails:
            unreachable.note(email, status="5.1.1", words=WORDS, email_id=None)


def left_out(app, *emails):
    with app.app_context():
        return sorted(unreachable.among(emails, for_answer=True))


def test_an_address_typed_just_now_stops_the_answer_once_and_says_why(app, agent, team):  # noqa: F811
    lose(app, GONE)
    response = write(agent, team, cc=GONE.upper(), bcc="boss@elsewhere.example")
    assert response.status_code == 422
    for words in (
        f"Mail to {GONE.upper()} has come back",
        WORDS,
        "leaves this address out",
        ">Please restart it.</textarea>",
    ):
        assert words in response.text
    assert f'name="warned" value="{GONE.upper()}"' in response.text
    assert look(app, ScheduledReply) == []
    assert write(agent, team, cc=GONE, warned=GONE, revision_reply="1").status_code == 303
    assert left_out(app, GONE) == [GONE]


def test_the_writer_may_try_it_again_and_only_whom_he_writes_to(app, agent, team):  # noqa: F811
    lose(app, CUSTOMER, GONE)
    page = agent.get(url(team)).text
    assert f'name="warned" value="{CUSTOMER}"' in page  # said before anything is typed
    assert GONE not in page
    write(agent, team, warned=CUSTOMER, reach=[CUSTOMER, GONE])
    assert left_out(app, CUSTOMER, GONE) == [GONE]
    assert len(look(app, ScheduledReply)) == 1


def test_a_note_is_stopped_by_nothing_and_a_forward_by_the_same(app, agent, team):  # noqa: F811
    lose(app, CUSTOMER, GONE)
    assert write(agent, team, body="To us", kind="note").status_code == 303
    first = of_ticket(app, team)
    response = forward(agent, team, first, to=GONE)
    assert (response.status_code, WORDS in response.text) == (422, True)
    assert ">Can you help?</textarea>" in response.text
    assert forward(agent, team, first, to=GONE, warned=GONE, reach=GONE).status_code == 303
    assert left_out(app, GONE) == []
