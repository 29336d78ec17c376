"""The web entry: `gunicorn wsgi:app`, and what `flask` loads."""

from __future__ import annotations

import sys

from config import load_config
from helpdesk.app import create_app
from helpdesk.errors import ConfigError

try:
    app = create_app(load_config())
except ConfigError as error:
    sys.exit(f"Helpdesk cannot start: {error}")
