"""What a mail says about the ticket it belongs to: addresses, ids and marks we issued, ids we know, a number in the subject.

Evidence only; who may use it is decided elsewhere. Everything signed is an HMAC-SHA256 cut to 120 bits, in lower-case
base32 (mail software changes case), over a purpose, the desk's instance and the ids, and compared in constant time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from helpdesk.mail.headers import ascii_domain
from helpdesk.mail.types import ParsedEmail

INSTANCE_HEADER = "X-Helpdesk-Instance"
TICKET_HEADER = "X-Helpdesk-Ticket"
MAX_IDS = 50
MAX_SUBJECT = 200
MAX_LOCAL = 64  # letters before the @ (RFC 5321 4.5.3.1.1)
_SIGNATURE_BYTES = 15
_TOKEN_NONCE, _TOKEN_SIGNATURE = 8, 20  # of a reply address, where every letter counts: 100 bits
_THREAD_INDEX_BYTES = 22
_WINDOWS_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_MAX_SUBJECT_READ = 2000
_MAX_BODY_READ = 1_000_000
_ISSUED_ID = re.compile(r"hd\.([0-9]{1,10})\.([a-z0-9_-]{1,64})\.([a-z2-7]{24})(?:@.*)?\Z")
_REPLY_TOKEN = re.compile(r"t([0-9]{1,10})\.([a-z0-9]{1,8})\.([a-z2-7]{20})\Z")
_MARKER = re.compile(
    r"hd:([0-9]{1,10})\.([a-z0-9]{1,64})\.([a-z2-7]{24})(?![a-z0-9])", re.IGNORECASE | re.ASCII
)
_ANSWERS = "re|aw|antw|antwort|antwoord|sv|svar|vs|ref|rif|r|res|odp|ynt|vá|ang|απ|отв|ответ|ha|回复|回覆|答复|返信|답장|رد"
_FORWARDS = "fw|fwd|wg|tr|rv|vb|enc|i|doorst|fyi|ilt|pd|πρθ|пересл|转发|轉寄|전달"
_MACHINES = "automatic reply|automatische antwort|abwesenheitsnotiz|réponse automatique|out of office"
_WARNINGS = r"ext|extern|externe?|external(?:[ -]e-?mail|[ -]sender|[ -]message)?|caution|spam|suspected spam"
_PREFIX = re.compile(
    rf"\s*(?:(?:{_ANSWERS}|{_FORWARDS}|{_MACHINES})(?:\s?[\[(]\d{{1,3}}[\])])?\s?[:：]"
    rf"|[\[({{](?:{_WARNINGS})[\])}}]:?|\*+(?:{_WARNINGS})\*+)\s*",
    re.IGNORECASE,
)
_FORWARD_WORD = re.compile(
    rf"(?:\A|[\s\]:：])(?:{_FORWARDS})(?:\s?[\[(]\d{{1,3}}[\])])?\s?[:：]", re.IGNORECASE
)
_TAG = re.compile(r"\[(?:(?:TKT|TICKET)[-# ]{0,2}(?:[0-9]{4}-)?|#)([0-9]{1,9})\]", re.IGNORECASE)
_BARE = re.compile(r"(?:ticket\s?)?#([0-9]{1,9})(?![0-9\w])", re.IGNORECASE)
_HYPHENS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))


@dataclass(frozen=True, slots=True)
class IssuedId:
    """A mail of ours, its signature checked. `ticket_id` is 0 for one that belongs to no ticket.

    A reply address has no room for the whole `nonce`: with `is_short` it is its beginning.
    """

    ticket_id: int
    nonce: str
    is_short: bool = False

    @property
    def message_prefix(self) -> str:
        """What the Message-ID of that mail begins with."""
        return f"hd.{self.ticket_id}.{self.nonce}" + ("" if self.is_short else ".")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found. `issued` and `foreign` keep the order In-Reply-To, then References backwards.

    `tokens` come from the addresses it was sent to. `marked` comes from quoted text, newest first: for servers that
    rewrite every id; whoever was shown the text has it, so it proves nothing about an agent. `thread_index` is what
    Exchange calls the conversation.
    """

    issued: tuple[IssuedId, ...]
    foreign: tuple[str, ...]
    subject_number: int | None
    loop: str = ""
    marked: tuple[IssuedId, ...] = ()
    tokens: tuple[IssuedId, ...] = ()
    thread_index: str = ""
    indexed_ticket: int = 0  # the ticket that index was made for, when it is one of ours

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


