"""Delivery reports: which recipients, what became of them, and which mail they are about. Source: RFC 3464."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from helpdesk.mail.bounce_text import read_letter
from helpdesk.mail.charset import decode
from helpdesk.mail.headers import header_text, is_address, message_ids, read_addresses
from helpdesk.mail.mime import Part, read_header
from helpdesk.mail.types import Bounce, BouncedRecipient

MAX_RECIPIENTS = 200
MAX_REPORT = 256 * 1024
_DAEMON = re.compile(
    r"(?:^|[<\s\"])(?:mailer-?daemon|mail-daemon|postmaster|maildelivery|microsoftexchange[0-9a-f]{16,40})@|"
    r"mail delivery (?:sub)?system\b|mailer-daemon\"?\s*<",
    re.IGNORECASE,
)
# How servers call such letters; of use only where the envelope says, too, that a server wrote it.
_SUBJECT = re.compile(
    r"\s*(?:undeliver(?:able|ed)|unzustellbar|nicht zustellbar|failure notice|(?:mail )?delivery (?:has )?(?:status|fail|delay|problem)|"
    r"returned mail|mail (?:delivery )?(?:failed|system error)|warning: (?:message|could not)|message (?:undeliverable|status)|"
    r"non remis|no se puede entregar|não é possível entregar|impossibile recapitare|onbestelbaar|kan inte levereras|"
    r"не доставлено|недоставленное|undelivery)",
    re.IGNORECASE,
)
_MESSAGE_ID = re.compile(r"(?im)^[ \t>]{0,20}(?:x-)?(?:original-)?message-id:\s*(<[^\s<>]{1,998}>)")
_ORIGINAL_TYPES = ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers")
_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")


def report_type(root: Part) -> str:
    """`delivery-status`, `disposition-notification`, `feedback-report`...; "" when the mail is no report."""
    if root.content_type != "multipart/report":
        return ""
    declared = root.parameters.get("report-type", "").lower()
    inner = (part.content_type.rpartition("/")[2] for part in root.children[1:2])
    return declared or next(inner, "") or "unknown"


def read_bounce(root: Part, texts: Iterable[str]) -> Bounce | None:
    """The delivery report a mail is, None when it is none. `texts` are its decoded text parts.

    A human answer that quotes a report is none: without a status part or X-Failed-Recipients the sender must be a
    mail system **and** the body must hold the original or a recipient block.
    """
    parts = list(root.walk())
    statuses = [part for part in parts if part.content_type in _STATUS_TYPES]
    failed = header_text(root.raw("x-failed-recipients"))
    texts = [text[:MAX_REPORT] for text in texts]
    is_report = bool(statuses or failed or report_type(root) == "delivery-status")
    if not is_report and not _is_from_mail_system(root):
        return None
    recipients = [found for part in statuses for found in _blocks(decode(part.data()[:MAX_REPORT]))]
    recipients = recipients or [found for text in texts for found in _blocks(text)]
    told = _told(root, texts)
    holds_copy = bool(told) and (any(each.status for each in told) or any(map(_MESSAGE_ID.search, texts)))
    if not (is_report or recipients or _holds_original(parts) or holds_copy):
        return None
    return Bounce(tuple(_merged(recipients, told, failed)[:MAX_RECIPIENTS]), _original_id(root, parts, texts))


def _told(root: Part, texts: list[str]) -> list[BouncedRecipient]:
    """The recipients a server names in its letter. A person's letter is read by persons."""
    own = {address.email.lower() for address in read_addresses([decode(root.raw("to"))])}
    is_letter = _DAEMON.search(decode(root.raw("from"))) or _SUBJECT.match(header_text(root.raw("subject")))
    return [found for text in texts for found in read_letter(text, own)] if is_letter else []


def _merged(
    blocks: list[BouncedRecipient], told: list[BouncedRecipient], failed: str
) -> list[BouncedRecipient]:
    """What the blocks say, in the letter's words where they have none; those only the header or the letter names."""
    words = {each.recipient.lower(): each for each in told}
    merged = [
        each
        if each.diagnostic
        else replace(each, diagnostic=words[each.recipient.lower()].diagnostic)
        if each.recipient.lower() in words
        else each
        for each in blocks
    ]
    known = {each.recipient.lower() for each in merged}
    for address in (each.strip().strip("<>") for each in failed.split(",")):
        if is_address(address) and address.lower() not in known:
            known.add(address.lower())
            merged.append(words.get(address.lower()) or BouncedRecipient(address, "failed", "", ""))
    return merged or told


def _is_from_mail_system(root: Part) -> bool:
    if root.raw("return-path").strip() == b"<>":
        return True
    return bool(_DAEMON.search(decode(root.raw("from"))))


def _holds_original(parts: list[Part]) -> bool:
    return any(part.content_type in _ORIGINAL_TYPES for part in parts[1:])


def _blocks(text: str) -> list[BouncedRecipient]:
    """Every recipient block; blocks are separated by blank lines, lines may be folded."""
    found = []
    for block in re.split(r"\n[ \t]*\n", text)[: MAX_RECIPIENTS + 2]:
        if "ecipient" not in block:
            continue
        fields: dict[str, str] = {}
        for line in re.sub(r"\n[ \t]+", " ", block).split("\n"):
            name, colon, value = line.partition(":")
            if colon:
                fields.setdefault(name.strip().lower(), value.strip())
        recipient = fields.get("final-recipient") or fields.get("original-recipient")
        if recipient:
            found.append(
                BouncedRecipient(
                    recipient.rpartition(";")[2].strip().strip("<>").strip(),
                    fields.get("action", "failed").split(" ")[0].lower(),
                    fields.get("status", "").split(" ")[0],
                    header_text(fields.get("diagnostic-code", ""))[:1000],
                )
            )
    return found


def _original_id(root: Part, parts: list[Part], texts: list[str]) -> str:
    """The id of the mail it is about: from the returned mail, its header, the copy in the text, the status, the header."""
    originals = [part for part in parts[1:] if part.content_type in _ORIGINAL_TYPES]
    for part in originals:
        for key, value in read_header(part.data())[0]:
            if key.lower() == "message-id" and (found := message_ids(decode(value))):
                return found[0]
    others = (
        part
        for part in parts[1:]
        if part not in originals and part.content_type.startswith(("text/", "message/"))
    )
    for text in (*texts, *(decode(part.data()[:MAX_REPORT]) for part in others)):
        if ids := message_ids(" ".join(_MESSAGE_ID.findall(text))):
            return ids[0]
    cited = message_ids(decode(root.raw("in-reply-to"))) or message_ids(decode(root.raw("references")))[::-1]
    return cited[0] if cited else ""
