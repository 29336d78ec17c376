"""`make run`: the whole desk on one machine with one command.

Prepares the instance folder (key, database), starts what `Procfile.dev` lists, waits until all of it answers, and says
where the desk is. Whatever stands in the way gets a sentence that says what to do.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import upgrade
from honcho.environ import parse_procfile

from config import PROJECT, instance_path, load_config, read_settings, write_secret_key
from helpdesk.cli.accounts import DIVERTED
from helpdesk.cli.lock import hold
from helpdesk.cli.supervisor import STORE, Logs, Supervisor
from helpdesk.database import db
from helpdesk.errors import ConfigError, HelpdeskError
from helpdesk.services import accounts, environment, fetch, running
from helpdesk.services.setup import setup_link

PROCFILE = "Procfile.dev"
PATIENCE_S = 60.0
MOST_ACCOUNTS = 5


def say(*lines: str) -> None:
    for line in lines or ("",):
        print(f"  {line}" if line else "", flush=True)


def prepare_folder(instance: Path) -> None:
    """Make the instance folder, for its owner only. Raises ConfigError when that is not possible."""
    try:
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = instance / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigError(
            "The folder %(folder)s cannot be written (%(reason)s). Choose another: INSTANCE_PATH=~/helpdesk make run",
            folder=str(instance),
            reason=error.strerror or "disk error",
        ) from error


@contextmanager
def current_database() -> Iterator[Flask]:
    """The desk with its database and its first account brought up to date; no connection outlives the block."""
    from wsgi import app  # needs the key, so not before it is written

    with app.app_context():
        upgrade()
        environment.sync_account()
        yield app
        db.session.remove()
        db.engine.dispose()


def first_words() -> list[str]:
    """Bring the database up to date; return what whoever starts the desk must know: its set-up link, while it has no
    admin, and whether mail comes in and goes out.
    """
    with current_database():
        link = setup_link()
        mail = about_mail()
    lines = (
        ["First step: create the administrator's account with this one-time link", link, ""] if link else []
    )
    return [*lines, *mail, ""]


def about_mail() -> list[str]:
    """What is fetched and how often, or why nothing is; and that nothing is sent, when that was asked for."""
    chosen = fetch.accounts_to_fetch()
    lines = [
        f"Mail for {account.email} is fetched every {account.poll_frequency_s} s"
        for account in chosen[:MOST_ACCOUNTS]
    ]
    if len(chosen) > MOST_ACCOUNTS:
        lines.append(f"and for {len(chosen) - MOST_ACCOUNTS} more accounts")
    if not chosen and fetch.accounts_to_fetch(force=True):
        lines.append("No mail is fetched: EMAIL_TO_TICKET_ENABLED is false, or it is paused in the settings")
    elif not chosen:
        lines.append("No mail account yet: connect one in the browser, or set IMAP_HOST and SMTP_HOST")
    if backend := accounts.diverted_to():
        lines.append(DIVERTED[backend])
    return lines


@dataclass(slots=True)
class Greeting:
    """Waits for the processes and tells the person at the screen how it goes."""

    settings: Mapping[str, Any]
    logs: Logs
    words: Sequence[str]
    began_at: float
    launched_at: float = field(default_factory=time.monotonic)
    is_late: bool = False

    def look(self) -> bool:
        """Whether all processes are up; says so, once."""
        waited_s = time.monotonic() - self.launched_at
        missing = running.missing(self.settings, within_s=waited_s + 1)
        if missing and not self.is_late and waited_s > PATIENCE_S:
            self.is_late = True
            say(f"Still waiting for: {', '.join(missing)}. What they say is in {self.logs.folder}")
        if not missing:
            self._greet()
        return not missing

    def _greet(self) -> None:
        say("", f"Ready after {time.monotonic() - self.began_at:.1f} s:  {self.settings['SITE_URL']}", "")
        if self.words:
            say(*self.words)
        say(f"Logs in {shown(self.logs.folder)}, stop with Ctrl-C", "")


def shown(path: Path) -> str:
    """Return the path as short as it can be written from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def supervise(settings: Mapping[str, Any], greeting: Greeting, *, has_own_store: bool) -> Supervisor:
    """Run the processes of the Procfile until a signal comes or one of them ends."""
    supervisor = Supervisor(greeting.logs, greeting.look, lambda: say("", "Stopping …"))
    variables = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
    }
    commands = parse_procfile((PROJECT / PROCFILE).read_text(encoding="utf-8")).processes
    for name, command in commands.items():
        if name != STORE or has_own_store:
            supervisor.add_process(name, command, env=variables, cwd=str(PROJECT))
    supervisor.loop()
    return supervisor


def explain_failure(supervisor: Supervisor, name: str, logs: Logs) -> None:
    code = supervisor.returncode_of(name)
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    say("", f"The desk has stopped, because its {name} process ended {how}. Its last lines:", "")
    say(*[f"  {line}" for line in logs.last_lines(name)] or ["  (none)"])
    say("", f"More in {shown(logs.path(name))}")


def run_desk(prepare: Callable[[], Sequence[str]] = first_words) -> int:
    """Run the desk and return the exit code. Raises ConfigError when it cannot start.

    `prepare` makes the database ready and returns the lines that are said once the desk answers.
    """
    began_at = time.monotonic()
    settings = read_settings(os.environ)
    instance = instance_path(settings)
    prepare_folder(instance)
    with hold(instance):
        if not settings["SECRET_KEY"]:
            write_secret_key(instance)
        has_own_store = not settings["REDIS_URL"]
        settings = load_config()
        running.refuse_taken_port(settings)
        say("", "Helpdesk is starting …")
        greeting = Greeting(settings, Logs(instance / "logs"), prepare(), began_at)
        supervisor = supervise(settings, greeting, has_own_store=has_own_store)
        if supervisor.failed:
            explain_failure(supervisor, supervisor.failed, greeting.logs)
            return 1
        say(f"Stopped. Everything is kept in {shown(instance)}")
        return 0


def main(run: Callable[[], int] = run_desk) -> None:
    os.umask(0o077)  # mail, keys and logs are nobody else's business, whatever the folder's mode
    try:
        code = run()
    except HelpdeskError as error:
        sys.exit(f"Helpdesk cannot start: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(code)


if __name__ == "__main__":
    main()
