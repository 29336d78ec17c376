"""The page on commands names every command, argument, option and JSON field there is, and none there is not."""

import re
from pathlib import Path

import click
import pytest

from helpdesk.cli import accounts, backup, care, importing, mail, tickets
from helpdesk.jobs import listener
from helpdesk.services import export, queries
from tests import factories

PAGE = Path(__file__).parent.parent.parent / "docs" / "cli.md"
COMMANDS = [
    listener.listen,
    *tickets.COMMANDS,
    *care.COMMANDS,
    *mail.COMMANDS,
    *importing.COMMANDS,
    *backup.COMMANDS,
    *accounts.COMMANDS,
]


def sections():
    """Text below each heading of the second level, by heading."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def first_column(section):
    """What the first cells of a section's tables say."""
    return " ".join(re.findall(r"^\|([^|]+)\|", section, flags=re.M))


def parameters(command):
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            yield parameter.make_metavar(click.Context(command)).strip("[]")
        else:
            yield from [*parameter.opts, *parameter.secondary_opts]


def test_every_command_of_the_desk_has_its_section_and_its_line_in_the_overview(app):
    own = {name for name, command in app.cli.commands.items() if command in COMMANDS}
    assert own == {command.name for command in COMMANDS}
    assert own | {"db upgrade"} == set(sections()) - {"How to call them"}
    listed = set(re.findall(r"^\| \[`([^`]+)`\]", PAGE.read_text(encoding="utf-8"), flags=re.M))
    assert listed == own | {"db upgrade"}


def test_no_command_of_ours_is_left_out_of_the_lists(app):
    """A command somebody registers another way would escape the test above."""
    ours = {
        name
        for name, command in app.cli.commands.items()
        if getattr(command.callback, "__module__", "").startswith("helpdesk.")
        or "helpdesk" in getattr(getattr(command.callback, "__wrapped__", None), "__module__", "")
    }
    assert ours == {command.name for command in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_argument_and_option_is_on_the_page_and_no_other(command):
    said = set(re.findall(r"`(--[a-z-]+|[A-Z]+)[ `]", first_column(sections()[command.name])))
    assert said == set(parameters(command))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_choice_and_an_example_is_in_the_section(command):
    section = sections()[command.name]
    choices = [c for p in command.params if isinstance(p.type, click.Choice) for c in p.type.choices]
    assert [choice for choice in choices if choice not in section] == []
    assert f"$ flask {command.name}" in section
    assert "xit code" in section


def test_every_json_field_is_on_the_page(app):
    with app.app_context():
        account = factories.make_account()
        ticket = queries.by_number(
            factories.make_ticket(account, factories.CUSTOMER, "Hello", "Words").number
        )
        summary, details = export.ticket_summary(ticket), export.ticket_details(ticket)
        fields = set(details) - set(summary) | set(details["comments"][0]) | set(details["events"][0])
        fields |= set(details["participants"][0])
    assert [field for field in summary if f"`{field}`" not in first_column(sections()["list-tickets"])] == []
    assert [field for field in fields if f"`{field}`" not in sections()["show-ticket"]] == []


def test_the_fields_of_a_file_are_on_the_page():
    for field in ("filename", "content_type", "size", "sha256"):
        assert f"`{field}`" in sections()["show-ticket"]
