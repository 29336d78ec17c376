"""The web entry: `gunicorn wsgi:app`, and what `flask` loads."""

from __future__ import annotations

import sys

from config import load_config
from helpdesk.app import create_app
from helpdesk.errors import ConfigError

# Whoever pipes a mail into this command must keep it when the desk cannot even start: EX_TEMPFAIL of sysexits.h.
IS_HANDED_A_MAIL = "ingest-email" in sys.argv[1:]

try:
    app = create_app(load_config())
except ConfigError as error:
    sys.stderr.write(f"Helpdesk cannot start: {error}\n")
    sys.exit(75 if IS_HANDED_A_MAIL else 1)
except Exception as error:  # an instance folder nobody may write to, an address that is none
    if not IS_HANDED_A_MAIL:
        raise
    sys.stderr.write(f"Helpdesk cannot start: {type(error).__name__}: {error}\n")
    sys.exit(75)
