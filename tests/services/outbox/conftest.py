"""A desk with one account, an agent and a ticket."""

import pytest

from tests import factories
from tests.servers.fixtures import sink, smtp_sink  # noqa: F401


@pytest.fixture
def account(context):
    """An account that acknowledges nothing, so that a test's mails are those it queues itself."""
    return factories.make_account(is_acknowledging=False)


@pytest.fixture
def agent(account):
    return factories.make_agent(accounts=[account])


@pytest.fixture
def ticket(account):
    return factories.make_ticket(account)
