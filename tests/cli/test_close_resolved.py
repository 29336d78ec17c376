"""`flask close-resolved`, as cron calls it."""

from datetime import timedelta

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import Ticket
from helpdesk.policy.status import Status
from helpdesk.services.tickets import changing
from tests import factories


def test_a_dry_run_lists_and_a_run_closes(app):
    with app.app_context():
        ticket = factories.make_ticket(factories.make_account(), subject="Toner")
        with transaction():
            changing.set_status(ticket, Status.RESOLVED, actor=None)
            ticket.resolved_at = utcnow() - timedelta(days=8)
    run = app.test_cli_runner().invoke
    dry = run(args=["close-resolved", "--dry-run"])
    assert dry.exit_code == 0
    assert "Toner" in dry.output and "Dry run: 1 would be closed." in dry.output
    assert "Closed: 1" in run(args=["close-resolved"]).output
    assert "Closed: 0" in run(args=["close-resolved"]).output
    with app.app_context():
        assert db.session.query(Ticket).one().status is Status.CLOSED
