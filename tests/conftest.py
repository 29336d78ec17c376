"""What every test may use: both databases, an application, clients for each role.

Everything that touches the database runs once on SQLite and once on PostgreSQL, each test on its own copy of a
migrated template. No application context is held around a client: a signed-in user would leak into the next one.
"""

import os
import shutil
import sqlite3

import pytest
from flask_migrate import upgrade
from sqlalchemy import event
from sqlalchemy.engine import Engine

from config import load_config
from helpdesk.app import create_app
from helpdesk.database import db
from tests import kept
from tests.servers.chromium import chromium  # noqa: F401
from tests.servers.postgres import PostgresServer, binaries
from tests.servers.small_disk import NO_RIGHT

ENVIRONMENT = {"SECRET_KEY": "a-key-for-tests-only-0123456789abcdef", "LOG_LEVEL": "DEBUG"}
CHEAP_ARGON2 = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}


@event.listens_for(Engine, "connect")
def _no_order_by_chance(connection, _record):
    """What asks for no order gets it backwards on SQLite: PostgreSQL, too, gives any order once rows were deleted."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA reverse_unordered_selects=ON")


def pytest_terminal_summary(terminalreporter):
    """Where everything is required, a test that was left out is a failure, and said so.

    But for what no installation can bring: the right to mount a small disk. That is said, too.
    """
    skipped = terminalreporter.stats.get("skipped", [])
    left_out = [report for report in skipped if NO_RIGHT not in str(report.longrepr)]
    if len(left_out) < len(skipped):
        terminalreporter.write_line(
            f"{len(skipped) - len(left_out)} tests were left out: {NO_RIGHT}", yellow=True
        )
    if left_out and os.environ.get("HELPDESK_TEST_REQUIRE") == "all":
        terminalreporter.write_line(f"{len(left_out)} tests were left out, but all are required", red=True)
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    """Tests see no setting of the machine they run on."""
    for name in list(os.environ):
        if name.startswith(("IMAP_", "SMTP_", "EMAIL_")) or name in {
            "DATABASE_URL",
            "REDIS_URL",
            "SECRET_KEY",
        }:
            monkeypatch.delenv(name)


def make_app(instance, database_url=None, **overrides):
    settings = {"INSTANCE_PATH": str(instance), "ARGON2": CHEAP_ARGON2, "TESTING": True} | overrides
    config = load_config(ENVIRONMENT, ENV_FILE=None, DATABASE_URL=database_url, **settings)
    kept.share(config)
    app = create_app(config)
    app.jinja_env.bytecode_cache = kept.TEMPLATES
    return app


def migrate_to_head(app):
    with app.app_context():
        upgrade()
        db.engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("template")
    migrate_to_head(make_app(folder))
    path = folder / "helpdesk.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture(scope="session")
def postgres_server():
    if binaries() is None:
        message = "PostgreSQL is not installed: everything that needs it is left out"
        if os.environ.get("HELPDESK_TEST_REQUIRE") == "all":
            pytest.fail(message)
        pytest.skip(message)
    server = PostgresServer().start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres_server, tmp_path_factory):
    name = postgres_server.create()
    migrate_to_head(make_app(tmp_path_factory.mktemp("template-pg"), postgres_server.url(name)))
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """The address of this test's own migrated database."""
    if request.param == "sqlite":
        path = tmp_path / "helpdesk.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    template = request.getfixturevalue("postgres_template")
    server = request.getfixturevalue("postgres_server")
    name = server.borrow(template)
    yield server.url(name)
    server.give_back(name)


@pytest.fixture
def app(database_url, tmp_path):
    """The application on this test's database; override settings with `app.config`."""
    app = make_app(tmp_path, database_url)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def context(app):
    """An application context, for tests of services; never together with `client`."""
    with app.app_context():
        yield app


@pytest.fixture
def client(app):
    return app.test_client()
