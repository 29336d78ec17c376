"""`test-email-connectivity`, `send-test-email`, `email-monitor`, `send-emails`: the mail accounts from a terminal."""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime

import click
from flask.cli import with_appcontext

from helpdesk.cli.command import DeskCommand, chosen_account, fail, refresh_accounts, shown
from helpdesk.database import db, end_read, transaction
from helpdesk.errors import HelpdeskError, TransportError
from helpdesk.models import EmailAccount, EmailMessage, EmailPollLog
from helpdesk.models.mail import EmailState
from helpdesk.services import accounts, monitor, notifications, scheduled_delivery
from helpdesk.services.ingest.trace import reason_of
from helpdesk.services.monitor import Looks, Report
from helpdesk.services.outbox import deliver

PATIENCE_S = 60.0  # for a test mail a worker was faster to take
COLOURS = {"healthy": "green", "failing": "red", "paused": "yellow", "new": "cyan"}
DIVERTED = {
    "console": "No mail leaves the desk: EMAIL_BACKEND=console prints it instead.",
    "file": "No mail leaves the desk: EMAIL_BACKEND=file writes it into EMAIL_FILE_PATH instead.",
    "dummy": "No mail leaves the desk: EMAIL_BACKEND=dummy throws it away.",
}
COLUMNS = (
    "account",
    "state",
    "last fetch",
    "next fetch",
    "received",
    "sent",
    "waiting in",
    "waiting out",
    "attention",
    "looks",
    "failed",
    "found",
    "taken",
    "known",
    "seconds",
)

address_option = click.option("--email-address", help="The account with this address.")
id_option = click.option("--account-id", type=int, help="The account with this number.")


@click.command("test-email-connectivity", cls=DeskCommand)
@address_option
@id_option
@click.option(
    "--test-type",
    "kind",
    type=click.Choice(["imap", "pop3", "smtp", "all"]),
    default="all",
    show_default=True,
    help="Which way to try.",
)
@click.option("--send-test-email", "send", is_flag=True, help="Send a mail through it, too.")
@click.option("--to-email", help="Who gets that mail.")
@with_appcontext
def test_email_connectivity(
    *, email_address: str | None, account_id: int | None, kind: str, send: bool, to_email: str | None
) -> None:
    """Sign in to an account's servers and say what they answer."""
    if (email_address is not None) + (account_id is not None) != 1:
        raise click.UsageError("Give one of --email-address and --account-id.")
    if send != (to_email is not None):
        raise click.UsageError("--send-test-email and --to-email belong together.")
    refresh_accounts()
    account = chosen_account(email_address or str(account_id))
    trial = accounts.draft_of(account)
    end_read()
    if kind in ("imap", "pop3") and kind != trial.incoming_protocol:
        fail(f"{account.email} receives by {trial.incoming_protocol}, not by {kind}.")
    well = True
    if kind != "smtp":
        well &= _try("Receiving", accounts.try_incoming, trial)
    if kind in ("smtp", "all"):
        well &= _try("Sending", accounts.try_outgoing, trial)
        _warn_of_diversion()
    if to_email:
        well &= _send(account.id, to_email)
    sys.exit(0 if well else 1)


def _warn_of_diversion() -> None:
    if backend := accounts.diverted_to():
        click.secho(DIVERTED[backend], fg="yellow")


def _try(name: str, attempt: Callable[[EmailAccount], TransportError | None], account: EmailAccount) -> bool:
    began_at = time.monotonic()
    error = attempt(account)
    took = f"{time.monotonic() - began_at:.1f} s"
    if error is None:
        click.secho(f"{name}: works ({took})", fg="green")
        return True
    click.secho(f"{name}: {shown(error.user_message)} ({took})", fg="red")
    if error.detail:
        click.echo(f"  The server's words: {shown(error.detail)}")
    return False


@click.command("send-test-email", cls=DeskCommand)
@click.option("--to-email", required=True, help="Who gets the mail.")
@address_option
@id_option
@with_appcontext
def send_test_email(to_email: str, email_address: str | None, account_id: int | None) -> None:
    """Send a mail that says that sending works."""
    if email_address is not None and account_id is not None:
        raise click.UsageError(
            "Give one of --email-address and --account-id, or neither for the first account."
        )
    refresh_accounts()
    wanted = email_address or (str(account_id) if account_id is not None else None)
    sys.exit(0 if _send(chosen_account(wanted).id, to_email) else 1)


def _send(account_id: int, to: str) -> bool:
    try:
        with transaction():
            email_id = notifications.queue_test_mail(accounts.get(account_id), to, actor=None).id
    except HelpdeskError as error:
        fail(error.user_message)
    email = _delivered(account_id, email_id)
    if email.state is EmailState.SENT:
        if accounts.diverted_to():
            _warn_of_diversion()
        else:
            click.secho(f"The mail server has taken the mail to {shown(to)}.", fg="green")
        _tell_words(email)
        return True
    click.secho(
        f"The mail to {shown(to)} was not sent: {shown(reason_of(email) or email.state.value)}", fg="red"
    )
    _tell_words(email)
    if email.state is EmailState.QUEUED:
        click.echo("  It stays queued and is tried again.")
    return False


def _tell_words(email: EmailMessage) -> None:
    """Also when it was taken: services name the mail in their own log by them."""
    if email.detail:
        click.echo(f"  The server's words: {shown(email.detail)}")


