"""The operators' door: `flask` commands, one module per subject."""

from __future__ import annotations

from flask import Flask

from helpdesk.cli import accounts, backup, care, mail, tickets


def init_app(app: Flask) -> None:
    """Register every command."""
    for command in (*tickets.COMMANDS, *care.COMMANDS, *mail.COMMANDS, *backup.COMMANDS, *accounts.COMMANDS):
        app.cli.add_command(command)
