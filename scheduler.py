"""The scheduler's entry: keeps the timetable of `helpdesk.jobs.schedule`."""

from __future__ import annotations

import sys

from config import load_config
from helpdesk import logs
from helpdesk.errors import ConfigError
from helpdesk.jobs.schedule import run_scheduler


def main() -> None:
    try:
        settings = load_config()
    except ConfigError as error:
        sys.exit(f"Helpdesk cannot start: {error}")
    logs.set_up(settings["LOG_LEVEL"])
    run_scheduler(settings)


if __name__ == "__main__":
    main()
