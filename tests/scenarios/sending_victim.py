"""Sends over two connections at once in forked children that kill themselves with SIGKILL at the n-th statement.

Started as a process of its own with the port of a mail server and a stride; ends when a child got through alive. Prints
how many were killed, and the recipients of everything that was queued. Nothing in the product knows of it.
"""

import json
import os
import signal
import sys
import traceback
from datetime import timedelta

from sqlalchemy import event, func, select, update

from config import load_config
from helpdesk.app import create_app
from helpdesk.database import db, transaction, utcnow
from helpdesk.models import EmailAccount, EmailMessage, SendSlot
from helpdesk.models.mail import EmailState
from helpdesk.services import settings
from helpdesk.services.outbox import deliver, queue
from tests import factories
from tests.services.outbox.mails import queue_mail

WAITING = (EmailState.QUEUED, EmailState.SENDING)
MOST_TURNS = 400


def make_account(port):
    with transaction():
        settings.instance_id()
    return factories.make_account(
        outgoing_port=port, outgoing_security="plain", send_connections=2, sends_per_minute=10_000,
        sends_per_hour=100_000,
    ).id  # fmt: skip


def queue_some(turn, account_id):
    """A customer's ticket, which is acknowledged by a mail made when it is sent, and three answers on two tickets."""
    account = db.session.get(EmailAccount, account_id)
    names = [f"{word}{turn}@customer.example" for word in ("one", "two", "three", "asked", "other")]
    ticket, other = (factories.make_ticket(account, requester=name) for name in names[3:])
    for name, about in zip(names[:3], (ticket, ticket, other), strict=True):
        queue_mail(account, ticket=ticket if about is ticket else other, to=(name,))
    db.session.remove()
    return names


def arm(step_to_die_at):
    left = step_to_die_at

    def step(*_):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    for moment in ("before_cursor_execute", "commit"):
        event.listen(db.engine, moment, step)


def killed_at(step, app, account_id):
    """True when the child died at this step, False when its work ended before."""
    child = os.fork()
    if child == 0:
        try:
            with app.app_context():
                arm(step)
                deliver.drain(account_id)
        except BaseException:
            traceback.print_exc()
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def let_time_pass():
    past = utcnow() - timedelta(hours=1)
    with transaction() as session:
        session.execute(update(EmailAccount).values(send_lease_until=past))
        session.execute(update(SendSlot).values(lease_until=past))
        mine = update(EmailMessage).where(EmailMessage.state.in_(WAITING))
        session.execute(mine.values(due_at=past))
        session.execute(mine.where(EmailMessage.claimed_until.is_not(None)).values(claimed_until=past))


def bring_to_rest(account_id):
    waits = select(func.count(EmailMessage.id)).where(EmailMessage.state.in_(WAITING))
    for _ in range(10):
        let_time_pass()
        deliver.drain(account_id)
        if not db.session.scalar(waits):
            return
        db.session.rollback()
    raise AssertionError("something waits for ever")


def main(port, stride):
    app = create_app(load_config(ENV_FILE=None))
    names, turn, was_killed = [], 0, True
    with app.app_context():
        account_id = make_account(port)
        while was_killed and turn < MOST_TURNS:
            names += queue_some(turn, account_id)
            db.engine.dispose()
            was_killed = killed_at(1 + turn * stride, app, account_id)
            bring_to_rest(account_id)
            turn += 1
        assert queue.accounts_due() == []
    print(json.dumps({"killed": turn - 1, "recipients": names}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
