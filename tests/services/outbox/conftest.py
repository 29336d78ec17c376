"""A desk with one account, an agent and a ticket."""

import pytest

from tests import factories


@pytest.fixture
def account(context):
    return factories.make_account()


@pytest.fixture
def agent(account):
    return factories.make_agent(accounts=[account])


@pytest.fixture
def ticket(account):
    return factories.make_ticket(account)
