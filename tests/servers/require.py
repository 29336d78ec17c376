"""Leaving out tests whose tools are missing, loudly; with HELPDESK_TEST_REQUIRE=all that is a failure."""

import os
import shutil
from pathlib import Path

import pytest


def require(tool, reason):
    """Return the path of the program `tool`, or skip (fail) with `reason`, which says what is left out."""
    found = shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found:
        return Path(found)
    message = f"{tool} is not installed: {reason}"
    if os.environ.get("HELPDESK_TEST_REQUIRE") == "all":
        pytest.fail(message)
    pytest.skip(message)
