"""What the mail servers a mail came through say about spam in its header: SpamAssassin's, rspamd's and Microsoft's words.

Anybody can write such a header. Who forges one can only make his own mail spam: any "yes" counts and the highest score
does, so no forged "no" or low score outweighs what our own server says, and nothing here ever vouches for a mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

SPAM_CONFIDENCE = 5  # Microsoft's SCL from which on it is spam; -1 to 9
MAX_READ = 2000
MAX_SCORE = 1000.0
_SCORE = re.compile(r"(?:score|hits)\s*=\s*([-+]?\d{1,6}(?:\.\d{1,6})?)", re.IGNORECASE)
_FIRST = re.compile(r"\s*([-+]?\d{1,6}(?:\.\d{1,6})?)(?![\d.])")
_RESULT = re.compile(r"\[\s*([-+]?\d{1,6}(?:\.\d{1,6})?)\s*/")
_FORWARDED = re.compile(r"(?:\A|;)\s*(SCL|SFV|CAT):\s*([^;\s]{1,20})", re.IGNORECASE)
_ACTIONS = frozenset({"add header", "rewrite subject", "reject"})
_FILTERED = frozenset({"spm", "sks", "skb"})  # SFV: spam by its content, by a rule, by a list of senders
_CATEGORIES = frozenset({"spm", "hspm", "phsh", "hphsh", "hphish", "malw"})


@dataclass(frozen=True, slots=True)
class SpamVerdict:
    """`is_spam`: some server called it so, `by` is its header. `score` is the highest of SpamAssassin's or rspamd's kind
    (5 is what most call spam), None when no server gave one, `scored_by` its header."""

    is_spam: bool = False
    by: str = ""
    score: float | None = None
    scored_by: str = ""


def read_verdict(headers: Iterable[tuple[str, str]]) -> SpamVerdict:
    """Everything the header says about spam, as one verdict."""
    by, scores = "", list[tuple[float, str]]()
    for name, value in headers:
        reader = _READERS.get(name.lower())
        if reader is None:
            continue
        is_spam, score = reader(value[:MAX_READ].strip())
        if is_spam and not by:
            by = name
        if score is not None and abs(score) <= MAX_SCORE:
            scores.append((score, name))
    score, scored_by = max(scores, default=(None, ""), key=lambda found: found[0] or 0.0)
    return SpamVerdict(bool(by), by, score, scored_by)


Found = tuple[bool, float | None]


def _number(found: re.Match[str] | None) -> float | None:
    return float(found[1]) if found else None


def _flag(value: str) -> Found:
    return _says_yes(value), None


def _says_yes(value: str) -> bool:
    return value[:4].lower() in ("yes", "yes,", "yes ", "yes;", "true")


def _status(value: str) -> Found:
    """`Yes, score=7.2 required=5.0 tests=...`; old versions wrote `hits=`."""
    return _says_yes(value), _number(_SCORE.search(value))


def _score(value: str) -> Found:
    return False, _number(_FIRST.match(value)) if value else None


def _stars(value: str) -> Found:
    """`*******` or `+++++++` for 7, `---` for -3, `/` for nothing."""
    mark = value[:1]
    count = len(value) - len(value.lstrip(mark)) if mark in ("*", "+", "s", "-") and mark else 0
    return False, float(-count if mark == "-" else count) if value else None


def _result(value: str) -> Found:
    """rspamd: `default: False [2.30 / 15.00]; ...`; `True` when it did something about it."""
    head = value.partition("[")[0].lower()
    return "true" in head, _number(_RESULT.search(value))


def _action(value: str) -> Found:
    return value.split(";", maxsplit=1)[0].strip().lower() in _ACTIONS, None


def _confidence(value: str) -> Found:
    level = _number(_FIRST.match(value))
    return level is not None and level >= SPAM_CONFIDENCE, None


def _report(value: str) -> Found:
    """Microsoft: `CIP:203.0.113.7;CTRY:DE;SCL:5;SFV:SPM;CAT:SPM;...`."""
    for name, word in _FORWARDED.findall(value):
        match name.upper():
            case "SCL" if _confidence(word)[0]:
                return True, None
            case "SFV" if word.lower() in _FILTERED:
                return True, None
            case "CAT" if word.lower() in _CATEGORIES:
                return True, None
    return False, None


_READERS = {
    "x-spam": _flag,
    "x-spam-flag": _flag,
    "x-spam-status": _status,
    "x-spam-score": _score,
    "x-spam-level": _stars,
    "x-spamd-bar": _stars,
    "x-spamd-result": _result,
    "x-rspamd-action": _action,
    "x-rspamd-score": _score,
    "x-ms-exchange-organization-scl": _confidence,
    "x-forefront-antispam-report": _report,
}
