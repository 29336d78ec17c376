"""`backup`, `restore` and `cleanup-emails`: keeping what must be kept, and nothing for ever.

`python -m helpdesk.cli.backup restore FILE` restores where no desk was ever set up: `flask` needs a key to start.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

import click
from alembic.script import ScriptDirectory
from flask import current_app
from flask.cli import with_appcontext

from config import PROJECT, instance_path, read_settings
from helpdesk.cli.command import DeskCommand, fail
from helpdesk.cli.lock import hold
from helpdesk.errors import ConfigError, Conflict, HelpdeskError
from helpdesk.services import backup, restore, retention

POSTGRESQL = (
    "This desk keeps everything in PostgreSQL. Back it up with: pg_dump --format=custom --file=helpdesk.dump, "
    "and keep SECRET_KEY in a safe place."
)


@click.command("backup", cls=DeskCommand)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@with_appcontext
def backup_command(file: Path | None) -> None:
    """Write the whole desk to one FILE while it runs; a folder gets a file named by the time."""
    if not current_app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        fail(POSTGRESQL)
    try:
        target = (file or Path()).absolute()
        if target.is_dir():
            target /= backup.default_name()
        written = backup.write(Path(current_app.config["INSTANCE_PATH"]), target)
    except HelpdeskError as error:
        fail(error.user_message)
    except OSError as error:
        fail(f"This is no place for a file: {error.strerror}.")
    manifest = written.manifest
    click.secho(f"Wrote {click.format_filename(written.path)} ({written.size / 1e6:.1f} MB).", fg="green")
    click.echo(
        f"{manifest.tickets} tickets, {manifest.files} large files. Keep it safe: it holds mail and the key."
    )
    if written.damaged:
        fail(f"{len(written.damaged)} of the desk's files are missing or damaged; flask doctor names them.")


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Put a desk that is there aside.")
def restore_command(file: Path, force: bool) -> None:
    """Put a backup back. The desk must be stopped."""
    try:
        settings = read_settings(os.environ, PROJECT / ".env")
        if settings["DATABASE_URL"]:
            fail("DATABASE_URL is set: a backup file is for a desk with its own SQLite database.")
        instance = instance_path(settings)
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
        script = ScriptDirectory(str(PROJECT / "migrations"))
        revisions = {revision.revision for revision in script.walk_revisions()}
        with _stopped(instance):
            restored = restore.restore(file, instance, revisions=revisions, force=force)
    except HelpdeskError as error:
        fail(error.user_message)
    click.secho(
        f"Restored {restored.manifest.tickets} tickets as of {restored.manifest.created_at}.", fg="green"
    )
    if restored.aside:
        click.echo(f"What was there before is in {restored.aside}")
    if restored.missing:
        click.secho(f"{restored.missing} files were missing or damaged in the backup.", fg="red", err=True)
    if restored.held:
        click.secho(
            f"Sending is held: {restored.held} mails waited when the backup was made and may have gone out since. Look at "
            "them in the browser, then let them go under Settings.",
            fg="yellow",
        )
    click.echo("Start the desk with make run, which brings the database up to date.")


def _stopped(instance: Path) -> IO[str]:
    try:
        return hold(instance)
    except ConfigError as error:
        raise Conflict("The desk in %(folder)s is running. Stop it first.", folder=str(instance)) from error


@click.command("cleanup-emails", cls=DeskCommand)
@click.option("--dry-run", is_flag=True, help="Say what would be cleared away; change nothing.")
@with_appcontext
def cleanup_emails(dry_run: bool) -> None:
    """Clear away raw mails and logs older than EMAIL_RETENTION_DAYS, and what belongs to nothing."""
    cleared = retention.preview() if dry_run else retention.clean_up()
    click.echo(
        f"Raw mails: {cleared.mails} ({cleared.mail_bytes / 1e6:.1f} MB)  Poll logs: {cleared.poll_logs}"
    )
    click.echo(
        f"Ended sessions: {cleared.sessions}  Ended links: {cleared.links}  Unused files: {cleared.files}"
    )
    if dry_run:
        click.secho("Dry run: nothing was cleared away.", fg="yellow")


COMMANDS = (backup_command, restore_command, cleanup_emails)

if __name__ == "__main__":
    click.Group("helpdesk", commands=COMMANDS)()
