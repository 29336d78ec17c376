"""The people and tickets of the web tests, for attacks on them."""

from tests.web.conftest import _fresh_counters, desk, team  # noqa: F401
