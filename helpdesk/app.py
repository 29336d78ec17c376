"""Wires the desk together: `create_app(config)` and nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from flask import Flask

from helpdesk import cli, logs, models, storage, web
from helpdesk.database import db, prepare_engine
from helpdesk.extensions import babel, csrf, limiter, login, mail, migrate
from helpdesk.jobs import listener
from helpdesk.services import notifications, scheduled_later, search_index

TABLES = (models, storage)  # imported for their tables: Alembic compares all of them


def create_app(config: Mapping[str, Any]) -> Flask:
    """Build the application from `config.load_config()`; opens no connection yet."""
    app = Flask("helpdesk", instance_path=config["INSTANCE_PATH"])
    app.config.from_mapping(config)
    os.makedirs(app.instance_path, mode=0o700, exist_ok=True)
    logs.set_up(app.config["LOG_LEVEL"])
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)
    migrate.init_app(app, db, directory=os.path.join(os.path.dirname(app.root_path), "migrations"))
    mail.init_app(app)
    csrf.init_app(app)
    limiter.init_app(app)
    login.init_app(app)
    notifications.init()
    scheduled_later.init()
    search_index.init()
    web.init_app(app, babel)
    cli.init_app(app)
    app.cli.add_command(listener.listen)  # a process of the desk, started as a command
    return app
