"""What the person who runs the desk needs: `create-user`, `doctor`, `rebuild-search`, alarms, overdue tickets and digests by cron."""

from __future__ import annotations

import sys

import click
from flask import current_app
from flask.cli import with_appcontext

from helpdesk.cli.command import DeskCommand, fail, shown
from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError
from helpdesk.policy.status import Role
from helpdesk.services import alarms, digests, doctor, links, overdue, passwords, people, search_care
from helpdesk.services.links import Purpose


@click.command("create-user", cls=DeskCommand)
@click.argument("email")
@click.option(
    "--role", type=click.Choice([role.value for role in Role]), default=Role.AGENT.value, show_default=True
)
@click.option("--name", default="", help="The name others see.")
@click.option("--password-stdin", is_flag=True, help="Read a password from standard input.")
@with_appcontext
def create_user(email: str, role: str, name: str, password_stdin: bool) -> None:
    """Create a person. Without a password a one-time link to choose one is printed."""
    try:
        hashed = passwords.hash_password(_typed_password()) if password_stdin else None
        with transaction():
            user = people.create_user(email, Role(role), name=name)
            user.password_hash = hashed
            if user.role is Role.AGENT:
                people.set_grants(user, people.shared_accounts(), actor=None)
            token = None if hashed else links.issue(Purpose.INVITATION, user, user.addresses[0])
    except HelpdeskError as error:
        fail(error.user_message)
    click.secho(f"Created {role} {email}.", fg="green")
    if token:
        click.echo(
            f"To choose a password, open within 7 days: {current_app.config['SITE_URL']}/invitation/{token}"
        )


def _typed_password() -> str:
    """The first line of standard input."""
    try:
        return sys.stdin.buffer.readline().rstrip(b"\r\n").decode("utf-8")
    except UnicodeDecodeError:
        fail("The password is not UTF-8 text.")


@click.command("doctor", cls=DeskCommand)
@with_appcontext
def doctor_command() -> None:
    """Check that nothing is lost, doubled or half made; exits 1 with what was found."""
    findings = doctor.examine()
    for finding in findings:
        click.secho(finding, fg="red")
    if findings:
        click.echo(f"{len(findings)} findings.")
        sys.exit(1)
    click.secho("All is well.", fg="green")


@click.command("rebuild-search", cls=DeskCommand)
@with_appcontext
def rebuild_search() -> None:
    """Make the search index anew from the tickets, while the desk goes on."""
    done = search_care.rebuild()
    click.secho(f"{done.tickets} tickets looked at, {done.mended} of them mended.", fg="green")


@click.command("send-alarms", cls=DeskCommand)
@with_appcontext
def send_alarms() -> None:
    """Tell the administrators by mail of accounts that stopped fetching or cannot send, and of those that work again."""
    told = alarms.check()
    for address in told.stalled:
        click.secho(f"Told the administrators that no mail comes in from {address}.", fg="red")
    for address in told.recovered:
        click.secho(f"Told the administrators that mail comes in from {address} again.", fg="green")
    for address in told.unable:
        click.secho(f"Told the administrators that no mail leaves from {address}.", fg="red")
    for address in told.able:
        click.secho(f"Told the administrators that mail leaves from {address} again.", fg="green")
    if told == alarms.Told():
        click.echo("Nothing new to tell.")


@click.command("send-overdue-notifications", cls=DeskCommand)
@click.option("--dry-run", is_flag=True, help="Say who would be told of what; change nothing.")
@with_appcontext
def send_overdue_notifications(dry_run: bool) -> None:
    """Tell the assignee and the agent who opened it of every ticket whose due date has passed, once per due date."""
    found = overdue.preview() if dry_run else overdue.tell()
    for ticket in found:
        _tell(ticket)
    mails = sum(len(ticket.to) for ticket in found)
    click.secho(f"Overdue: {len(found)}  Mails: {mails}", fg="green", bold=True)
    if dry_run:
        click.secho("Dry run: nobody was told.", fg="yellow")


def _tell(ticket: overdue.Overdue) -> None:
    click.echo(f"{ticket.number}  due {ticket.due_at:%Y-%m-%d %H:%M} UTC  {shown(ticket.subject)}")
    click.secho(f"    to {shown(', '.join(ticket.to))}" if ticket.to else "    nobody to tell", fg="cyan")


@click.command("send-digests", cls=DeskCommand)
@click.option("--dry-run", is_flag=True, help="Say whose digest is due; change nothing.")
@with_appcontext
def send_digests(dry_run: bool) -> None:
    """Queue the daily and weekly summaries whose time has come, each once."""
    found = digests.preview() if dry_run else digests.send()
    for digest in found:
        click.echo(f"{shown(digest.email)}  tickets {digest.tickets}  facts {digest.facts}")
    click.secho(f"Digests: {len(found)}", fg="green", bold=True)
    if dry_run:
        click.secho("Dry run: nobody was told.", fg="yellow")


COMMANDS = (
    send_alarms,
    send_digests,
    create_user,
    doctor_command,
    rebuild_search,
    send_overdue_notifications,
)
