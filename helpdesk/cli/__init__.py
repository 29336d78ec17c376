"""The operators' door: `flask` commands, one module per subject."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Register every command."""
