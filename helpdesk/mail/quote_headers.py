"""Recognises the lines a mail program puts above what it quotes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from helpdesk.mail.quote_words import (
    ABOVE_LINE,
    ADDRESS,
    ADDRESS_LAST,
    DATE,
    DATED_MAILBOX,
    GROUPWARE,
    LABELS,
    LONGEST_WROTE,
    MAILBOX,
    OPENING,
    OWN_WORDS,
    PLACE_AND_TIME,
    SAID_LAST,
    SEPARATOR,
    TIME,
    WEEKDAY,
    WROTE_LAST,
    WROTE_THEN_NAME,
)

REPLY_ABOVE = (
    "##- Please type your reply above this line -##"  # of old; each desk writes it in its readers' languages
)
REPLY_LINE = re.compile(r"##-\s?[^<>\n]{5,160}?\s?-##")
BREAK = "\ue000"  # a line our own HTML reading puts where a mail program draws the line above the quoted mail
HISTORY = "\ue001"  # ... and where a mark leaves no doubt
MARKS = (BREAK, HISTORY)
MAX_LINE = 400
MAX_ATTRIBUTION_LINES = 4
MAX_BLOCK_LINES = 12
MAX_FOREIGN = 250
_DRESS = set("-_*=–—#~+ ")
_UNSPACED_ENDS = ("作成", "작성", "メール", "写道", "寫道", "----", "---")

_INVISIBLE = str.maketrans("", "", "\u200b\u200e\u200f\u202a\u202c\u2060\u2068\u2069\ufeff\xad")
_SECOND_LABEL = re.compile(
    r"\s\*{0,2}(?:date|sent|gesendet|datum|envoyé|verzonden|enviado|inviato)\s?:", re.IGNORECASE
)
_LONG_RULE = re.compile(r"(?:_{8,200}|-{8,200})\Z")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class HistoryHeader:
    """`lines` lines that introduce a quoted mail. An attribution (`On ... wrote:`) is never anybody's own words."""

    lines: int
    is_attribution: bool


def is_quoted(line: str) -> bool:
    """Whether a line stands behind a quotation mark."""
    return line.lstrip(" \t").startswith(">")


def bare(line: str) -> str:
    """A line without quotation marks, indents and invisible characters, cut to what a header may be long."""
    return line[: 2 * MAX_LINE].lstrip("> \t\xa0").translate(_INVISIBLE).strip()[: MAX_LINE + 1]


def history_header(lines: Sequence[str], at: int) -> HistoryHeader | None:
    """The header of a quoted mail that begins at this line, if one does. Looks at no more than a dozen lines."""
    first = bare(lines[at])
    if not first:
        return None
    if first == HISTORY:
        return HistoryHeader(1, is_attribution=False)
    is_dressed = first[0] in _DRESS
    if (is_dressed and REPLY_LINE.search(first)) or (is_dressed and ABOVE_LINE.match(first)):
        return HistoryHeader(1, is_attribution=True)
    if (is_dressed and SEPARATOR.match(first)) or _is_groupware(lines[at]):
        return HistoryHeader(1, is_attribution=False)
    if is_dressed and is_dashed_attribution(first):
        return HistoryHeader(1, is_attribution=True)
    if length := _attribution(lines, at):
        return HistoryHeader(length, is_attribution=True)
    if length := _block(lines, at):
        return HistoryHeader(length, is_attribution=False)
    return None


def _attribution(lines: Sequence[str], at: int) -> int:
    """How many lines `On ... wrote:` takes here, 0 when it does not begin here."""
    joined = ""
    for count, line in enumerate(lines[at : at + MAX_ATTRIBUTION_LINES], start=1):
        part = bare(line)
        if not part or (count > 1 and is_quoted(line) and not is_quoted(lines[at])):
            return 0
        # a soft break of quoted-printable that nobody decoded
        joined = joined[:-1] + part if joined.endswith("=") else f"{joined} {part}".strip(" -–—")
        if len(joined) > MAX_LINE:
            return 0
        if _is_attribution(joined, bare(lines[at])) or _names_mailbox(joined, lines, at + count):
            return 0 if _begins_later(lines, at, count) else count
    return 0


def _names_mailbox(text: str, lines: Sequence[str], below: int) -> bool:
    """`Citando <somebody@somewhere>:` above a quote, or with date and time above anything."""
    if is_introduction(text) and MAILBOX.search(text):
        return True
    next_line = next((line for line in lines[below : below + 3] if line.strip()), "")
    if len(text) > MAX_FOREIGN or not is_quoted(next_line) or is_quoted(lines[below - 1]):
        return False
    if text.endswith((":", "：")) and WROTE_LAST.search(text, max(0, len(text) - LONGEST_WROTE)):
        return True
    return bool(ADDRESS_LAST.search(text) or (DATED_MAILBOX.match(text)))


