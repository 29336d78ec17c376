"""Every command with what nobody would type: a sentence and an exit code, never a traceback, never a terminal steered."""

import os

import click
import pytest

from helpdesk.mail.types import MailFile
from helpdesk.services import attachments
from helpdesk.services.tickets import comments
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.cli.test_docs import COMMANDS

ODD = (
    "", "-1", "0", "9" * 30, "x" * 5000, "\x1b[2J", "%s %(x)s {0}", "--", "/nowhere/x/y", "\u202e\U0001f600",
    os.fsdecode(b"\xff\xfe"), os.fsdecode(b"\xff@desk.example"),
)  # fmt: skip
ENDLESS = {"listen"}  # takes no arguments, and ends when it is told to
STEERING = "Paid\x1b]0;owned\x07\x1b[2J\x9b31m and\r gone"


def attempts(command):
    """The command without anything, with each switch, and with each odd value for each of its parameters."""
    needed = [
        part
        for parameter in command.params
        if parameter.required
        for part in ([] if isinstance(parameter, click.Argument) else [parameter.opts[0]])
        + ["somebody@customer.example"]
    ]
    yield []
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            yield from ([odd] for odd in ODD)
        elif parameter.is_flag:
            yield [*needed, parameter.opts[0]]
        else:
            others = [] if parameter.required else needed
            yield from ([*others, parameter.opts[0], odd] for odd in ODD)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if c.name not in ENDLESS], ids=lambda command: command.name
)
def test_no_argument_brings_a_command_down(app, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INSTANCE_PATH", str(tmp_path / "elsewhere"))
    with app.app_context():
        factories.make_ticket(factories.make_account(incoming_port=1, outgoing_port=1))
    trouble = []
    for arguments in attempts(command):
        result = app.test_cli_runner().invoke(args=[command.name, *arguments], input=b"\xff\xfe\x00no mail")
        crashed = result.exception is not None and not isinstance(result.exception, SystemExit)
        if crashed or (result.exit_code and not result.output.strip()):
            trouble.append((arguments, result.exit_code, repr(result.exception)))
    assert not trouble


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("arguments", [["list-tickets"], ["show-ticket", "1"]], ids=lambda words: words[0])
def test_what_customers_wrote_does_not_steer_the_terminal(app, arguments):
    with app.app_context():
        ticket = factories.make_ticket(factories.make_account(), subject=STEERING)
        agent = factories.make_admin(name=STEERING)
        files = attachments.stage([MailFile(STEERING, STEERING, b"x")])
        with factories.transaction():
            comments.add_note(ticket, Words(f"{STEERING}\nA second line", files=files), actor=agent)
    output = app.test_cli_runner().invoke(args=arguments, color=True).output
    assert "Paid" in output
    coloured = {"\x1b[0m", "\x1b[1m", "\x1b[33m", "\x1b[36m"}
    for mark in coloured:
        output = output.replace(mark, "")
    assert not any(letter in output for letter in "\x1b\x07\x9b\r")
