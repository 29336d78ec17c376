"""The catalogues: whole for the mails, true to the placeholders, and read by templates and code alike."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir, extract_from_file
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po
from flask_babel import force_locale, gettext, lazy_gettext, ngettext

from helpdesk import languages
from helpdesk.web.catalog import FOLDER, catalogue
from tests.web.conftest import browser, send

LANGUAGES = [language for language in languages.LANGUAGES if language != languages.OWN]
PROJECT = Path(__file__).parent.parent.parent
KEYWORDS = re.search(r"^KEYWORDS = (.+)$", (PROJECT / "Makefile").read_text(), re.M)[1].split()
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[a-z]")


def read(language):
    with (FOLDER / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language)


def mail_messages():
    methods = [("**.html", "jinja2"), ("**.txt", "jinja2")]
    folder = PROJECT / "helpdesk" / "templates" / "emails"
    outbox = PROJECT / "helpdesk" / "services" / "outbox"
    in_code = {
        message
        for name in ("answers", "letters", "writing")
        for _, message, _, _ in extract_from_file("python", outbox / f"{name}.py")
    }
    return in_code | {message for _, _, message, _, _ in extract_from_dir(folder, methods)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_of_every_mail_is_translated(language):
    entries = {message.id: message for message in read(language)}
    assert len(mail_messages()) > 60
    missing = mail_messages() - entries.keys()
    assert not missing
    for message in mail_messages():
        entry = entries[message]
        forms = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        assert all(forms), f"not translated: {message}"
        assert not entry.fuzzy, f"nobody has looked at the translation of: {message}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_is_whole_and_up_to_date(language, tmp_path):
    """`make translations` brings it up to date; what it then finds empty wants a person."""
    found = tmp_path / "found.pot"
    keywords = [part for word in KEYWORDS for part in ("-k", word)]
    CommandLineInterface().run(
        ["pybabel", "-q", "extract", "-F", "pyproject.toml", *keywords, "-o", str(found), "."]
    )
    with found.open("rb") as file:
        wanted = {message.id for message in read_po(file) if message.id}
    entries = {message.id: message for message in read(language) if message.id}
    assert len(wanted) > 800
    assert sorted(map(str, wanted - entries.keys())) == []
    assert sorted(map(str, entries.keys() - wanted)) == []
    empty = [
        key for key, m in entries.items() if not all(m.string if isinstance(m.string, tuple) else [m.string])
    ]
    assert empty == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_fill_the_same_placeholders(language):
    """A plural may leave out what its singular names, never name what is not given."""
    for entry in read(language):
        pairs = [(entry.id, entry.string)]
        if isinstance(entry.id, tuple):
            pairs = list(zip(entry.id, entry.string, strict=True))
        for source, translated in pairs:
            if source and translated:
                assert sorted(PLACEHOLDER.findall(source)) == sorted(PLACEHOLDER.findall(translated)), source


def test_templates_and_code_read_the_same_catalogue(app):
    with app.test_request_context():
        lazy = lazy_gettext("View ticket")
        with force_locale("de"):
            shown = app.jinja_env.from_string("{{ _('View ticket') }}").render()
            assert {gettext("View ticket"), str(lazy), shown} == {"Ticket ansehen"}
            one, many = "No mail comes in from %(email)s", "No mail comes in from %(num)d accounts"
            assert ngettext(one, many, 3, email="x") == "Von 3 Konten kommen keine Mails an"
            assert gettext("a sentence nobody has translated") == "a sentence nobody has translated"
        with force_locale("en"):
            assert gettext("View ticket") == "View ticket"


def test_a_language_without_a_catalogue_is_english():
    assert catalogue("xx").gettext("View ticket") == "View ticket"


CUSTOMERS_PAGES = [
    "portal/*.html",
    "contact/*.html",
    "auth/[!p]*.html",
    "layouts/portal.html",
    "layouts/plain.html",
]
CUSTOMERS_PARTS = [
    "portal_answer",
    "portal_ticket",
    "kept_files",
    "switches",
    "field",
    "badge",
    "pager",
    "flash",
]
CUSTOMERS_CODE = [
    "web/portal",
    "web/contact",
    "web/auth",
    "web/forms.py",
    "services/portal.py",
    "services/contact.py",
]
WORDS = {"_": None, "gettext": None, "InvalidInput": None, "NotFound": None, "Conflict": None}
FOR_THE_TEAM = {"Your answer to %(ticket)s"}


def messages_of_customers():
    package = PROJECT / "helpdesk"
    parts = [f"components/{name}.html" for name in CUSTOMERS_PARTS]
    pages = [path for name in CUSTOMERS_PAGES + parts for path in (package / "templates").glob(name)]
    code = [
        path
        for name in CUSTOMERS_CODE
        for path in ([package / name] if name.endswith(".py") else (package / name).glob("*.py"))
    ]
    for path in pages:
        yield from (message for _, message, _, _ in extract_from_file("jinja2", path))
    for path in code:
        yield from (message for _, message, _, _ in extract_from_file("python", path, keywords=WORDS))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_for_customers_is_translated(language):
    """Of the team's pages not everything is: a customer who chose a language finds no other in his."""
    translated = {message.id for message in read(language) if message.string}
    wanted = set(messages_of_customers()) - FOR_THE_TEAM
    assert len(wanted) > 150
    assert wanted <= translated, wanted - translated


def test_customer_reads_his_language(app, team):
    nobody = app.test_client().get("/sign-in", headers={"Accept-Language": "de"}).text
    assert "Anmeldelink per Mail schicken" in nobody and '<html lang="de"' in nobody
    jonas = browser(app, team["customer"])
    send(jonas, "/profile", name="Jonas", language="de")
    pages = "".join(
        jonas.get(path).text for path in ("/my/tickets", f"/my/tickets/{team['ticket']}", "/my/tickets/new")
    )
    for words in (
        "Ihre Tickets",
        "Ihre Nachricht ist angekommen",
        "Das ist gelöst",
        "Was für eine Frage ist es?",
    ):
        assert words in pages


def test_another_language_is_one_more_file(tmp_path):
    for code in ("fr", "no-language", "de"):
        (tmp_path / code / "LC_MESSAGES").mkdir(parents=True)
        (tmp_path / code / "LC_MESSAGES" / "messages.po").touch()
    (tmp_path / "it").mkdir()  # nothing in it yet
    assert languages.found(tmp_path) == {"en": "English", "de": "Deutsch", "fr": "Français"}
    assert list(languages.LANGUAGES)[:2] == ["en", "de"]
