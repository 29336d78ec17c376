"""What tests of pages use: forms sent as a browser would, people signed in on clients of their own.

Everything is arranged before the first request and inside its own application context: `desk` hands out
ids and addresses, never live objects.
"""

import re

import pytest

from helpdesk import storage
from helpdesk.database import db, transaction, utcnow
from helpdesk.extensions import limiter
from helpdesk.mail.types import MailFile
from helpdesk.models import EmailMessage, Notification, SenderRule, User
from helpdesk.models.mail import Direction, EmailState
from helpdesk.models.trays import Tray
from helpdesk.policy.envelope import Recipients
from helpdesk.policy.senders import Verdict
from helpdesk.services import attachments, participants, queries, scheduled, sessions, settings, tags
from helpdesk.services.tickets import comments
from tests import factories
from tests.factories import PASSWORD

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


def csrf_of(client, path="/sign-in"):
    """A token of this client's session, read from a page as a browser would."""
    return TOKEN.search(client.get(path, follow_redirects=True).text)[1]


def send(client, path, _page="/profile", **fields):
    """POST a form with the token of `_page`."""
    return client.post(path, data=fields | {"csrf_token": csrf_of(client, _page)})


def sign_in(client, email, password=PASSWORD):
    return send(client, "/sign-in", "/sign-in", email=email, password=password)


def browser(app, user_id=None):
    """A client of its own, signed in without a form when there is a person."""
    client = app.test_client()
    if user_id is not None:
        with app.app_context(), transaction():
            token = sessions.start(db.session.get(User, user_id), user_agent="Browser", ip="127.0.0.1")
        with client.session_transaction() as session:
            session["_user_id"] = token
    return client


class Desk(dict):
    """Ids and numbers of what was made, by name."""

    app = None

    def rows(self):
        """Everything stored, to compare; when somebody was last seen is no change."""
        with self.app.app_context():
            return {
                table.name: sorted(
                    repr(
                        [
                            value
                            for column, value in zip(table.columns, row, strict=True)
                            if column.name != "last_seen_at"
                        ]
                    )
                    for row in db.session.execute(table.select())
                )
                for table in db.metadata.sorted_tables
            }


@pytest.fixture(autouse=True)
def _fresh_counters(app):
    with app.app_context():
        if limiter._fallback_storage is not None:
            limiter._fallback_storage.reset()


@pytest.fixture
def team(app):
    """An admin, an agent with access, one without, and two customers with a ticket each; ids by name."""
    with app.app_context():
        account = factories.make_account()
        people = {
            "admin": factories.make_admin(),
            "agent": factories.make_agent(accounts=[account]),
            "other_agent": factories.make_agent(factories.OTHER_AGENT, "Tom Hale"),
            "customer": factories.make_customer(password=PASSWORD),
            "other_customer": factories.make_customer(factories.OTHER_CUSTOMER, "Maria Rossi", PASSWORD),
        }
        ids = {name: user.id for name, user in people.items()}
        ticket = factories.make_ticket(account)
        other = factories.make_ticket(account, factories.OTHER_CUSTOMER, subject="Invoice twice")
        return ids | {"account": account.id, "ticket": ticket.number, "other_ticket": other.number}


@pytest.fixture
def desk(app, team):
    """The team's desk with a designed mail, a file and a mail that failed on the customer's ticket."""
    with app.app_context(), transaction():
        settings.put("contact_form", True)
        ticket = queries.by_number(team["ticket"])
        staged = attachments.stage([MailFile("log.txt", "text/plain", b"a line")])
        words = comments.Words("More words", html="<p>More <b>words</b></p>", files=staged)
        comment = comments.add_incoming(
            ticket, words, address=ticket.requester_address, actor=ticket.requester
        )
        file = comment.attachments[0].token
        blob = storage.keep(storage.stage(b"From: x@y.example\n\nwords"))
        email = EmailMessage(
            account_id=team["account"], direction=Direction.IN, state=EmailState.FAILED, reason="It was odd.",
            tray=Tray.FAILED, raw_sha256=blob, size=24, created_at=utcnow(), transport_key="INBOX/1/1",
        )  # fmt: skip
        db.session.add(email)
        db.session.flush()
        waiting = scheduled.schedule(
            ticket, scheduled.Ready(ticket.id, "Soon", Recipients((ticket.requester_address.email,)), ()),
            actor=db.session.get(User, team["agent"]), form_key="form-of-a-waiting-answer",
        )  # fmt: skip
        told = Notification(
            user_id=team["agent"], ticket_id=ticket.id, event_id=1, kind="assigned", created_at=utcnow()
        )
        tag, spare_tag = (tags.add(ticket, name, actor=None) for name in ("Printing", "Scanning"))
        copied = participants.add(ticket, "colleague@customer.example", actor=None)
        db.session.add(told)
        db.session.flush()
        rule = SenderRule(
            account_id=team["account"], pattern="spam.example", verdict=Verdict.BLOCK, created_at=utcnow()
        )
        db.session.add(rule)
        db.session.flush()
        person = next(p.id for p in ticket.participants if p.address_id == copied.id)
        found = Desk(
            team
            | {
                "notification": told.id,
                "participant": person,
                "comment": comment.id,
                "file": file,
                "email": email.id,
                "reply": waiting.id,
                "tag": tag.id,
                "spare_tag": spare_tag.id,
                "rule": rule.id,
            }
        )
    found.app = app
    return found
