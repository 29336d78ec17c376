"""The operators' door: `flask` commands, one module per subject."""

from __future__ import annotations

from flask import Flask

from helpdesk.cli import accounts, backup, care, importing, mail, tickets


def init_app(app: Flask) -> None:
    """Register every command."""
    for subject in (tickets, care, mail, importing, backup, accounts):
        for command in subject.COMMANDS:
            app.cli.add_command(command)