def without_markers(text: str) -> str:
    """A text in which no marker of any desk stands, and no brackets around one."""
    return re.sub(rf"\[?{_MARKER.pattern}\]?", "", text, flags=re.IGNORECASE | re.ASCII)


def issue_marker(ticket_id: int, *, nonce: str, key: bytes, instance: str) -> str:
    """A word for the foot of a mail's text, found again in what is quoted of it."""
    nonce = nonce.lower()
    return f"hd:{ticket_id}.{nonce}.{sign(key, 'body-marker', instance, str(ticket_id), nonce)}"


def read_markers(text: str, *, keys: Sequence[bytes], instance: str) -> tuple[IssuedId, ...]:
    """The markers of ours in a text, in its order, each once; at most 50 are looked at."""
    found = []
    for match in islice(_MARKER.finditer(text[:_MAX_BODY_READ]), MAX_IDS):
        ticket_id, nonce, signature = match[0][3:].lower().split(".")
        if _is_signed(signature, keys, "body-marker", instance, ticket_id, nonce):
            found.append(IssuedId(int(ticket_id), nonce))
    return tuple(dict.fromkeys(found))


def issue_reply_token(ticket_id: int, *, nonce: str, key: bytes, instance: str) -> str:
    """What stands behind the plus of a mail's reply address; `nonce` is that of its Message-ID."""
    nonce = nonce.lower()[:_TOKEN_NONCE]
    signature = sign(key, "reply-address", instance, str(ticket_id), nonce)[:_TOKEN_SIGNATURE]
    return f"t{ticket_id}.{nonce}.{signature}"


def read_reply_token(token: str, *, keys: Sequence[bytes], instance: str) -> IssuedId | None:
    """The mail whose reply address it was, None for everything we did not issue."""
    match = _REPLY_TOKEN.match(token.lower())
    if match is None:
        return None
    ticket_id, nonce, signature = match.groups()
    parts = ("reply-address", instance, ticket_id, nonce)
    matches = [hmac.compare_digest(sign(key, *parts)[:_TOKEN_SIGNATURE], signature) for key in keys]
    if not any(matches):
        return None
    return IssuedId(int(ticket_id), nonce, is_short=True)


def with_token(address: str, token: str) -> str:
    """`support@desk.example` as `support+t42...@desk.example`; "" when there is no room for it."""
    local, _, domain = address.rpartition("@")
    return f"{local}+{token}@{domain}" if len(local) + 1 + len(token) <= MAX_LOCAL else ""


def token_in(address: str) -> str:
    """What stands behind the last plus of an address, "" without one."""
    local, _, _ = address.rpartition("@")
    return local.rpartition("+")[2] if "+" in local else ""


def _without_prefixes(subject: str) -> str:
    """Cut `Re:`, `AW:`, `[External]` and their kin from the front, however many."""
    return subject[_prefix_end(subject) :].strip()


def _prefix_end(subject: str) -> int:
    start = 0
    while match := _PREFIX.match(subject, start):
        start = match.end()
    return start


def is_forward(subject: str) -> bool:
    """Whether a mail program wrote `Fwd:`, `WG:` or its kin among the prefixes."""
    subject = subject[:_MAX_SUBJECT_READ]
    return _FORWARD_WORD.search(subject[: _prefix_end(subject)]) is not None


def format_pattern(number_format: str) -> re.Pattern[str]:
    """What recognises a number shown by TICKET_NUMBER_FORMAT between brackets, whatever its year."""
    parts = re.split(r"\{(year|number)[^}]*\}", number_format)
    words = {"year": r"[0-9]{4}", "number": r"([0-9]{1,9})"}
    pattern = "".join(words[part] if i % 2 else re.escape(part) for i, part in enumerate(parts))
    return re.compile(rf"\[{pattern}\]", re.IGNORECASE)


def subject_tag(subject: str, formats: Sequence[str] = ()) -> int | None:
    """The ticket number a subject names: `[TKT-2024-00123]`, `[TICKET-042]`, `[#42]` anywhere; `#42` and
    `Ticket #99` only in front, after `Re:` and its kin. "Problem with ticket 123" names none.

    In the middle of a sentence a bare `#42` is an invoice or somebody else's number; between brackets it is a tag.
    The number alone counts, whatever year or zeros surround it. `formats` are further TICKET_NUMBER_FORMATs.
    """
    subject = subject[:_MAX_SUBJECT_READ].translate(_HYPHENS)
    for pattern in (*map(format_pattern, formats), _TAG):
        if match := pattern.search(subject):
            return int(match[1]) or None
    match = _BARE.match(_without_prefixes(subject))
    return (int(match[1]) or None) if match else None


