"""`make demo`: a desk with invented tickets, in a folder of its own, connected to nothing.

The second start keeps whatever was done; `--fresh` begins anew. A folder that holds a real desk is never touched.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from config import instance_path, read_settings
from helpdesk.cli import desk
from helpdesk.cli.lock import hold
from helpdesk.demo import stage, story
from helpdesk.errors import ConfigError
from helpdesk.services import running

FOLDER = "instance-demo"
MARK = "demo.json"
DATABASE = "helpdesk.sqlite3"
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else


def new_password() -> str:
    """Easy to type, 74 bits."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(5)) for _ in range(3))


def claim_folder(instance: Path, *, fresh: bool) -> None:
    """Mark the folder as a demo's, empty unless its sample is whole. Raises ConfigError for a real desk's folder."""
    desk.prepare_folder(instance)
    with hold(instance):
        if (instance / DATABASE).exists() and not (instance / MARK).exists():
            raise ConfigError(
                "%(folder)s holds a desk that is no demo. Choose another folder: INSTANCE_PATH=instance-demo make demo",
                folder=str(instance),
            )
        if fresh or not is_whole(instance):
            for path in instance.iterdir():
                if path.name != "desk.lock":
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            write_mark(instance, "")


def is_whole(instance: Path) -> bool:
    return bool(read_password(instance)) and (instance / DATABASE).exists()


def write_mark(instance: Path, password: str) -> None:
    (instance / MARK).write_text(json.dumps({"password": password}), encoding="utf-8")
    (instance / MARK).chmod(0o600)


def read_password(instance: Path) -> str:
    """What the demo's people sign in with; "" while the sample is not whole."""
    try:
        return str(json.loads((instance / MARK).read_text(encoding="utf-8"))["password"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def prepare(instance: Path) -> Sequence[str]:
    """Make the sample unless it is there; say who can sign in."""
    sample = story.read()
    with desk.current_database():
        if not is_whole(instance):
            desk.say(
                f"Inventing {sample.company}: its people and {len(sample.conversations)} conversations …"
            )
            password = new_password()
            # hundreds of lines nobody reads, and a mail that is meant to fail
            logging.getLogger("helpdesk").setLevel(logging.CRITICAL)
            stage.play(sample, password)
            write_mark(instance, password)
    return greeting(sample, read_password(instance))


def greeting(sample: story.Story, password: str) -> list[str]:
    people = [f"  {member.email:<24} {member.name}, {member.role}" for member in sample.members.values()]
    return [
        f"This is {sample.company}, an invented company. Sign in as one of",
        *people,
        f"each with the password  {password}",
        "",
        "Be a customer: open /practice on the same address. No mail leaves this machine.",
        "Start anew with: make demo ARGS=--fresh",
        "",
    ]


def run_demo(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return the exit code. Raises ConfigError when it cannot start."""
    parser = argparse.ArgumentParser(prog="make demo", description="Run a desk with invented tickets.")
    parser.add_argument("--fresh", action="store_true", help="throw away what was done and begin anew")
    fresh = parser.parse_args(arguments).fresh
    os.environ["DEMO"] = "true"
    os.environ["INSTANCE_PATH"] = os.environ.get("INSTANCE_PATH") or FOLDER  # never the one in .env
    settings = read_settings(os.environ)
    instance = instance_path(settings)
    claim_folder(instance, fresh=fresh)
    port = running.free_port(settings)
    if port != settings["PORT"]:
        desk.say(f"Port {settings['PORT']} is in use, so the demo takes {port}.")
    os.environ["PORT"] = str(port)
    return desk.run_desk(lambda: prepare(instance))


if __name__ == "__main__":
    desk.main(run_demo)
