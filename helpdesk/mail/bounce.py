"""Delivery reports: which recipients, what became of them, and which mail they are about. Source: RFC 3464."""

from __future__ import annotations

import re
from collections.abc import Iterable

from helpdesk.mail.charset import decode
from helpdesk.mail.headers import header_text, is_address, message_ids
from helpdesk.mail.mime import Part, read_header
from helpdesk.mail.types import Bounce, BouncedRecipient

MAX_RECIPIENTS = 200
MAX_REPORT = 256 * 1024
_DAEMON = re.compile(r"(?:^|[<\s\"])(?:mailer-daemon|postmaster)@", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"(?im)^message-id:\s*(<[^\s<>]{1,998}>)")
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
    texts = list(texts)
    recipients: list[BouncedRecipient] = []
    if statuses or failed or report_type(root) == "delivery-status":
        for part in statuses:
            recipients += _blocks(decode(part.data()[:MAX_REPORT]))
    elif not _is_from_mail_system(root):
        return None
    if not recipients:
        recipients = [found for text in texts for found in _blocks(text[:MAX_REPORT])]
    if not (statuses or failed or recipients or _holds_original(parts)):
        return None
    known = {each.recipient.lower() for each in recipients}
    recipients += [
        BouncedRecipient(address, "failed", "", "")
        for address in (each.strip().strip("<>") for each in failed.split(","))
        if is_address(address) and address.lower() not in known
    ]
    return Bounce(tuple(recipients[:MAX_RECIPIENTS]), _original_id(root, parts, texts))


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
    for part in parts[1:]:
        if part.content_type in _ORIGINAL_TYPES:
            fields, _ = read_header(part.data())
            for key, value in fields:
                if key.lower() == "message-id" and (found := message_ids(decode(value))):
                    return found[0]
    for text in texts:
        if ids := message_ids(" ".join(_MESSAGE_ID.findall(text[-MAX_REPORT:]))):
            return ids[0]
    cited = message_ids(decode(root.raw("in-reply-to"))) or message_ids(decode(root.raw("references")))[::-1]
    return cited[0] if cited else ""
