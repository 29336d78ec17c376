"""A desk with one account, agents and a ticket, and faults of the machine below the services."""

import pytest

from tests import factories
from tests.servers.small_disk import small_disk  # noqa: F401


@pytest.fixture
def account(context):
    """An account that acknowledges nothing, so that a test's mails are those it queues itself."""
    return factories.make_account(is_acknowledging=False)


@pytest.fixture
def agent(account):
    return factories.make_agent(accounts=[account])


@pytest.fixture
def nora(agent):
    """The agent by her name, where there are two."""
    return agent


@pytest.fixture
def tom(account):
    return factories.make_agent(factories.OTHER_AGENT, "Tom Hale", accounts=[account])


@pytest.fixture
def ticket(account):
    return factories.make_ticket(account)