def bare_subject(subject: str) -> str:
    """The subject without prefixes and without our own tags."""
    text, before = subject[:_MAX_SUBJECT_READ], ""
    while text != before:
        before = text
        text = " ".join(_TAG.sub(" ", _without_prefixes(text)).split())
    return text


def tagged_subject(tag: str, subject: str) -> str:
    """`[TKT-2026-00042] subject`: the tag once and in front, no `Re:`, cut to a length every client shows."""
    text = thread_topic(tag, subject)
    if len(text) > MAX_SUBJECT:
        text = text[: MAX_SUBJECT - 1].rstrip() + "…"
    return f"[{tag}] {text}".strip()


def evidence(
    parsed: ParsedEmail, *, keys: Sequence[bytes], instance: str, formats: Sequence[str] = ()
) -> Evidence:
    """Gather what a mail says. `formats` are the TICKET_NUMBER_FORMATs in use."""
    addressed = [*parsed.delivered_to, *(address.email for address in (*parsed.to, *parsed.cc))]
    tokens = [
        read_reply_token(token_in(one), keys=keys, instance=instance) for one in addressed if "+" in one
    ]
    cited = [*parsed.in_reply_to, *reversed(parsed.references)]
    issued, foreign = [], []
    for message_id in list(dict.fromkeys(cited))[:MAX_IDS]:
        ours = read_message_id(message_id, keys=keys, instance=instance)
        if ours is None:
            foreign.append(message_id)
        else:
            issued.append(ours)
    loop = _loop(parsed, keys, instance)
    marked = read_markers(parsed.text, keys=keys, instance=instance)
    number = subject_tag(parsed.subject, formats)
    index = read_thread_index(parsed.header("Thread-Index"))
    return Evidence(
        tuple(issued),
        tuple(foreign),
        number,
        loop,
        marked,
        tuple(dict.fromkeys(token for token in tokens if token is not None)),
        index,
        read_issued_index(index, keys=keys, instance=instance),
    )


def read_thread_index(value: str) -> str:
    """The part of a Thread-Index all mails of a conversation share, in hexadecimal; "" when it is none.

    Source: MS-OXOMSG 2.2.1.3; a header of 22 bytes, and five for each answer.
    """
    try:
        data = base64.b64decode("".join(value.split())[:1000], validate=True)
    except (binascii.Error, ValueError):
        return ""
    return data[:_THREAD_INDEX_BYTES].hex() if len(data) >= _THREAD_INDEX_BYTES else ""


def issue_thread_index(ticket_id: int, *, began_at: datetime, key: bytes, instance: str) -> str:
    """What Exchange is to call a ticket's conversation, in hexadecimal: the same for all of its mails.

    The first six bytes are the time as Windows counts it, then 16 of which nobody asks more than that they are unique:
    the ticket and 96 bits of signature.
    """
    ticks = int((began_at - _WINDOWS_EPOCH).total_seconds()) * 10_000_000
    unique = ticket_id.to_bytes(4, "big") + _index_signature(key, instance, ticket_id)
    return ((ticks >> 16).to_bytes(6, "big") + unique).hex()


def _index_signature(key: bytes, instance: str, ticket_id: int) -> bytes:
    message = "\0".join(("thread-index", instance, str(ticket_id))).encode()
    return hmac.new(key, message, hashlib.sha256).digest()[:12]


def read_issued_index(index: str, *, keys: Sequence[bytes], instance: str) -> int:
    """The ticket a conversation of ours is about, 0 for every other. `index` as `read_thread_index` gives it."""
    data = bytes.fromhex(index)
    if len(data) != _THREAD_INDEX_BYTES:
        return 0
    ticket_id = int.from_bytes(data[6:10], "big")
    good = [hmac.compare_digest(_index_signature(key, instance, ticket_id), data[10:]) for key in keys]
    return ticket_id if any(good) and ticket_id < 2**31 else 0


def thread_topic(tag: str, subject: str) -> str:
    """What the conversation was called before it had a number: what Outlook compares beside the index."""
    return bare_subject(re.sub(re.escape(f"[{tag}]"), " ", subject[:_MAX_SUBJECT_READ], flags=re.IGNORECASE))


def _loop(parsed: ParsedEmail, keys: Sequence[bytes], instance: str) -> str:
    if read_message_id(parsed.message_id, keys=keys, instance=instance) is not None:
        return "its Message-ID is one of ours"
    if instance and parsed.header(INSTANCE_HEADER).strip() == instance:
        return "it carries this desk's own mark"
    return ""
