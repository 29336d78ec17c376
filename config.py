"""Every setting of the desk: one table, read strictly from the environment and from `.env` in the project's folder.

`SETTINGS` holds name, aliases, type, default and meaning; `docs/configuration.md` is tested against it. A value that
cannot be understood stops the desk with a sentence naming the setting; no secret has a default. What admins change
while the desk runs lives in the database (`services/settings.py`), not here.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values

from helpdesk.errors import ConfigError
from helpdesk.languages import LANGUAGES, OWN
from helpdesk.policy import setting_values
from helpdesk.policy.addresses import INTERNET_ONLY, OWN_NETWORKS, is_loopback, read_networks
from helpdesk.policy.numbering import check_format

PROJECT = Path(__file__).resolve().parent
MEGABYTE = 1024 * 1024


def _zone(text: str) -> str:
    try:
        return ZoneInfo(text.strip()).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("use a name like Europe/Berlin") from error


def _language(text: str) -> str:
    """The first of ours in a list like `de_AT:de:en`: many systems set LANGUAGE that way, for GNU gettext."""
    wanted = [re.split("[_.@-]", entry.strip().lower())[0] for entry in text.split(":")]
    return next((language for language in wanted if language in LANGUAGES), OWN)


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table; `parse` raises ValueError with the hint shown to the operator."""

    name: str
    parse: Callable[[str], Any]
    default: Any
    meaning: str
    aliases: tuple[str, ...] = ()
    secret: bool = False


