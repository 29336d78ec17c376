"""A real mail server for what leaves the desk."""

from tests.servers.fixtures import sink, smtp_sink  # noqa: F401
