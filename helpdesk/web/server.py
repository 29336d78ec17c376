"""gunicorn's settings: `gunicorn -c python:helpdesk.web.server wsgi:app`. Every name here is one of gunicorn's own.

A few processes with many threads each: most requests wait for the database or a slow browser, not for the processor.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from config import read_settings
from helpdesk.database import db
from helpdesk.errors import ConfigError

try:
    _settings = read_settings(os.environ)
except ConfigError as error:
    sys.exit(f"Helpdesk cannot start: {error}")
_host = f"[{_settings['BIND']}]" if ":" in _settings["BIND"] else _settings["BIND"]
_memory = Path("/dev/shm")  # noqa: S108 - gunicorn makes private files there

bind = f"{_host}:{_settings['PORT']}"
workers = _settings["WEB_WORKERS"]
worker_class = "gthread"
threads = _settings["WEB_THREADS"]
timeout = 60
graceful_timeout = 20
keepalive = 5
preload_app = True  # one import for all; create_app opens no connection
worker_tmp_dir = (
    str(_memory) if os.access(_memory, os.W_OK) else None
)  # a slow disk must not look like a hang
accesslog = None
errorlog = "-"
loglevel = "info"
proc_name = "helpdesk"
control_socket_disable = True  # it would lie in the home folder, one for all desks


def post_fork(server: Any, _worker: Any) -> None:
    """Leave the parent's database connections, should it have opened any, to the parent."""
    with server.app.wsgi().app_context():
        db.engine.dispose(close=False)
