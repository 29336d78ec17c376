"""What a forwarded mail says of the one inside: who wrote that, its subject, its words, and what was added above it.

Two forms are read: the mail attached whole (one message/rfc822 part), and a block of `From:`, `Date:`, `To:`,
`Subject:` lines in the text, in any order and in the languages of `quote_words`, with or without a line that announces
it. Exactly one address must stand in its From; what leaves a doubt is read as nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from helpdesk.mail.headers import is_address, normalise_address
from helpdesk.mail.quote_headers import BREAK, HISTORY, bare, is_quoted
from helpdesk.mail.quote_words import ADDRESS, FORWARD, LABELS, SEPARATOR
from helpdesk.mail.thread import is_forward
from helpdesk.mail.types import Address, MailFile, ParsedEmail

RFC822 = "message/rfc822"
MAX_LINES = 5_000  # in which the block is looked for
MAX_BLOCK = 16
_RULE = re.compile(r"[-_*=–—]{5,200}\Z")
_SIGNATURE = re.compile(r"-- ?\Z")


@dataclass(frozen=True, slots=True)
class Forwarded:
    """The mail inside. `own_text` is what whoever forwarded it wrote himself; `files` are those of an attached mail."""

    author: Address
    subject: str
    text: str = field(repr=False)
    own_text: str = field(default="", repr=False)
    html: str = field(default="", repr=False)
    message_id: str = ""
    files: tuple[MailFile, ...] = ()
    is_attached: bool = False


def looks_forwarded(parsed: ParsedEmail) -> bool:
    """Whether it is a forward at all, readable or not; a delivery report is none."""
    if parsed.bounce is not None or parsed.is_report:
        return False
    return is_forward(parsed.subject) or _attached(parsed) is not None


def read_forwarded(parsed: ParsedEmail, parse: Callable[[bytes], ParsedEmail]) -> Forwarded | None:
    """The mail inside a forward, None when it is no forward or cannot be read. `parse` takes an attached mail apart."""
    if not looks_forwarded(parsed):
        return None
    attached = _attached(parsed)
    if attached is None:
        return read_block(parsed.text)
    inner = parse(attached.data)
    if inner.author is None:
        return None
    return Forwarded(
        inner.author,
        inner.subject,
        inner.text,
        _without_signature(parsed.text.split("\n")),
        inner.html,
        inner.message_id,
        (*(file for file in parsed.files if file is not attached), *inner.files),
        is_attached=True,
    )


def _attached(parsed: ParsedEmail) -> MailFile | None:
    mails = [file for file in parsed.files if file.content_type == RFC822 and not parsed.is_partial]
    return mails[0] if len(mails) == 1 else None


def read_block(text: str) -> Forwarded | None:
    """Read a forward whose mail stands in the text; the first block decides."""
    lines = text.split("\n")
    for at in range(min(len(lines), MAX_LINES)):
        if (block := _block(lines, at)) is None:
            continue
        fields, end = block
        author = _mailbox(fields["from"])
        if author is None:
            return None
        words = _unquoted(lines[end:], is_quoted=is_quoted(lines[at]))
        return Forwarded(
            author,
            fields.get("subject", ""),
            "\n".join(words).strip("\n"),
            _without_signature(lines[: _announced(lines, at)]),
        )
    return None


def _block(lines: Sequence[str], at: int) -> tuple[dict[str, str], int] | None:
    """The fields of the block that begins at this line, and the line behind it; None when none begins here."""
    if not _role(bare(lines[at])):
        return None
    fields: dict[str, str] = {}
    last, end = "", at
    for offset, line in enumerate(lines[at : at + MAX_BLOCK]):
        part = bare(line)
        role = _role(part)
        if role and role not in fields:
            fields[role] = re.split("[:：]", part, maxsplit=1)[1].strip(" \t*")
            last, end = role, at + offset + 1
        elif part and last and _continues(line, part, fields[last]):
            fields[last], end = f"{fields[last]} {part}".strip(), at + offset + 1
        elif part or len(fields) > 2 or "from" in fields:
            break
    others = fields.keys() & {"sent", "to", "subject"}
    return (fields, end) if "from" in fields and len(others) > 1 else None


def _role(part: str) -> str:
    """What a line names, "from" where a word means several things; "" for an ordinary line."""
    if ":" not in part[:80] and "：" not in part[:80]:
        return ""
    return next((role for role, pattern in LABELS.items() if pattern.match(part[:80])), "")


def _continues(line: str, part: str, value: str) -> bool:
    """Whether a line goes on with the field above: indented, or one more address of a list."""
    is_open = not value or value.endswith((",", ";"))
    return (line[:1] in " \t" and is_open) or (is_open and "@" in part) or not value


def _mailbox(value: str) -> Address | None:
    """The one address in a From, with the name before it."""
    found = [match[0] for match in ADDRESS.finditer(value)]
    emails = [re.sub(r"^[<(\[\"]?(?:mailto:)?|[>)\]\"]$", "", word, flags=re.IGNORECASE) for word in found]
    if len({normalise_address(email) for email in emails}) != 1 or not is_address(emails[0]):
        return None
    name = value[: value.index(found[0])].strip(" \t\"'<[(*")
    local, _, domain = emails[0].rpartition("@")
    return Address(f"{local}@{domain.lower()}", "" if "@" in name else name[:200])


def _announced(lines: Sequence[str], at: int) -> int:
    """Where the forward begins: at the line above the block that announces it, if there is one."""
    for above in range(at - 1, max(at - 4, -1), -1):
        part = bare(lines[above])
        is_mark = part in (BREAK, HISTORY) or BREAK in lines[above] or HISTORY in lines[above]
        if is_mark or FORWARD.match(part) or SEPARATOR.match(part) or _RULE.match(part):
            return above
        if part:
            break
    return at


def _unquoted(lines: Sequence[str], *, is_quoted: bool) -> list[str]:
    """Apple quotes the whole forward: one mark is cut from every line."""
    return [re.sub(r"\A>[ ]?", "", line) for line in lines] if is_quoted else list(lines)


def _without_signature(lines: Sequence[str]) -> str:
    end = next((at for at, line in enumerate(lines) if _SIGNATURE.match(line)), len(lines))
    kept = [line for line in lines[:end] if bare(line) not in (BREAK, HISTORY)]
    return "\n".join(kept).strip()
