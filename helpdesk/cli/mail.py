"""`process-emails`, `poll-emails`, `ingest-email`: mail comes in by hand or by cron, without Redis and without workers."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable
from typing import IO

import click
from flask import current_app
from flask.cli import with_appcontext

from helpdesk.cli.command import (
    KEEP_IT,
    NO_MAIL,
    DeskCommand,
    TakingCommand,
    chosen_account,
    fail,
    refresh_accounts,
    shown,
)
from helpdesk.database import db
from helpdesk.errors import HelpdeskError
from helpdesk.models import EmailAccount, EmailMessage, Ticket
from helpdesk.models.mail import EmailState
from helpdesk.services import fetch, settings
from helpdesk.services.ingest import process, store
from helpdesk.services.ingest.story import as_text
from helpdesk.services.ingest.trace import reason_of

COLOURS = {
    EmailState.OPENED: "green",
    EmailState.APPENDED: "green",
    EmailState.FAILED: "red",
    EmailState.RECEIVED: "red",
    EmailState.HELD: "yellow",
}
OTHERS_S = 10.0  # how long to wait for mail that a worker of the running desk took first
PIPE_S = 60.0  # a mail server waits for us, and more may come: workers do the rest
DRY_RUN = "Dry run: nothing was stored here and nothing changed on the server."

verbose_option = click.option("--verbose", is_flag=True, help="Tell every step of every mail.")
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Say what would happen and why; change nothing."
)
limit_option = click.option("--limit", type=click.IntRange(min=1), help="Take at most so many mails.")
folder_option = click.option("--folder", help="Read this folder instead of the account's own.")


class _Tally:
    """What the summary line counts."""

    def __init__(self) -> None:
        self.states: Counter[str] = Counter()
        self.errors = 0
        self.email_ids: list[int] = []

    def error(self, sentence: str) -> None:
        self.errors += 1
        click.secho(shown(sentence), fg="red", err=True)

    def count(self, email: EmailMessage) -> None:
        """Count what became of a mail; one that is put back with a reason went wrong."""
        is_waiting = email.state in (EmailState.RECEIVED, EmailState.PROCESSING)
        if email.state is EmailState.FAILED or (is_waiting and email.detail):
            self.errors += 1
        self.states["waiting" if is_waiting else email.state.value] += 1

    def end(self, *, is_safe: bool = False) -> None:
        """Print the summary and leave: 1 when anything went wrong, unless the mail `is_safe` and nobody may return it."""
        created, updated = self.states.pop("opened", 0), self.states.pop("appended", 0)
        line = f"Created: {created}  Updated: {updated}  Errors: {self.errors}"
        line += "".join(f"  {word.capitalize()}: {count}" for word, count in sorted(self.states.items()))
        click.secho(line, fg="red" if self.errors else "green", bold=True)
        sys.exit(1 if self.errors and not is_safe else 0)


@click.command("process-emails", cls=DeskCommand)
@verbose_option
@limit_option
@folder_option
@dry_run_option
@with_appcontext
def process_emails(verbose: bool, limit: int | None, folder: str | None, dry_run: bool) -> None:
    """Fetch the mail of every account and make tickets and comments of it."""
    refresh_accounts()
    chosen = fetch.accounts_to_fetch()
    if not chosen:
        fail(_why_none())
    _fetch_and_process(chosen, verbose=verbose, limit=limit, folder=folder, dry_run=dry_run, force=False)


def _why_none() -> str:
    if fetch.accounts_to_fetch(force=True):
        return (
            "Fetching is switched off: by EMAIL_TO_TICKET_ENABLED (or IMAP_ENABLED), or on the account's page. "
            "poll-emails --force fetches all the same."
        )
    return "No account fetches mail. Set IMAP_HOST, or add an account in the browser."


@click.command("poll-emails", cls=DeskCommand)
@click.option("--email-address", help="Only the account with this address.")
@click.option("--account-id", type=int, help="Only the account with this number.")
@click.option("--all-accounts", is_flag=True, help="Every account that fetches mail.")
@click.option("--force", is_flag=True, help="Ask even if fetching is paused, or left alone after failures.")
@verbose_option
@limit_option
@folder_option
@dry_run_option
@with_appcontext
def poll_emails(
    *,
    email_address: str | None,
    account_id: int | None,
    all_accounts: bool,
    force: bool,
    verbose: bool,
    limit: int | None,
    folder: str | None,
    dry_run: bool,
) -> None:
    """Fetch and process the mail of one account or of all."""
    if (email_address is not None) + (account_id is not None) + all_accounts != 1:
        raise click.UsageError("Give one of --email-address, --account-id and --all-accounts.")
    refresh_accounts()
    if all_accounts:
        chosen = fetch.accounts_to_fetch(force=force)
    else:
        chosen = [chosen_account(email_address or str(account_id))]
    _fetch_and_process(chosen, verbose=verbose, limit=limit, folder=folder, dry_run=dry_run, force=force)


@click.command("ingest-email", cls=TakingCommand)
@click.argument("file", type=click.File("rb"), default="-")
@click.option(
    "--account", "wanted", help="The account it came to: address or number. Default: the first one."
)
@verbose_option
@dry_run_option
@with_appcontext
def ingest_email(file: IO[bytes], wanted: str | None, verbose: bool, dry_run: bool) -> None:
    """Take in one mail from a FILE, or from standard input, as if it had been fetched."""
    refresh_accounts(exit_code=KEEP_IT)
    raw = _read(file)
    account = chosen_account(wanted, exit_code=KEEP_IT)
    tally = _Tally()
    if dry_run:
        _explain_all([process.explain(account.id, raw)], tally)
        click.secho(DRY_RUN, fg="yellow")
        tally.end()
    try:
        email_id = store.store_raw(account, raw)
    except Exception as error:
        click.secho(f"The mail could not be stored: {shown(error)}", fg="red", err=True)
        sys.exit(KEEP_IT)
    if email_id is None:
        click.secho("This very mail was taken in before.", fg="yellow")
    _process(tally, verbose=verbose, email_ids=[email_id] if email_id else [], seconds=PIPE_S)
    tally.end(is_safe=file is sys.stdin.buffer or file.name == "<stdin>")


def _read(file: IO[bytes]) -> bytes:
    limit = current_app.config["EMAIL_MAX_MESSAGE_SIZE"]
    raw = file.read(limit + 1)
    if len(raw) > limit:
        fail(f"The mail is larger than EMAIL_MAX_MESSAGE_SIZE ({limit} bytes).", NO_MAIL)
    if not raw.strip():
        fail("There is no mail to take in: the input is empty.", NO_MAIL)
    return raw


def _fetch_and_process(
    chosen: Iterable[EmailAccount],
    *,
    verbose: bool,
    limit: int | None,
    folder: str | None,
    dry_run: bool,
    force: bool,
) -> None:
    tally = _Tally()
    for account_id, address in [(account.id, account.email) for account in chosen]:
        if dry_run:
            _preview(account_id, address, tally, limit=limit, folder=folder)
        else:
            _fetch(account_id, address, tally, limit=limit, folder=folder, force=force)
    if dry_run:
        click.secho(DRY_RUN, fg="yellow")
    else:
        _process(tally, verbose=verbose, email_ids=tally.email_ids, limit=limit)
    tally.end()


def _fetch(
    account_id: int, address: str, tally: _Tally, *, limit: int | None, folder: str | None, force: bool
) -> None:
    result = fetch.fetch_account(account_id, limit=limit, folder=folder, force=force)
    tally.email_ids += result.email_ids
    if result.error:
        tally.error(f"{address}: {result.error}")
    else:
        click.echo(f"{address}: {result.note or f'{result.found} new, {result.taken} taken'}")


def _preview(account_id: int, address: str, tally: _Tally, *, limit: int | None, folder: str | None) -> None:
    try:
        preview = fetch.preview(account_id, limit=limit, folder=folder)
    except HelpdeskError as error:
        tally.error(f"{address}: {error.user_message}")
        return
    click.echo(f"{address}: {preview.found} new, looking at {len(preview.mails)}")
    _explain_all(preview.mails, tally)


def _explain_all(explanations: Iterable[process.Explanation], tally: _Tally) -> None:
    for explanation in explanations:
        tally.states[explanation.outcome.value] += 1
        target = f" {explanation.ticket}" if explanation.ticket else ""
        _headline(
            f"would be {explanation.outcome.value}{target}",
            explanation.outcome,
            explanation.sender,
            explanation.subject,
        )
        _steps(explanation.steps)
        for name in explanation.files:
            click.echo(f"    file: {shown(name)}")


def _headline(what: str, state: EmailState, sender: str, subject: str) -> None:
    click.secho(f"  {what}", fg=COLOURS.get(state, "cyan"), nl=False)
    click.echo(f"  {shown(sender)}: {shown(subject)}")


def _steps(steps: Iterable[dict[str, object]]) -> None:
    for line in as_text(steps):
        click.echo(f"    {shown(line)}")


def _process(
    tally: _Tally,
    *,
    verbose: bool,
    email_ids: list[int],
    limit: int | None = None,
    seconds: float | None = None,
) -> None:
    """Work off what waits, whoever fetched it, and tell what became of each mail.

    `email_ids` are those this command stored: a worker of a running desk may be quicker, and they count all the same.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    summary = process.drain(limit=limit, deadline=deadline)
    chosen = list(dict.fromkeys([*email_ids, *summary.email_ids]))
    process.wait_until_done(email_ids, seconds=OTHERS_S)
    for email_id in chosen:
        email = db.session.get(EmailMessage, email_id, populate_existing=True)
        if email is not None:
            tally.count(email)
            if verbose or email.state in (EmailState.RECEIVED, EmailState.FAILED):
                _tell(email)


def _tell(email: EmailMessage) -> None:
    ticket = db.session.get(Ticket, email.ticket_id) if email.ticket_id else None
    words = {EmailState.RECEIVED: "to be tried again"}.get(email.state, email.state.value)
    what = " ".join(filter(None, [words, settings.tag_of(ticket) if ticket else ""]))
    _headline(what, email.state, f"{email.from_name} <{email.from_address}>".strip(), email.subject)
    if email.reason:
        click.echo(f"    {shown(reason_of(email))}")
    _steps(email.trace)


COMMANDS = (process_emails, poll_emails, ingest_email)
