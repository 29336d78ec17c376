"""How much an account may send, set in its form."""

import pytest
from sqlalchemy import select

from helpdesk.database import db
from helpdesk.models import EmailAccount
from tests import factories
from tests.web.conftest import browser, send
from tests.web.test_setup import FORM

PACE = ("sends_per_minute", "sends_per_hour", "send_connections")


@pytest.fixture
def ada(app):
    with app.app_context():
        user_id = factories.make_admin().id
    return browser(app, user_id)


def stored(app):
    with app.app_context():
        found = db.session.scalars(select(EmailAccount)).one_or_none()
        return found and [getattr(found, name) for name in PACE]


def save(client, *pace, path="/admin/accounts/new"):
    return send(client, path, **FORM | dict(zip(PACE, pace, strict=False)))


def test_limits_and_connections_are_kept_and_shown_again(app, ada):
    assert save(ada, "30", "500", "3").status_code == 303
    assert stored(app) == [30, 500, 3]
    page = ada.get("/admin/accounts/1").text
    for name, value in zip(PACE, ("30", "500", "3"), strict=True):
        assert f'name="{name}" type="number" value="{value}"' in page.replace(" required", "")
    assert save(ada, "0", "", "1", path="/admin/accounts/1").status_code == 303
    assert stored(app) == [0, 500, 1], "what is left empty stays"


@pytest.mark.parametrize("pace", [("-1",), ("many",), ("0", "0", "0"), ("0", "0", "6"), ("10001",)])
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_stored(app, ada, pace):
    answer = save(ada, *pace)
    assert answer.status_code == 422
    assert pace[-1] in answer.text
    assert stored(app) is None


def test_without_them_an_account_has_no_limit_and_one_connection(app, ada):
    assert save(ada).status_code == 303
    assert stored(app) == [0, 0, 1]