# fmt: off
SETTINGS: tuple[Setting, ...] = (
    # the desk
    Setting("SITE_URL", setting_values.url, None, "Address people reach the desk at; links in mails use it. Default: http://BIND:PORT"),
    Setting("PORT", setting_values.port, 8000, "Port of the web server"),
    Setting("BIND", setting_values.text, "127.0.0.1", "Address the web server listens on"),
    Setting("TRUSTED_HOSTS", setting_values.words, [], "Further host names the desk answers to, separated by commas"),
    Setting("TRUSTED_PROXIES", int, 0, "Number of reverse proxies whose X-Forwarded headers are believed"),
    Setting("INSTANCE_PATH", setting_values.text, None, "Folder for database, files, key and store. Default: instance/ in the project"),
    Setting("SECRET_KEY", setting_values.text, None, "Key all other keys are derived from; `make run` writes one to INSTANCE_PATH", secret=True),
    Setting("SECRET_KEY_FALLBACKS", setting_values.words, [], "Earlier keys, still accepted, newest first, separated by commas", secret=True),
    Setting("TIMEZONE", _zone, "UTC", "Time zone of the desk, for example Europe/Berlin"),
    Setting("LANGUAGE", _language, "en", "Language of pages and mails for people who chose none, such as en or de"),
    Setting("TICKET_NUMBER_FORMAT", check_format, "TKT-{year}-{number:05d}", "How a ticket number is shown"),
    Setting("CONTACT_FORM", setting_values.boolean, False, "Public form at /contact, for people who have not signed in"),
    Setting("DEMO", setting_values.boolean, False, "A desk with invented tickets that is connected to nothing; `make demo` sets it"),
    Setting("LOG_LEVEL", setting_values.text, "INFO", "DEBUG, INFO, WARNING or ERROR"),
    # where things are kept
    Setting("DATABASE_URL", setting_values.text, None, "Database. Default: SQLite in INSTANCE_PATH; PostgreSQL: postgresql://...", secret=True),
    Setting("REDIS_URL", setting_values.text, None, "Redis or Valkey. Default: an embedded one in INSTANCE_PATH", secret=True),
    # the first mail account
    Setting("SUPPORT_EMAIL", setting_values.text, None, "Address of the first mail account"),
    Setting("EMAIL_TO_TICKET_ENABLED", setting_values.boolean, True, "Fetch mail for the first account", ("IMAP_ENABLED",)),
    Setting("EMAIL_TO_TICKET_CHECK_INTERVAL", setting_values.positive, 300, "Seconds between two looks at an account, unless it was given others in the browser", ("EMAIL_DEFAULT_POLL_FREQUENCY", "EMAIL_INTEGRATION_POLL_FREQUENCY")),
    Setting("EMAIL_MAX_EMAILS_PER_POLL", setting_values.positive, 50, "Mails taken per batch, unless the account was given another number in the browser", ("EMAIL_INTEGRATION_MAX_EMAILS_PER_POLL",)),
    Setting("IMAP_HOST", setting_values.text, None, "Server mail is fetched from"),
    Setting("IMAP_PORT", setting_values.port, None, "Its port. Default: 993, or 143 with IMAP_USE_SSL=false"),
    Setting("IMAP_USERNAME", setting_values.text, None, "Its user. Default: SUPPORT_EMAIL"),
    Setting("IMAP_PASSWORD", setting_values.text, None, "Its password", secret=True),
    Setting("IMAP_FOLDER", setting_values.folder, "INBOX", "Folder that is read"),
    Setting("IMAP_TAKEN_MAIL", setting_values.one_of("seen", "leave", "move", "delete"), "seen", "What happens there to mail once it is safe here: seen, leave, move or delete"),
    Setting("IMAP_MOVE_TO", setting_values.folder, None, "Folder for IMAP_TAKEN_MAIL=move; it is made when it is missing"),
    Setting("IMAP_USE_SSL", setting_values.boolean, True, "true: TLS from the start; false: STARTTLS with a verified certificate"),
    Setting("IMAP_ALLOW_PLAINTEXT", setting_values.boolean, False, "Allow an unencrypted connection to a server that is not on this machine"),
    Setting("IMAP_CA_FILE", setting_values.text, None, "Certificate authority of your own server, a PEM file"),
    Setting("SMTP_HOST", setting_values.text, None, "Server mail is sent through", ("EMAIL_HOST",)),
    Setting("SMTP_PORT", setting_values.port, 587, "Its port; 465 means TLS from the start", ("EMAIL_PORT",)),
    Setting("SMTP_USERNAME", setting_values.text, None, "Its user; empty: no login", ("EMAIL_HOST_USER",)),
    Setting("SMTP_PASSWORD", setting_values.text, None, "Its password", ("EMAIL_HOST_PASSWORD",), secret=True),
    Setting("SMTP_FROM", setting_values.text, None, "Sender of the desk's mails. Default: SUPPORT_EMAIL", ("DEFAULT_FROM_EMAIL",)),
    Setting("SMTP_USE_TLS", setting_values.boolean, True, "false: no TLS on this machine or with SMTP_ALLOW_PLAINTEXT; otherwise TLS always (465 at once, else STARTTLS)", ("EMAIL_USE_TLS",)),
    Setting("SMTP_ALLOW_PLAINTEXT", setting_values.boolean, False, "Allow an unencrypted connection to a server that is not on this machine"),
    Setting("SMTP_CA_FILE", setting_values.text, None, "Certificate authority of your own server, a PEM file"),
    Setting("EMAIL_BACKEND", setting_values.backend, None, "Where all mail goes: smtp, console (printed), file (into EMAIL_FILE_PATH) or dummy (nowhere). Default: smtp when a server is set, else the practice mailbox"),
    Setting("EMAIL_FILE_PATH", setting_values.text, None, "Folder for EMAIL_BACKEND=file, one .eml a mail. Default: sent-mail in INSTANCE_PATH"),
    # further mail accounts
    Setting("MAIL_ALLOWED_NETWORKS", read_networks, None, "Where servers typed in the browser may be besides the Internet: loopback, private, none, or networks like 10.1.0.0/16. Default: loopback,private while SITE_URL is on this machine, else none"),
    # limits
    Setting("EMAIL_MAX_ATTACHMENT_SIZE", setting_values.positive, 25 * MEGABYTE, "Largest file in bytes, in mails and uploads"),
    Setting("EMAIL_MAX_MESSAGE_SIZE", setting_values.positive, 35 * MEGABYTE, "Larger mails are stored in part, in bytes"),
    Setting("EMAIL_MAX_RETRY_ATTEMPTS", setting_values.positive, 35, "Tries before an outgoing mail is failed"),
    Setting("EMAIL_RETENTION_DAYS", setting_values.positive, 365, "Days raw messages are kept"),
    # processes
    Setting("WEB_WORKERS", setting_values.positive, 2, "Web processes"),
    Setting("WEB_THREADS", setting_values.positive, 16, "Threads in each web process"),
    Setting("WORKER_PROCESSES", setting_values.positive, 3, "Worker processes"),
    Setting("SWEEP_INTERVAL", setting_values.positive, 30, "Seconds between two sweeps for forgotten work"),
    Setting("CLAIM_SECONDS", setting_values.positive, 120, "Seconds after which the work of a worker that died is given to another"),
)
# fmt: on