def _delivered(account_id: int, email_id: int) -> EmailMessage:
    """The mail after the first try, ours or that of a worker who was faster."""
    deliver.drain(account_id)
    ends_at = time.monotonic() + PATIENCE_S
    while True:
        email = db.session.get_one(EmailMessage, email_id, populate_existing=True)
        is_untried = email.state is EmailState.QUEUED and not email.reason
        if not (is_untried or email.state is EmailState.SENDING) or time.monotonic() > ends_at:
            return email
        end_read()
        time.sleep(0.2)


@click.command("send-emails", cls=DeskCommand)
@with_appcontext
def send_emails() -> None:
    """Send what waits to be sent, as the worker does, and answers whose time for undoing is over."""
    refresh_accounts()
    scheduled_delivery.deliver_due()
    for account in accounts.all_accounts():
        end_read()
        deliver.drain(account.id)
    left = sum(report.waiting_out for report in monitor.reports(accounts.all_accounts()))
    click.echo(f"Still waiting: {left}")


@click.command("email-monitor", cls=DeskCommand)
@address_option
@click.option("--show-errors", is_flag=True, help="Tell what went wrong lately.")
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", help="How to print it."
)
@with_appcontext
def email_monitor(email_address: str | None, show_errors: bool, form: str) -> None:
    """Show how the mail accounts are doing; exits 1 when one of them fails."""
    refresh_accounts()
    chosen = [chosen_account(email_address)] if email_address else accounts.all_accounts()
    reports = monitor.reports(chosen)
    looks = defaultdict(Looks, monitor.looks([account.id for account in chosen]))
    if form == "json":
        click.echo(
            json.dumps(
                [_values(report, looks[report.account.id], show_errors) for report in reports],
                indent=2,
                ensure_ascii=False,
            )
        )
    else:
        _print_table(reports, looks)
        if show_errors:
            _print_errors(reports)
        _warn_of_diversion()
    sys.exit(1 if any(report.state == "failing" for report in reports) else 0)


def _print_table(reports: list[Report], looks: Mapping[int, Looks]) -> None:
    rows = [COLUMNS, *(_cells(report, looks[report.account.id]) for report in reports)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    for row, report in zip(rows, [None, *reports], strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        if report is not None:
            cells[1] = click.style(cells[1], fg=COLOURS[report.state])
        click.echo("  ".join(cells).rstrip())


def _cells(report: Report, looks: Looks) -> tuple[str, ...]:
    account = report.account
    took = monitor.seconds(report.polls[0]) if report.polls else None
    return (
        account.email,
        report.state,
        _minute(account.last_success_at),
        _minute(report.next_fetch_at),
        str(report.received),
        str(report.sent),
        str(report.waiting_in),
        str(report.waiting_out),
        str(report.for_a_person),
        *map(str, (looks.count, looks.failed, looks.found, looks.taken, looks.known)),
        "-" if took is None else f"{took:.1f}",
    )


def _print_errors(reports: list[Report]) -> None:
    for report in reports:
        account = report.account
        if account.consecutive_failures:
            click.secho(f"{account.email}: {account.consecutive_failures} times in a row", fg="red")
        for poll in report.polls:
            if poll.error:
                click.echo(f"  {account.email}  {_minute(poll.started_at)}  {shown(poll.error)}")
                if poll.error_detail:
                    click.echo(f"    The server's words: {shown(poll.error_detail)}")
            if poll.warning:
                told = shown(monitor.warning_of(poll))
                click.echo(f"  {account.email}  {_minute(poll.started_at)}  Note: {told}")


def _values(report: Report, looks: Looks, with_errors: bool) -> dict[str, object]:
    account = report.account
    values: dict[str, object] = {
        "id": account.id,
        "account": account.email,
        "kind": account.kind.value,
        "state": report.state,
        "last_fetch_at": _iso(account.last_fetch_at),
        "last_success_at": _iso(account.last_success_at),
        "next_fetch_at": _iso(report.next_fetch_at),
        "consecutive_failures": account.consecutive_failures,
        "last_error": account.last_error or None,
        "received": report.received,
        "sent": report.sent,
        "waiting_in": report.waiting_in,
        "waiting_out": report.waiting_out,
        "oldest_waiting_at": _iso(report.oldest_waiting_at),
        "attention": report.for_a_person,
        "sends_by": report.sends_by,
        "receives_by": account.incoming_protocol,
        "looks": asdict(looks),
        "polls": [_poll_values(poll) for poll in report.polls],
    }
    if with_errors:
        failed = [poll for poll in report.polls if poll.error]
        values["errors"] = [
            {"at": _iso(poll.started_at), "error": poll.error, "detail": poll.error_detail} for poll in failed
        ]
    return values


def _poll_values(poll: EmailPollLog) -> dict[str, object]:
    return {
        "at": _iso(poll.started_at),
        "seconds": monitor.seconds(poll),
        "found": poll.found,
        "taken": poll.taken,
        "known": poll.known,
        "error": poll.error or None,
        "warning": monitor.warning_of(poll) or None,
    }


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "-"


def _iso(moment: datetime | None) -> str | None:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else None


COMMANDS = (test_email_connectivity, send_test_email, send_emails, email_monitor)
