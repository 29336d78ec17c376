"""Two administrators who shut each other out at the same moment: one of them stays."""

import threading

import pytest
from sqlalchemy import func, select

from helpdesk.database import db, transaction
from helpdesk.errors import HelpdeskError
from helpdesk.models import User
from helpdesk.policy.status import Role
from helpdesk.services import members
from tests import factories


def deactivate(user, actor):
    members.deactivate(user, actor=actor)


def demote(user, actor):
    members.change(user, role=Role.AGENT, account_ids=(), actor=actor)


@pytest.mark.parametrize("shut_out", [deactivate, demote])
def test_of_two_admins_who_shut_each_other_out_at_once_one_stays(app, shut_out):
    with app.app_context():
        ada, max_ = factories.make_admin().id, factories.make_admin("max@desk.example", "Max").id

    def other_way():
        with app.app_context():
            try:
                with transaction() as session:
                    shut_out(session.get(User, ada), session.get(User, max_))
            except HelpdeskError:
                pass
            db.session.remove()

    thread = threading.Thread(target=other_way)
    with app.app_context():
        with transaction() as session:
            shut_out(session.get(User, max_), session.get(User, ada))
            session.flush()
            thread.start()
            thread.join(0.7)
        thread.join(15)
        db.session.rollback()
        left = select(func.count()).select_from(User).where(User.role == Role.ADMIN, User.is_active)
        assert db.session.scalar(left) == 1
