"""The worker's entry: a pool of processes that run the jobs of `helpdesk.jobs.tasks`."""

from __future__ import annotations

import sys

from config import load_config
from helpdesk.app import create_app
from helpdesk.errors import ConfigError
from helpdesk.jobs.pool import run_pool


def main() -> None:
    try:
        settings = load_config()
    except ConfigError as error:
        sys.exit(f"Helpdesk cannot start: {error}")
    run_pool(settings, lambda: create_app(settings))


if __name__ == "__main__":
    main()
