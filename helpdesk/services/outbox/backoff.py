"""How long a mail waits before it is tried again: 1, 5, 15 and 60 minutes, then every four hours for five days."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, or_
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql import ColumnElement

FIRST_DELAYS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
LATER_DELAY = timedelta(hours=4)
LONGEST_WAIT = timedelta(days=5)
MOST_ATTEMPTS = 1 + len(FIRST_DELAYS) + LONGEST_WAIT // LATER_DELAY

# A server that cannot be reached is asked more often than that: one look costs little, and whatever waits goes out
# soon after it is back. Still rare enough that a wrong password locks no mailbox.
OFFLINE_DELAYS = FIRST_DELAYS[:3]

# What is further ahead than any wait was written before a clock was set back, and nobody may wait for that.
CLOCKS = timedelta(minutes=5)
FURTHEST, FURTHEST_OFFLINE = LATER_DELAY + CLOCKS, OFFLINE_DELAYS[-1] + CLOCKS


def is_due(
    at: InstrumentedAttribute[datetime | None],
    now: datetime | BindParameter[Any],
    far: datetime | BindParameter[Any],
) -> ColumnElement[bool]:
    """Whether its time has come, or lies beyond `far`, which is `FURTHEST` ahead."""
    return or_(at <= now, at > far)


def next_delay(attempts: int, max_attempts: int) -> timedelta | None:
    """The wait after `attempts` failed tries (1 or more), None when it is time to give up."""
    if attempts >= min(max_attempts, MOST_ATTEMPTS):
        return None
    return FIRST_DELAYS[attempts - 1] if attempts <= len(FIRST_DELAYS) else LATER_DELAY


def offline_delay(failures: int) -> timedelta:
    """The wait after the account's server could not be used `failures` times in a row."""
    return OFFLINE_DELAYS[min(failures, len(OFFLINE_DELAYS)) - 1]
