"""What our commands have in common: sentences instead of tracebacks, safe output, and how an account is named."""

from __future__ import annotations

import logging
import sys
import unicodedata
from typing import Any, NoReturn

import click
from sqlalchemy.exc import DBAPIError

from helpdesk.database import db
from helpdesk.errors import HelpdeskError
from helpdesk.models import EmailAccount
from helpdesk.services import accounts, environment

logger = logging.getLogger(__name__)

NO_MAIL = 65  # EX_DATAERR: what was handed over is no mail the desk could ever take
KEEP_IT = 75  # EX_TEMPFAIL of sysexits.h: a mail server that pipes to us keeps the mail and tries again


class DeskCommand(click.Command):
    """Exits with `code_when_away` when the database is away, full, locked or older than the program."""

    code_when_away = 1

    def invoke(self, ctx: click.Context) -> Any:
        _refuse_no_text(ctx)
        try:
            return super().invoke(ctx)
        except DBAPIError as error:
            logger.debug("%s failed", self.name, exc_info=True)
            reason = str(error.orig).strip().splitlines()[0]
            click.secho(
                f"The database cannot be used: {reason}. Is it running, is there room on the disk, "
                "and is it up to date (flask db upgrade)?",
                fg="red",
                err=True,
            )
            sys.exit(self.code_when_away)


def _refuse_no_text(ctx: click.Context) -> None:
    """Whoever types in another encoding hands over bytes that no database and no mail can hold."""
    for name, value in ctx.params.items():
        if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise click.UsageError(f"The value of {name} is not UTF-8 text.", ctx)


class TakingCommand(DeskCommand):
    """A command somebody hands a mail to: he must keep it when we cannot."""

    code_when_away = KEEP_IT


def shown(text: object) -> str:
    """One line without control characters: a subject must not steer the terminal."""
    return "".join(" " if unicodedata.category(c)[0] == "C" else c for c in str(text))


def fail(sentence: str, exit_code: int = 1) -> NoReturn:
    """Say what is wrong and leave."""
    click.secho(sentence, fg="red", err=True)
    sys.exit(exit_code)


def refresh_accounts(exit_code: int = 1) -> None:
    """Bring the account the environment describes up to date, as the other processes do when they start."""
    try:
        environment.sync_account()
    except HelpdeskError as error:
        fail(error.user_message, exit_code)


def chosen_account(wanted: str | None, exit_code: int = 1) -> EmailAccount:
    """The account with this address or number, or the first one that is switched on; leaves when there is none."""
    if wanted is None:
        account = next((account for account in accounts.all_accounts() if account.is_active), None)
        if account is None:
            fail("There is no mail account yet. Add one in the browser first.", exit_code)
        return account
    account = accounts.find(wanted)
    if account is None and wanted.isascii() and wanted.isdigit() and len(wanted) < 10:
        account = db.session.get(EmailAccount, int(wanted))
    if account is None:
        fail(f"There is no mail account {shown(wanted)}.", exit_code)
    return account