def _lookup(setting: Setting, values: Mapping[str, str | None]) -> str | None:
    """The first non-empty value under the setting's name or, failing that, an alias."""
    for name in (setting.name, *setting.aliases):
        value = values.get(name)
        if value is not None and value.strip():
            return value
    return None


def _values(environ: Mapping[str, str], env_file: Path | None) -> dict[str, str | None]:
    values: dict[str, str | None] = {}
    if env_file and env_file.is_file():
        values.update(dotenv_values(env_file))
    return values | dict(environ)


def names_set(environ: Mapping[str, str], env_file: Path | None = PROJECT / ".env") -> frozenset[str]:
    """Which settings somebody has given a value: admins cannot change these in the browser."""
    values = _values(environ, env_file)
    return frozenset(setting.name for setting in SETTINGS if _lookup(setting, values) is not None)


def read_settings(environ: Mapping[str, str], env_file: Path | None = PROJECT / ".env") -> dict[str, Any]:
    """Return every setting by name; the environment wins over `env_file`. Raises ConfigError."""
    values = _values(environ, env_file)
    settings = {}
    for setting in SETTINGS:
        text = _lookup(setting, values)
        try:
            settings[setting.name] = setting.default if text is None else setting.parse(text)
        except ValueError as error:
            shown = "its value" if setting.secret else repr(text)
            raise ConfigError(f"{setting.name}: {shown} cannot be used ({error}).") from error
    return settings | (_nothing_real() if settings["DEMO"] else {})


def _nothing_real() -> dict[str, Any]:
    """A demo knows nothing of the real desk whose `.env` lies beside it: no database, no key, no mail server."""
    names = {"DATABASE_URL", "REDIS_URL", "SITE_URL", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "SUPPORT_EMAIL"}
    return {
        setting.name: setting.default
        for setting in SETTINGS
        if setting.name in names or setting.name.startswith(("IMAP_", "SMTP_", "EMAIL_BACKEND"))
    }


def database_url(url: str | None, instance: Path) -> str:
    """Name the driver in a PostgreSQL address as platforms hand it out; default to SQLite in `instance`."""
    if not url:
        return f"sqlite:///{instance / 'helpdesk.sqlite3'}"
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def redis_url(url: str | None, instance: Path) -> str:
    """Default to the embedded store's socket in `instance`. Raises ConfigError when its path is too long."""
    if url:
        return url
    path = instance / "redis.sock"
    if len(os.fsencode(path)) > 103:  # sun_path: 104 bytes on macOS, 108 on Linux, with the closing NUL
        raise ConfigError(
            f"INSTANCE_PATH: {instance} is too long for a socket; choose a shorter folder or set REDIS_URL."
        )
    return f"unix://{path}"


def secret_key_path(instance: Path) -> Path:
    return instance / "secret_key"


