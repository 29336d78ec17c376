"""The demo of its own folder, on a short path."""

from tests.jobs.conftest import short_path  # noqa: F401
