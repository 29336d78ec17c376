"""The settings: strict, documented, and safe where nothing is set."""

import re
from pathlib import Path

import pytest

from config import (
    SETTINGS,
    load_config,
    read_secret_key,
    read_settings,
    redis_url,
    write_secret_key,
)
from helpdesk.errors import ConfigError

DOCUMENT = Path(__file__).parent.parent / "docs" / "configuration.md"
KEY = {"SECRET_KEY": "k" * 40}


def test_the_page_on_configuration_says_what_the_table_says():
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| (.*?) \| (.*?) \| (.*) \|$", DOCUMENT.read_text(encoding="utf-8"), re.M
    )
    documented = {name: (re.findall(r"`(\w+)`", aliases), default.strip("` "), meaning)
                  for name, aliases, default, meaning in rows}  # fmt: skip

    def shown(default):
        if default is None or default == []:
            return ""
        return str(default).lower() if isinstance(default, bool) else str(default)

    assert documented == {s.name: (list(s.aliases), shown(s.default), s.meaning) for s in SETTINGS}


def test_aliases_are_understood_and_the_name_wins():
    assert read_settings({"EMAIL_HOST": "a.example"}, None)["SMTP_HOST"] == "a.example"
    both = {"EMAIL_HOST": "a.example", "SMTP_HOST": "b.example"}
    assert read_settings(both, None)["SMTP_HOST"] == "b.example"
    assert (
        read_settings({"IMAP_ENABLED": "True", "EMAIL_TO_TICKET_ENABLED": "false"}, None)[
            "EMAIL_TO_TICKET_ENABLED"
        ]
        is False
    )


def test_an_empty_value_is_no_value():
    assert read_settings({"PORT": " "}, None)["PORT"] == 8000


@pytest.mark.parametrize(("value", "word"), [
    ("SMTP", "smtp"), ("file", "file"), ("django.core.mail.backends.console.EmailBackend", "console"),
    ("django.core.mail.backends.filebased.EmailBackend", "file"), ("django.core.mail.backends.smtp.EmailBackend", "smtp"),
])  # fmt: skip
def test_a_backend_may_have_the_name_django_gives_it(value, word):
    assert read_settings({"EMAIL_BACKEND": value}, None)["EMAIL_BACKEND"] == word


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("IMAP_USE_SSL", "maybe"),
        ("SITE_URL", "desk.example"),
        ("EMAIL_BACKEND", "carrier pigeon"),
        ("TICKET_NUMBER_FORMAT", "TKT"),
        ("TICKET_NUMBER_FORMAT", "{number} Bcc: <x>"),
        ("IMAP_FOLDER", "INBOX\r\nDELETE INBOX"),
        ("EMAIL_TO_TICKET_CHECK_INTERVAL", "0"),
        ("TIMEZONE", "Mars/Olympus"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name, value):
    with pytest.raises(ConfigError, match=name):
        read_settings({name: value}, None)


def test_who_names_the_backend_of_ses_is_told_its_server():
    with pytest.raises(ConfigError, match=r"email-smtp\.REGION"):
        read_settings({"EMAIL_BACKEND": "django_ses.SESBackend"}, None)


def test_a_port_that_is_no_number_is_explained():
    with pytest.raises(ConfigError, match="PORT: 'abc' cannot be used \\(use a whole number\\)"):
        read_settings({"PORT": "abc"}, None)


def test_a_secret_is_not_repeated_in_the_error(monkeypatch):
    with pytest.raises(ConfigError) as error:
        load_config({"SECRET_KEY": "hunter2"}, ENV_FILE=None)
    assert "hunter2" not in str(error.value)


def test_the_environment_wins_over_the_file(tmp_path):
    (tmp_path / ".env").write_text("PORT=9000\nBIND=0.0.0.0\n")
    settings = read_settings({"PORT": "9001"}, tmp_path / ".env")
    assert (settings["PORT"], settings["BIND"]) == (9001, "0.0.0.0")


def test_there_is_no_default_key(tmp_path):
    with pytest.raises(ConfigError, match="SECRET_KEY"):
        load_config({"INSTANCE_PATH": str(tmp_path)}, ENV_FILE=None)


def test_the_key_is_written_once_for_its_owner_only(tmp_path):
    write_secret_key(tmp_path / "instance")
    key = read_secret_key(tmp_path / "instance")
    write_secret_key(tmp_path / "instance")
    assert read_secret_key(tmp_path / "instance") == key
    assert (tmp_path / "instance" / "secret_key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "instance" / "secret_key").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_secret_key(tmp_path / "instance")


def test_a_path_too_long_for_a_socket_is_said(tmp_path):
    with pytest.raises(ConfigError, match="too long"):
        redis_url(None, tmp_path / ("x" * 120))


@pytest.mark.parametrize("prefix", ["postgres://", "postgresql://"])
def test_addresses_of_platforms_get_their_driver(tmp_path, prefix):
    config = load_config(
        KEY | {"DATABASE_URL": prefix + "u@h/d", "INSTANCE_PATH": str(tmp_path)}, ENV_FILE=None
    )
    assert config["SQLALCHEMY_DATABASE_URI"] == "postgresql+psycopg://u@h/d"


def test_the_cookie_is_secure_behind_https(tmp_path):
    for url, secure in (("https://desk.example", True), ("http://localhost:8000", False)):
        config = load_config(KEY | {"SITE_URL": url, "INSTANCE_PATH": str(tmp_path)}, ENV_FILE=None)
        assert config["SESSION_COOKIE_SECURE"] is secure


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("de", "de"),
        ("DE", "de"),
        ("de_AT.UTF-8", "de"),
        ("en_US:en", "en"),
        ("fr_FR:de_DE:en", "de"),
        ("C.UTF-8", "en"),
    ],
)
def test_a_language_the_system_set_for_all_programs_is_understood(said, language):
    assert load_config({"SECRET_KEY": "k" * 40, "LANGUAGE": said}, ENV_FILE=None)["LANGUAGE"] == language
