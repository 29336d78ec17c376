"""The pages of documentation: their links lead somewhere, and what they tell people to type exists."""

import ast
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from config import SETTINGS
from tests.conftest import make_app

PROJECT = Path(__file__).parent.parent
PAGES = [PROJECT / "README.md", PROJECT / "SECURITY.md", *sorted((PROJECT / "docs").glob("*.md"))]
KNOWN = {name for setting in SETTINGS for name in (setting.name, *setting.aliases)}
OTHERS = {"EX_TEMPFAIL", "POSTGRES_PASSWORD"}


def anchor(heading):
    """As hosting sites make it: small letters, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


def anchors(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, flags=re.M)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    text = re.sub(r"`[^`\n]*`", "code", page.read_text(encoding="utf-8"))  # what stands in code leads nowhere
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, part = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        assert found.exists(), target
        assert not part or part in anchors(found), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_that_is_named_exists(page):
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", text)) | set(
        re.findall(r"^([A-Z]+(?:_[A-Z]+)+)=", text, re.M)
    )
    assert named - KNOWN - OTHERS == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_of_the_settings_that_is_named_exists(page):
    """`*Settings, Mail log*`, and in German as the German pages say it."""
    catalogue = PROJECT / "helpdesk" / "translations" / "de" / "LC_MESSAGES" / "messages.po"
    with catalogue.open("rb") as file:
        said = {message.id: message.string for message in read_po(file, locale="de")}
    text = " ".join(page.read_text(encoding="utf-8").split())
    english = [name for path in re.findall(r"\*Settings, ([^*]+)\*", text) for name in path.split(", ")]
    german = [name for path in re.findall(r"\*Einstellungen, ([^*]+)\*", text) for name in path.split(", ")]
    assert [name for name in english if name not in said] == []
    assert [name for name in german if name not in said.values()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_exists(tmp_path, page):
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w/])flask ([a-z][a-z-]+)", text)) - {"alone"}
    assert named - set(make_app(tmp_path, "sqlite://").cli.commands) - {"db", "shell"} == set()


SENDING = ("smtp", "smtp_connection", "smtp_login", "connection", "file_drop", "connect")
NOT_OF_SENDING = {"This account has no usable server to fetch mail from.", "This mail has no recipient."}


def sentences_of_sending():
    """What the modules that send say of a server: every sentence they hand to a call."""
    for name in SENDING:
        tree = ast.parse((PROJECT / "helpdesk" / "transports" / f"{name}.py").read_text(encoding="utf-8"))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            texts = [arg.value for arg in call.args if isinstance(arg, ast.Constant)]
            yield from (text for text in texts if re.search(r"[a-z] .+[.?]$", str(text)))


def test_every_sentence_about_a_server_stands_in_the_troubleshooting_table_as_the_desk_says_it():
    page = (PROJECT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    table = page.partition("| The desk says |")[2].partition("\n\n")[0]
    told = re.findall(r"^\| ([A-Z].+?[.?]) \|", table, flags=re.M)
    wanted = set(sentences_of_sending()) - NOT_OF_SENDING
    kept = {re.sub(r"%\((\w+)\)s", lambda match: match[1].upper(), text) for text in wanted}
    of_outbox = {text for text in told if text.startswith(("Waits with", "Not delivered"))}
    assert set(told) - of_outbox == kept
    assert len(told) == len(set(told))
