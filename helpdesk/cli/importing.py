"""`import-mail`: an mbox file or a Maildir of old mail becomes tickets, with a bar that shows how far it is."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask.cli import with_appcontext

from helpdesk.cli.command import DeskCommand, chosen_account, fail, refresh_accounts
from helpdesk.database import end_read
from helpdesk.errors import HelpdeskError
from helpdesk.models.mail import EmailState
from helpdesk.policy.status import Status
from helpdesk.services.mail_import import MailImport, Summary

AS_THEY_COME = "open"
STATUSES = (Status.CLOSED.value, Status.RESOLVED.value, AS_THEY_COME)
WENT_WRONG = (EmailState.FAILED.value, EmailState.RECEIVED.value, EmailState.PROCESSING.value)


@click.command("import-mail", cls=DeskCommand)
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--account", "wanted", required=True, help="The account it belongs to: address or number.")
@click.option(
    "--status",
    type=click.Choice(STATUSES),
    default=Status.CLOSED.value,
    show_default=True,
    help="What its tickets are in the end; open: as the mails themselves make them.",
)
@click.option("--dry-run", is_flag=True, help="Say what is in it; take nothing over.")
@with_appcontext
def import_mail(path: Path, wanted: str, status: str, dry_run: bool) -> None:
    """Take over the old mail in PATH, an mbox file or a Maildir, at its own dates; nobody is mailed or notified."""
    refresh_accounts()
    account_id = chosen_account(wanted).id
    end_read()
    try:
        archive = MailImport(account_id, path)
    except HelpdeskError as error:
        fail(error.user_message)
    if archive.mails:
        first, last = archive.mails[0].date, archive.mails[-1].date
        click.echo(f"{len(archive.mails)} mails from {first:%Y-%m-%d} to {last:%Y-%m-%d}")
    else:
        click.echo("There is no mail in it.")
    if dry_run:
        click.secho("Dry run: nothing was taken over.", fg="yellow")
        return
    _end(_run(archive, None if status == AS_THEY_COME else Status(status)))


def _run(archive: MailImport, status: Status | None) -> Summary:
    """With a bar on a terminal; stopped or killed, the same command goes on."""
    with click.progressbar(length=len(archive.mails), label="Taking over", file=sys.stderr) as bar:
        return archive.run(status, bar.update)


def _end(summary: Summary) -> None:
    states = summary.states
    errors = sum(states.pop(state, 0) for state in WENT_WRONG)
    created, updated = states.pop("opened", 0), states.pop("appended", 0)
    line = f"Created: {created}  Updated: {updated}  Known: {summary.known}  Errors: {errors}"
    line += "".join(f"  {word.capitalize()}: {count}" for word, count in sorted(states.items()))
    click.secho(line, fg="red" if errors else "green", bold=True)
    if errors:
        click.echo("The mail log tells of each what went wrong. What still waits is tried again by itself.")
    sys.exit(1 if errors else 0)


COMMANDS = (import_mail,)
