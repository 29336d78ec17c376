"""What all our commands have in common: a database that cannot be used gets a sentence, not a traceback."""

from __future__ import annotations

import logging
import sys
from typing import Any

import click
from sqlalchemy.exc import DBAPIError

logger = logging.getLogger(__name__)

KEEP_IT = 75  # EX_TEMPFAIL of sysexits.h: a mail server that pipes to us keeps the mail and tries again


class DeskCommand(click.Command):
    """Exits with `code_when_away` when the database is away, full, locked or older than the program."""

    code_when_away = 1

    def invoke(self, ctx: click.Context) -> Any:
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


class TakingCommand(DeskCommand):
    """A command somebody hands a mail to: he must keep it when we cannot."""

    code_when_away = KEEP_IT
