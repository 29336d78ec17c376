"""Senders that send nothing: one prints, one only says yes."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from helpdesk.transports.base import Delivery


class ConsoleSender:
    """Prints each mail to standard output, for looking at what would leave."""

    def send(self, envelope_from: str, recipients: Sequence[str], raw: bytes) -> Delivery:
        """Print envelope and mail; control characters of the mail do not reach the terminal."""
        text = raw.decode("utf-8", "replace").replace("\r\n", "\n")
        shown = "".join(letter if letter.isprintable() or letter in "\n\t" else "\ufffd" for letter in text)
        rule = "-" * 72
        sys.stdout.write(f"{rule}\nfrom: {envelope_from}\nto: {', '.join(recipients)}\n\n{shown}\n{rule}\n")
        sys.stdout.flush()
        return Delivery(response="printed", refused={})

    def close(self) -> None:
        """Nothing is held open."""


class DummySender:
    """Takes everything and keeps nothing."""

    def send(self, envelope_from: str, recipients: Sequence[str], raw: bytes) -> Delivery:
        """Say yes."""
        return Delivery(response="discarded", refused={})

    def close(self) -> None:
        """Nothing is held open."""
