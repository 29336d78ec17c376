"""What tests of pages use: forms sent as a browser would, people signed in on clients of their own.

Everything is arranged before the first request and inside its own application context (decision 34): `desk` hands out
ids and addresses, never live objects.
"""

import re
from contextlib import contextmanager

import pytest

from helpdesk.extensions import limiter
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


@contextmanager
def arranging(app):
    """A context for factories and for looking at rows; closed again before any request."""
    with app.app_context():
        yield


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