def _is_groupware(line: str) -> bool:
    may_be = line.startswith(">>>") or "---" in line or line[:8].lower() == "original"
    return may_be and GROUPWARE.match(line[:MAX_LINE]) is not None


def is_dashed_attribution(text: str) -> bool:
    """`---- Nora Keller wrote ----`, as old phones write it."""
    inner = text.strip("-–— ")
    is_dashed = text.startswith("--") and text.endswith("--") and 0 < len(inner) < 120
    says = WROTE_LAST.search(inner, max(0, len(inner) - LONGEST_WROTE)) is not None
    return is_dashed and (says or inner.endswith((" schrieb", " schreef", " skrev", " kirjoitti")))


def introduces_quote(text: str) -> bool:
    """Whether a line right above a quote is a program's: an address and a date suffice there."""
    is_addressed = len(text) <= MAX_FOREIGN and ADDRESS.search(text) and DATE.search(text)
    return is_introduction(text) or bool(is_addressed and text.endswith((":", "：")))


def is_introduction(text: str) -> bool:
    """Whether a line names a moment and, in whatever language, introduces what follows.

    With a mailbox in brackets it is a program's hand: nobody writes sentences so.
    """
    is_open = len(text) <= MAX_FOREIGN and text.endswith((":", "："))
    return is_open and bool(DATE.search(text) and TIME.search(text))


def _begins_later(lines: Sequence[str], at: int, count: int) -> bool:
    """Whether the first of the joined lines still belongs to the words above, since a later start suffices."""
    for start in range(at + 1, at + count):
        joined = " ".join(bare(line) for line in lines[start : at + count]).strip(" -–—")
        if DATE.search(joined) and _is_dated_opening(joined) and _is_attribution(joined, joined):
            return True
    return False


def _is_dated_opening(text: str) -> bool:
    begins = text[0].isdigit() or OPENING.match(text) or WEEKDAY.match(text)
    return bool(begins and (DATE.search(text) or TIME.search(text)))


def _is_attribution(text: str, first_line: str) -> bool:
    """Whether one unfolded line says who wrote what follows, and when."""
    if _says_wrote(text):
        if _is_dated_opening(text):
            return True
        is_dated = first_line == text and DATE.search(text) and TIME.search(text)
        return len(text) < 200 and bool(is_dated or ADDRESS.search(first_line))
    return bool(ADDRESS_LAST.search(text) and DATE.search(text) and TIME.search(text))


def _says_wrote(text: str) -> bool:
    """Whether it says that somebody wrote, other than the very person who writes here."""
    text = text.rstrip()
    return _names_writing(text) and OWN_WORDS.search(text) is None


def _names_writing(text: str) -> bool:
    """Looks only where the word can stand, since most lines are nobody's attribution.

    Without a colon it is as often a sentence that goes on below; an address or dashes tell.
    """
    ends = text.endswith((":", "："))
    if WROTE_LAST.search(text, max(0, len(text) - LONGEST_WROTE)):
        return ends or bool(ADDRESS.search(text)) or text.endswith(_UNSPACED_ENDS)
    if ends and SAID_LAST.search(text, max(0, len(text) - LONGEST_WROTE)):
        return MAILBOX.search(text) is not None
    return ends and WROTE_THEN_NAME.search(text) is not None


def _block(lines: Sequence[str], at: int) -> int:
    """How many lines a block like `From: / Sent: / To: / Subject:` takes here, 0 when it is none."""
    roles, last, strays, dated, is_of_mail = set[str](), 0, 0, False, False
    for offset, line in enumerate(lines[at : at + MAX_BLOCK_LINES]):
        part = bare(line)
        found = _roles(part)
        if not found:
            strays += 1
            if offset == 0 or strays > 2 or (not part and len(roles) > 1):
                break
            continue
        roles |= found
        dated = dated or ("sent" in found and _DIGIT.search(part) is not None)
        is_of_mail = is_of_mail or "@" in part or not PLACE_AND_TIME.match(part)
        last, strays = offset, 0
    if "from" in roles and is_of_mail and ((dated and len(roles) > 1) or len(roles) > 3):
        return last + 1
    is_drawn = any(BREAK in line or _LONG_RULE.match(line.strip()) for line in lines[max(at - 3, 0) : at])
    if is_drawn and "from" in roles and ("sent" in roles or _SECOND_LABEL.search(bare(lines[at]))):
        return last + 1
    return 0


def _roles(text: str) -> set[str]:
    text = text[:80].replace("\u3000", "")  # a wide blank inside a label, to make labels equally long
    if ":" not in text and "：" not in text:
        return set()
    return {role for role, pattern in LABELS.items() if pattern.match(text)}
