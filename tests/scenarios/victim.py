"""Does the desk's work in forked children that kill themselves with SIGKILL at the n-th change of state.

Started as a process of its own: reads a number per line, forks, and prints how the child ended. 0 means: work without
being killed, in this very process, which thereby has compiled what its children need.
A change of state is every begin and end of a commit, of an fsync and of a rename. Nothing in the product knows of it.
"""

import os
import signal
import sys
import traceback

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from config import load_config
from helpdesk.app import create_app
from helpdesk.database import db, transaction
from helpdesk.mail.types import MailFile
from helpdesk.models import ScheduledReply, Ticket
from helpdesk.services import accounts, environment, fetch, people, scheduled, scheduled_delivery
from helpdesk.services.ingest import process
from helpdesk.services.outbox import deliver

AGENT = "nora@desk.example"


def arm(step_to_die_at):
    """Count steps, and die at that one."""
    left = step_to_die_at

    def step(*_):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Session, "before_commit", step)
    event.listen(Session, "after_commit", step)
    for name in ("fsync", "replace", "rename"):
        setattr(os, name, around(getattr(os, name), step))


def around(function, step):
    def called(*arguments, **options):
        step()
        result = function(*arguments, **options)
        step()
        return result

    return called


def answer_everything():
    """An agent presses Send on every ticket he has not answered yet; his time for undoing is none."""
    agent = people.find_user(AGENT)
    answered = select(ScheduledReply.ticket_id)
    ids = list(db.session.scalars(select(Ticket.id).where(Ticket.id.not_in(answered)))) if agent else []
    for ticket_id in ids:
        ticket = db.session.get(Ticket, ticket_id)
        file = MailFile("answer.txt", "text/plain", b"%d" % ticket_id)
        ready = scheduled.prepare(ticket, f"Answer to {ticket.number}", [file], actor=agent)
        with transaction():
            scheduled.schedule(ticket, ready, actor=agent, form_key=f"the-form-of-ticket-{ticket_id}")


def work(app):
    """One turn: fetch, process, answer, send. Leaves no connection behind that a child could inherit."""
    with app.app_context():
        environment.sync_account()
        ids = [account.id for account in accounts.all_accounts()]
        for account_id in ids:
            fetch.fetch_account(account_id, force=True)
        process.drain()
        answer_everything()
        scheduled_delivery.deliver_due()
        for account_id in ids:
            deliver.drain(account_id)
        db.session.remove()
        db.engine.dispose()


def killed_at(step, app):
    """Work in a child that dies at this step, or ends before it."""
    child = os.fork()
    if child == 0:
        arm(step)
        try:
            work(app)
        except BaseException:
            traceback.print_exc()
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def main():
    app = create_app(load_config(ENV_FILE=None))
    print("ready", flush=True)
    for line in sys.stdin:
        if step := int(line):
            print(killed_at(step, app), flush=True)
        else:
            work(app)
            print(0, flush=True)


if __name__ == "__main__":
    main()
