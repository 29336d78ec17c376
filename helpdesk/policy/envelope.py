"""Whom one mail goes to, as a value: openly (`to`, `cc`) or in blind copy (`bcc`), which no mail ever names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FIELDS = ("to", "cc", "bcc")


@dataclass(frozen=True, slots=True)
class Recipients:
    """The people of one mail."""

    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()

    @property
    def everyone(self) -> tuple[str, ...]:
        """Each once."""
        return tuple(dict.fromkeys((*self.to, *self.cc, *self.bcc)))

    @property
    def columns(self) -> dict[str, list[str]]:
        """As rows keep them; nobody in blind copy leaves no key."""
        kept = {"to": list(self.to), "cc": list(self.cc)}
        return kept | {"bcc": list(self.bcc)} if self.bcc else kept


def read(columns: Mapping[str, Sequence[str]]) -> Recipients:
    """What a row keeps; what a server said of them (`accepted`, `refused`) is passed over."""
    return Recipients(*(tuple(columns.get(name, ())) for name in FIELDS))
