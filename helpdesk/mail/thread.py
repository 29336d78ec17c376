"""What a mail says about the ticket it belongs to: ids we issued, ids we know, a number in the subject.

Evidence only; who may use it is decided elsewhere. Everything signed is an HMAC-SHA256 cut to 120 bits, in lower-case
base32 (mail software changes case), over a purpose, the desk's instance and the ids, and compared in constant time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from helpdesk.mail.headers import ascii_domain
from helpdesk.mail.types import ParsedEmail

INSTANCE_HEADER = "X-Helpdesk-Instance"
TICKET_HEADER = "X-Helpdesk-Ticket"
MAX_IDS = 50
MAX_SUBJECT = 200
_SIGNATURE_BYTES = 15

_ISSUED_ID = re.compile(r"hd\.([0-9]{1,10})\.([a-z0-9_-]{1,64})\.([a-z2-7]{24})(?:@.*)?\Z")
_REPLY_TOKEN = re.compile(r"t([0-9]{1,10})\.([0-9]{1,10})\.([a-z2-7]{24})\Z")
_PREFIX = re.compile(
    r"\s*(?:(?:re|aw|antw|antwort|sv|vs|ref|rif|r|res|odp|ynt|fw|fwd|wg|tr|rv|vb|enc|i|doorst|fyi|回复|答复|转发)"
    r"(?:\s?[\[(]\d{1,3}[\])])?\s?[:：]|\[(?:ext|extern|external|externe)\]:?|\*+(?:ext|extern|external)\*+)\s*",
    re.IGNORECASE,
)
_TAG = re.compile(r"\[(?:(?:TKT|TICKET)[-# ]?(?:[0-9]{4}-)?|#)([0-9]{1,9})\]", re.IGNORECASE)
_BARE = re.compile(r"(?:ticket\s?)?#([0-9]{1,9})(?![0-9\w])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class IssuedId:
    """A Message-ID of ours, its signature checked. `ticket_id` is 0 for mails that belong to no ticket."""

    ticket_id: int
    nonce: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found, strongest first. `issued` and `foreign` keep the order In-Reply-To, then References backwards."""

    issued: tuple[IssuedId, ...]
    foreign: tuple[str, ...]
    subject_number: int | None
    loop: str = ""

    @property
    def is_own(self) -> bool:
        """Whether we wrote this mail ourselves."""
        return bool(self.loop)


def sign(key: bytes, *parts: str) -> str:
    """24 characters of lower-case base32 over the parts, which cannot run into each other."""
    message = "\0".join(parts).encode()
    digest = hmac.new(key, message, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
    return base64.b32encode(digest).decode("ascii").lower()


def _is_signed(signature: str, keys: Iterable[bytes], *parts: str) -> bool:
    matches = [hmac.compare_digest(sign(key, *parts), signature) for key in keys]
    return any(matches)


def issue_message_id(ticket_id: int, *, nonce: str, key: bytes, instance: str, domain: str) -> str:
    """A Message-ID (without brackets) that an answer cites; `nonce` makes it unique and must be letters and digits."""
    nonce = nonce.lower()
    signature = sign(key, "message-id", instance, str(ticket_id), nonce)
    return f"hd.{ticket_id}.{nonce}.{signature}@{ascii_domain(domain)}"


def read_message_id(message_id: str, *, keys: Sequence[bytes], instance: str) -> IssuedId | None:
    """Read an id of ours back; None for every other one. The domain and the case may have been changed on the way."""
    match = _ISSUED_ID.match(message_id.strip("<> ").lower())
    if match is None:
        return None
    ticket_id, nonce, signature = match.groups()
    if not _is_signed(signature, keys, "message-id", instance, ticket_id, nonce):
        return None
    return IssuedId(int(ticket_id), nonce)


def issue_reply_token(ticket_id: int, participant_id: int, *, key: bytes, instance: str) -> str:
    """What stands behind the plus of a reply address, for one person on one ticket."""
    signature = sign(key, "reply-address", instance, str(ticket_id), str(participant_id))
    return f"t{ticket_id}.{participant_id}.{signature}"


def read_reply_token(token: str, *, keys: Sequence[bytes], instance: str) -> tuple[int, int] | None:
    """(ticket id, participant id), or None."""
    match = _REPLY_TOKEN.match(token.lower())
    if match is None:
        return None
    ticket_id, participant_id, signature = match.groups()
    if not _is_signed(signature, keys, "reply-address", instance, ticket_id, participant_id):
        return None
    return int(ticket_id), int(participant_id)


def _without_prefixes(subject: str) -> str:
    """Cut `Re:`, `AW:`, `[External]` and their kin from the front, however many."""
    start = 0
    while match := _PREFIX.match(subject, start):
        start = match.end()
    return subject[start:].strip()


def format_pattern(number_format: str) -> re.Pattern[str]:
    """What recognises a number shown by TICKET_NUMBER_FORMAT between brackets, whatever its year."""
    parts = re.split(r"\{(year|number)[^}]*\}", number_format)
    words = {"year": r"[0-9]{4}", "number": r"([0-9]{1,9})"}
    pattern = "".join(words[part] if i % 2 else re.escape(part) for i, part in enumerate(parts))
    return re.compile(rf"\[{pattern}\]", re.IGNORECASE)


def subject_tag(subject: str, formats: Sequence[str] = ()) -> int | None:
    """The ticket number a subject names: `[TKT-2024-00123]`, `[TICKET-042]`, `[#42]` anywhere; `#42` and
    `Ticket #99` only in front, after `Re:` and its kin. "Problem with ticket 123" names none.

    The number alone counts, whatever year or zeros surround it. `formats` are further TICKET_NUMBER_FORMATs.
    """
    subject = subject[:2000]
    for pattern in (*map(format_pattern, formats), _TAG):
        if match := pattern.search(subject):
            return int(match[1]) or None
    match = _BARE.match(_without_prefixes(subject))
    return (int(match[1]) or None) if match else None


def bare_subject(subject: str) -> str:
    """The subject without prefixes and without our own tags."""
    text, before = subject[:2000], ""
    while text != before:
        before = text
        text = " ".join(_TAG.sub(" ", _without_prefixes(text)).split())
    return text


def tagged_subject(tag: str, subject: str) -> str:
    """`[TKT-2026-00042] subject`: the tag once and in front, no `Re:`, cut to a length every client shows."""
    text = bare_subject(subject.replace(f"[{tag}]", " "))
    if len(text) > MAX_SUBJECT:
        text = text[: MAX_SUBJECT - 1].rstrip() + "…"
    return f"[{tag}] {text}".strip()


def evidence(
    parsed: ParsedEmail, *, keys: Sequence[bytes], instance: str, formats: Sequence[str] = ()
) -> Evidence:
    """Gather what a mail says. `formats` are the TICKET_NUMBER_FORMATs in use."""
    cited = [*parsed.in_reply_to, *reversed(parsed.references)]
    issued, foreign = [], []
    for message_id in list(dict.fromkeys(cited))[:MAX_IDS]:
        ours = read_message_id(message_id, keys=keys, instance=instance)
        if ours is None:
            foreign.append(message_id)
        else:
            issued.append(ours)
    loop = _loop(parsed, keys, instance)
    return Evidence(tuple(issued), tuple(foreign), subject_tag(parsed.subject, formats), loop)


def _loop(parsed: ParsedEmail, keys: Sequence[bytes], instance: str) -> str:
    if read_message_id(parsed.message_id, keys=keys, instance=instance) is not None:
        return "its Message-ID is one of ours"
    if parsed.header(INSTANCE_HEADER).strip() == instance:
        return "it carries this desk's own mark"
    return ""
