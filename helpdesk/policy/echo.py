"""Whether a mail only says again what a machine has said: two desks that answer each other do.

Nothing of the header is needed. A desk that confirms our confirmation repeats its subject with our number in it, or says
it in the very sentences we use; and what a machine sends again and again differs in numbers alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from helpdesk.policy.acknowledge import safe_subject

LEAST_SUBJECT = 14  # shorter ones, a number and a word, are repeated by chance
MOST_SUBJECT = 40  # whoever repeats one cuts it
LEAST_LINE = 30
MAX_READ = 4000


def _fold(text: str, *, with_digits: bool) -> str:
    """What stands between words, and how they are written, does not count."""
    folded = unicodedata.normalize("NFKC", text[:MAX_READ]).casefold()
    return "".join(each for each in folded if each.isalpha() or (with_digits and each.isdigit()))


def repeats_subject(sent: str, *, subject: str, text: str) -> bool:
    """Whether a mail carries the subject, number and all, of a mail we have sent; made harmless, as another desk would."""
    key = _fold(safe_subject(sent).partition("…")[0], with_digits=True)[:MOST_SUBJECT]
    said = (_fold(subject, with_digits=True), _fold(text, with_digits=True))
    return len(key) >= LEAST_SUBJECT and any(key in each for each in said)


def repeats_line(sent: Iterable[str], text: str) -> bool:
    """Whether a mail says a whole sentence of a mail we have sent, in words of its own and not in what it quotes."""
    said = _fold(text, with_digits=False)
    keys = (_fold(line, with_digits=False) for line in sent)
    return any(len(key) >= LEAST_LINE and key in said for key in keys)


def is_same(one: str, other: str) -> bool:
    """Whether two texts say the same but for numbers; nothing at all says nothing."""
    said = _fold(one, with_digits=False)
    return bool(said) and said == _fold(other, with_digits=False)
