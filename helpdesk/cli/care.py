"""`create-user` and `doctor`: what the person who runs the desk needs."""

from __future__ import annotations

import sys

import click
from flask import current_app
from flask.cli import with_appcontext

from helpdesk.cli.command import DeskCommand, fail
from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError
from helpdesk.policy.status import Role
from helpdesk.services import alarms, doctor, links, passwords, people
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
        hashed = passwords.hash_password(sys.stdin.readline().rstrip("\r\n")) if password_stdin else None
        with transaction():
            user = people.create_user(email, Role(role), name=name)
            user.password_hash = hashed
            if user.role is Role.AGENT:
                people.grant_everything(user, actor=None)
            token = None if hashed else links.issue(Purpose.INVITATION, user, user.addresses[0])
    except HelpdeskError as error:
        fail(error.user_message)
    click.secho(f"Created {role} {email}.", fg="green")
    if token:
        click.echo(
            f"To choose a password, open within 7 days: {current_app.config['SITE_URL']}/invitation/{token}"
        )


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


@click.command("send-alarms", cls=DeskCommand)
@with_appcontext
def send_alarms() -> None:
    """Tell the administrators by mail of accounts that stopped fetching, and of those that work again."""
    told = alarms.check()
    for address in told.stalled:
        click.secho(f"Told the administrators that no mail comes in from {address}.", fg="red")
    for address in told.recovered:
        click.secho(f"Told the administrators that mail comes in from {address} again.", fg="green")
    if not told.stalled and not told.recovered:
        click.echo("Nothing new to tell.")


COMMANDS = (send_alarms, create_user, doctor_command)
