"""Delivery reports that mail servers write as a letter: qmail, Exim, Postfix, Sendmail, Exchange, Gmail and their kin."""

from __future__ import annotations

import re
from collections.abc import Collection

from helpdesk.mail.charset import clean_line
from helpdesk.mail.headers import is_address
from helpdesk.mail.types import BouncedRecipient

MAX_TEXT = 64 * 1024
MAX_LINES = 600
MAX_WORDS = 1_000
MAX_WORD_LINES = 12
MAX_RECIPIENTS = 200
# Where the copy of the mail begins.
_COPY = re.compile(
    r"(?im)^[ \t>]{0,10}(?:-{2,}\s?(?:below this line|this is a copy|original message|the body of the message|"
    r"included is a copy|message header|returned message|unsent message)|-{3,}.{0,60}copy of (?:the|your) message|"
    r"original message headers?:|-{2,}\s?ursprüngliche nachricht|-{2,}\s?message d'origine|(?:return-path|received):\s)"
)
_ADDRESS = r"[^\s<>()\[\]\",;:@]{1,64}@[A-Za-z0-9._-]{1,255}"
# A line that is an address and little else.
_LINE = re.compile(
    rf"\s{{0,20}}(?:to:?\s|recipient:?\s|address:?\s)?<?(?:mailto:)?(?P<address>{_ADDRESS})>?"
    rf"(?:\s?<mailto:[^<>\s]{{1,300}}>|\s\([^()]{{1,200}}\)|\son\s\d[^:]{{0,40}}\d{{1,2}}:\d\d.{{0,12}})?\s{{0,5}}"
    r"(?::\s{0,10}(?P<rest>.*)|\.\.\.\s?(?P<more>.*)|\s-{1,2}\s(?P<after>.*))?\Z",
    re.IGNORECASE,
)
_IN_SENTENCE = re.compile(
    rf"(?:delivered to|deliver (?:your message |it |mail )?to|reach(?:ed)?|rcpt to:|zugestellt werden[^@]{{0,40}}|remis à|entregar(?: a)?)\s?<?({_ADDRESS})",
    re.IGNORECASE,
)
_STATUS = re.compile(r"(?<![\d.])#?([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.])([45])\d\d[ \-:]")
_WAITS = re.compile(
    r"delayed|not yet been delivered|will (?:be retried|keep trying|continue to (?:try|be))|still (?:being )?(?:tried|trying)|"
    r"no action is required|noch nicht zugestellt|verzögert|retry timeout has not",
    re.IGNORECASE,
)
_FAILED = re.compile(
    r"permanent|failed|fail(?:ure)?|could(?:n't| not) be|was(?:n't| not) (?:be )?delivered|unable to deliver|undeliver|"
    r"rejected|does ?n(?:ot|'t) exist|unknown|nicht zugestellt|unzustellbar|cannot be reached|did not reach|returned",
    re.IGNORECASE,
)
_EMPTY = re.compile(r"[\s>]*\Z")


def before_copy(text: str) -> str:
    """What the server itself says, without the copy of the mail below."""
    text = text[:MAX_TEXT]
    found = _COPY.search(text)
    return text[: found.start()] if found else text


def read_letter(text: str, own: Collection[str]) -> list[BouncedRecipient]:
    """Every recipient a server's letter names, with the server's words. `own` are addresses the letter came to."""
    said = before_copy(text)
    if not _FAILED.search(said) and not _WAITS.search(said):
        return []
    lines = said.split("\n")[:MAX_LINES]
    found: dict[str, BouncedRecipient] = {}
    for at, line in enumerate(lines):
        match = _LINE.match(line[:400])
        if match is None or not is_address(match["address"]) or match["address"].lower() in own:
            continue
        words = _words(lines, at, match["rest"] or match["more"] or match["after"] or "")
        known = found.get(match["address"].lower())
        if known is None or len(known.diagnostic) < len(words):  # said in short above, in full below
            found[match["address"].lower()] = _recipient(match["address"], words, said)
        if len(found) >= MAX_RECIPIENTS:
            break
    if not found and (sentence := _IN_SENTENCE.search(said)) and sentence[1].lower() not in own:
        address = sentence[1].rstrip(".")
        found[address.lower()] = _recipient(address, _first_words(lines), said)
    return list(found.values())


def _words(lines: list[str], at: int, rest: str) -> str:
    """What stands behind and below an address, up to the next blank line behind some words or the next address."""
    said = [rest] if rest.strip() else []
    for line in lines[at + 1 : at + 1 + MAX_WORD_LINES]:
        if _EMPTY.match(line) and said:
            break
        if _LINE.match(line[:400]):
            break
        if not _EMPTY.match(line):
            said.append(line.strip(" \t>"))
    return clean_line(" ".join(said))[:MAX_WORDS]


def _first_words(lines: list[str]) -> str:
    """The line with a server's code and what follows it, else the first words of all."""
    coded = (
        at for at, line in enumerate(lines) if _STATUS.search(line) or re.match(r"\s*[45]\d\d[ -]", line)
    )
    start = next(coded, 0)
    return clean_line(" ".join(lines[start : start + 4]))[:MAX_WORDS]


def _recipient(address: str, words: str, said: str) -> BouncedRecipient:
    status = _status(words) or _status(said)
    waits = status.startswith("4") or (
        not status and _WAITS.search(said) and not re.search("permanent", said, re.I)
    )
    return BouncedRecipient(address, "delayed" if waits else "failed", status, words)


def _status(words: str) -> str:
    """The enhanced status, else the class of a plain reply code (RFC 3463 has x.0.0 for "nothing more is known")."""
    if found := _STATUS.search(words):
        return found[1]
    code = _CODE.search(words)
    return f"{code[1]}.0.0" if code else ""
