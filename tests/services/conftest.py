"""Fixtures for faults of the machine below the services."""

from tests.servers.small_disk import small_disk  # noqa: F401
