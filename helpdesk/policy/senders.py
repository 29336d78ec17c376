"""Whose mail is let in and whose is not: addresses and domains, on the whole desk and on one account.

The most particular rule decides: one of the account before one of the desk, an address before a domain, a longer
domain before a shorter one; between two as particular as each other the one that lets in. So a domain can be refused
but for one address in it, and an account can let in whom the desk refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

MAX_LABELS = 10
_DOMAIN = re.compile(r"(?!-)[^\s@<>()\[\],;:\"\\]+(?:\.[^\s@<>()\[\],;:\"\\]+)+\Z")


class Verdict(StrEnum):
    BLOCK = "block"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is decided about `pattern`: an address, or a domain with everything below it; both in lower case."""

    pattern: str
    verdict: Verdict
    is_of_account: bool = False

    @property
    def rank(self) -> tuple[bool, bool, int, bool]:
        return (
            self.is_of_account,
            "@" in self.pattern,
            len(self.pattern),
            self.verdict is Verdict.ALLOW,
        )


def patterns_for(address: str) -> list[str]:
    """Every pattern that would hit this normalised address: itself, its domain, the domains above that."""
    _, at, domain = address.rpartition("@")
    if not at or not domain:
        return []
    labels = domain.split(".")[-MAX_LABELS:]
    return [address, domain, *(".".join(labels[i:]) for i in range(1, len(labels) - 1))]


def hits(pattern: str, address: str) -> bool:
    return pattern in patterns_for(address)


def decide(address: str, rules: Iterable[Rule]) -> Rule | None:
    """The rule that decides about mail from this normalised address, None when none does."""
    wanted = set(patterns_for(address))
    return max((rule for rule in rules if rule.pattern in wanted), key=lambda rule: rule.rank, default=None)


def read_pattern(typed: str) -> str:
    """What somebody typed as a domain, as it is kept: `@Example.com` and `*.example.com` are `example.com`.

    "" when it is none. A last label alone (`com`) is none either: nobody means that.
    """
    bare = typed.strip().lower().removeprefix("*").removeprefix("@").removeprefix("*").removeprefix(".")
    bare = bare.rstrip(".")
    return bare if len(bare) <= 253 and _DOMAIN.match(bare) else ""
