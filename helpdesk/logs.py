"""One line per fact, with ids on it: `when level logger message key=value ...`.

Control characters are escaped, so nothing received can forge a second line. Bodies, secrets and more of an address
than is needed never go into a log.
"""

from __future__ import annotations

import logging
import sys
import time


class OneLineFormatter(logging.Formatter):
    """UTC times; newlines and other controls in the message become visible escapes. Tracebacks keep their lines."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line)


def set_up(level: str) -> None:
    """Send the package's and the libraries' lines to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel("WARNING")
    logging.getLogger("helpdesk").setLevel(level.upper())
