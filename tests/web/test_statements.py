"""How many questions the pages that are open all day ask the database: as many for a full desk as for an empty one.

Statements are counted and not seconds, so that a busy machine fails nothing. A page that asks once more than its bound
does not become wrong, but somebody should know why.
"""

from contextlib import contextmanager

import pytest
from sqlalchemy import event

from helpdesk.database import db, transaction
from helpdesk.mail.types import MailFile
from helpdesk.models import User
from helpdesk.services import attachments, following, participants, queries, tags
from helpdesk.services.tickets import comments
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.web.conftest import browser

LIST, TICKET, OWN_LIST, OWN_TICKET = "/tickets", "/tickets/{ticket}", "/my/tickets", "/my/tickets/{ticket}"
BOUNDS = [
    ("agent", LIST, 19),
    ("admin", LIST, 14),
    ("agent", TICKET, 40),
    ("customer", OWN_LIST, 8),
    ("customer", OWN_TICKET, 8),
]


@contextmanager
def counted(app):
    """The statements sent while the block runs."""
    sent = []
    listener = lambda *args: sent.append(args[2])  # noqa: E731
    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", listener)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", listener)


def fill(app, desk):
    """More of everything these pages show, from people who have no name."""
    with app.app_context():
        ticket_id, nora_id = queries.by_number(desk["ticket"]).id, desk["agent"]
        account = queries.by_number(desk["ticket"]).account
        made = [
            ticket_id,
            *(factories.make_ticket(account, f"nameless{n}@customer.example").id for n in range(4)),
        ]
        made += [factories.make_ticket(account).id for _ in range(4)]
        staged = [attachments.stage([MailFile(f"{n}.txt", "text/plain", b"a line")]) for n in range(3)]
        with transaction():
            nora = db.session.get(User, nora_id)
            for ticket in [db.session.get(queries.Ticket, one) for one in made]:
                comments.add_note(ticket, Words("Look at this."), actor=nora)
                for name in ("Printing", "Urgent", f"only {ticket.id}"):
                    tags.add(ticket, name, actor=nora)
                following.follow(ticket, actor=nora)
            ticket = db.session.get(queries.Ticket, ticket_id)
            following.follow(ticket, actor=db.session.get(User, desk["admin"]))
            for n, files in enumerate(staged):
                words = Words(f"Words {n}", html="<p>Words</p>", files=files)
                comments.add_incoming(ticket, words, address=ticket.requester_address, actor=ticket.requester)
                participants.add(ticket, f"copy{n}@customer.example", actor=nora)


@pytest.mark.parametrize(("who", "path", "bound"), BOUNDS)
def test_a_page_asks_the_same_few_questions_however_full_the_desk_is(app, desk, who, path, bound):
    client, path = browser(app, desk[who]), path.format(ticket=desk["ticket"])
    client.get(path)
    with counted(app) as before:
        assert client.get(path).status_code == 200
    fill(app, desk)
    with counted(app) as after:
        assert client.get(path).status_code == 200
    # + 2: what is not asked where there is nothing yet
    assert len(after) <= len(before) + 2, sorted(set(after) - set(before))
    assert len(after) <= bound, after