def write_secret_key(instance: Path) -> None:
    """Create the key file with mode 0600 unless it exists."""
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(secret_key_path(instance), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_secret_key(instance: Path) -> str:
    """Read the key file. Raises ConfigError when it is missing, empty or readable by others."""
    path = secret_key_path(instance)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        key = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigError(
            "SECRET_KEY is not set. Set it in the environment, or start the desk with `make run`, which writes one."
        ) from error
    if mode & 0o077:
        raise ConfigError(f"{path} can be read by others. Run: chmod 600 {path}")
    if len(key) < 32:
        raise ConfigError(f"{path} holds no usable key: it must have at least 32 characters.")
    return key


def site_url(settings: Mapping[str, Any]) -> str:
    if settings["SITE_URL"]:
        return str(settings["SITE_URL"])
    host = "localhost" if settings["BIND"] in {"0.0.0.0", "::", "127.0.0.1", "::1"} else settings["BIND"]  # noqa: S104 - compared, not bound
    return f"http://{host}:{settings['PORT']}"


def instance_path(settings: Mapping[str, Any]) -> Path:
    return (PROJECT / (settings["INSTANCE_PATH"] or "instance")).resolve()


def load_config(environ: Mapping[str, str] | None = None, **overrides: Any) -> dict[str, Any]:
    """Return what `create_app` needs: every setting, and Flask's own derived from them. Raises ConfigError.

    `overrides` replace settings by name after parsing; tests and the demo use them.
    """
    env_file = None if overrides.pop("ENV_FILE", True) is None else PROJECT / ".env"
    environ = os.environ if environ is None else environ
    settings = read_settings(environ, env_file)
    settings["SET_BY_ENVIRONMENT"] = names_set(environ, env_file) | overrides.keys()
    settings.update(overrides)
    instance = instance_path(settings)
    settings["INSTANCE_PATH"] = str(instance)
    settings["SECRET_KEY"] = settings["SECRET_KEY"] or read_secret_key(instance)
    if len(settings["SECRET_KEY"]) < 32:
        raise ConfigError("SECRET_KEY is too short: use at least 32 characters.")
    settings["SITE_URL"] = site_url(settings)
    settings["REDIS_URL"] = redis_url(settings["REDIS_URL"], instance)
    if settings["MAIL_ALLOWED_NETWORKS"] is None:
        is_here = is_loopback(urlsplit(settings["SITE_URL"]).hostname or "")
        settings["MAIL_ALLOWED_NETWORKS"] = OWN_NETWORKS if is_here else INTERNET_ONLY
    return settings | _flask_settings(settings, instance)


def _flask_settings(settings: Mapping[str, Any], instance: Path) -> dict[str, Any]:
    url = database_url(settings["DATABASE_URL"], instance)
    secure = settings["SITE_URL"].startswith("https://")
    connections = settings["WEB_THREADS"] + 4
    engine_options: dict[str, Any] = {"connect_args": {"timeout": 10}}
    if url.startswith("postgresql"):
        engine_options = {
            "pool_size": connections,
            "max_overflow": 4,
            "pool_pre_ping": True,
            "pool_timeout": 10,
            "connect_args": {"connect_timeout": 10},
        }
    return {
        "SQLALCHEMY_DATABASE_URI": url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options,
        "MAX_CONTENT_LENGTH": settings["EMAIL_MAX_MESSAGE_SIZE"] + 5 * MEGABYTE,
        "MAX_FORM_MEMORY_SIZE": 5 * MEGABYTE,
        "MAX_FORM_PARTS": 200,
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "WTF_CSRF_TIME_LIMIT": None,
        "WTF_CSRF_SSL_STRICT": False,
        "BABEL_DEFAULT_LOCALE": settings["LANGUAGE"],
        "BABEL_DEFAULT_TIMEZONE": settings["TIMEZONE"],
        "BABEL_TRANSLATION_DIRECTORIES": str(PROJECT / "helpdesk" / "translations"),
        "RATELIMIT_STORAGE_URI": re.sub("^unix:", "redis+unix:", settings["REDIS_URL"]),
        "RATELIMIT_STORAGE_OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True,
        "RATELIMIT_HEADERS_ENABLED": True,
        "MAIL_SUPPRESS_SEND": False,
    }
