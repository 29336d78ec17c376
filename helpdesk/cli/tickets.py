"""`list-tickets`, `show-ticket`, `export-tickets`: the desk's content for operators and scripts."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable

import click
from flask.cli import with_appcontext

from helpdesk.cli.command import DeskCommand, shown
from helpdesk.models import Ticket
from helpdesk.policy.status import Status
from helpdesk.services import autoclose, export, queries

COLUMNS = ("number", "status", "priority", "requester", "assignee", "subject")
STATUS = click.Choice([status.value for status in Status])


def _print_table(rows: Iterable[dict[str, object]]) -> None:
    table = [[shown(row[column] or "-") for column in COLUMNS] for row in rows]
    widths = [max([len(name), *(len(line[i]) for line in table)]) for i, name in enumerate(COLUMNS)]
    for line in ([*COLUMNS], *table):
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


@click.command("list-tickets", cls=DeskCommand)
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", help="How to print them."
)
@click.option(
    "--status", "statuses", type=STATUS, multiple=True, help="Only these; may be given several times."
)
@with_appcontext
def list_tickets(form: str, statuses: tuple[str, ...]) -> None:
    """List all tickets by number."""
    tickets = queries.every_ticket([Status(status) for status in statuses])
    rows = [export.ticket_summary(ticket) for ticket in tickets]
    if form == "json":
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        _print_table(rows)


def parse_number(text: str) -> int:
    """The ticket's number from `42`, `#42`, `TKT-2026-00042` or `[TKT-2026-00042]`: the last run of digits."""
    digits = re.findall(r"[0-9]+", text)
    if not digits or len(digits[-1]) > 9:
        raise click.BadParameter(f"“{text}” holds no ticket number.")
    return int(digits[-1])


def _find(text: str) -> Ticket:
    ticket = queries.by_number(parse_number(text))
    if ticket is None:
        click.echo(f"There is no ticket {text}.", err=True)
        sys.exit(1)
    return ticket


@click.command("show-ticket", cls=DeskCommand)
@click.argument("number")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print it."
)
@with_appcontext
def show_ticket(number: str, form: str) -> None:
    """Show one ticket with its comments, files and history. NUMBER as people see it, or just its digits."""
    details = export.ticket_details(_find(number))
    if form == "json":
        click.echo(json.dumps(details, ensure_ascii=False, indent=2))
    else:
        _print_text(details)


def _print_text(details: dict[str, object]) -> None:
    click.secho(shown(f"{details['number']}  {details['subject']}"), bold=True)
    for name in (
        "status",
        "priority",
        "category",
        "requester",
        "assignee",
        "account",
        "due_at",
        "created_at",
    ):
        click.echo(f"  {name + ':':<12} {shown(details[name] or '-')}")
    comments = details["comments"]
    assert isinstance(comments, list)
    for comment in comments:
        click.echo()
        who = f"{comment['author_name']} <{comment['author_email']}>"
        click.secho(f"{comment['kind']}  {shown(who)}  {comment['created_at']}",
                    fg="yellow" if comment["is_internal"] else "cyan")  # fmt: skip
        click.echo("\n".join(f"  {shown(line)}" for line in comment["text"].splitlines()))
        for file in comment["attachments"]:
            click.echo(shown(f"  + {file['filename']} ({file['content_type']}, {file['size']} bytes)"))


@click.command("export-tickets", cls=DeskCommand)
@click.option(
    "--status", "statuses", type=STATUS, multiple=True, help="Only these; may be given several times."
)
@with_appcontext
def export_tickets(statuses: tuple[str, ...]) -> None:
    """Write every ticket as one JSON object per line, as `show-ticket --format json` shows it."""
    for ticket in queries.every_ticket([Status(status) for status in statuses]):
        click.echo(json.dumps(export.ticket_details(ticket), ensure_ascii=False))


@click.command("close-resolved", cls=DeskCommand)
@click.option("--dry-run", is_flag=True, help="List what would be closed; change nothing.")
@with_appcontext
def close_resolved(dry_run: bool) -> None:
    """Close tickets that were resolved longer ago than the settings say. Nobody is mailed."""
    closings = autoclose.preview() if dry_run else autoclose.close_resolved()
    for closing in closings:
        click.echo(f"{closing.number}  resolved {closing.resolved_at:%Y-%m-%d}  {shown(closing.subject)}")
    if dry_run:
        click.secho(f"Dry run: {len(closings)} would be closed.", fg="yellow")
    else:
        click.secho(f"Closed: {len(closings)}", fg="green")


COMMANDS = (list_tickets, show_ticket, export_tickets, close_resolved)
