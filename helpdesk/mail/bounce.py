"""Delivery reports: which recipients, what became of them, and which mail they are about. Source: RFC 3464."""

from __future__ import annotations

import re
from email.message import Message

from helpdesk.mail.headers import header_text, message_ids
from helpdesk.mail.types import Bounce, BouncedRecipient

MAX_BLOCKS = 200


def read_bounce(message: Message, texts: list[str]) -> Bounce | None:
    """The report in a parsed message, None when it is none. `texts` are its text parts."""
    parts = list(_walk(message))
    statuses = [part for part in parts if part.get_content_type() == "message/delivery-status"]
    failed = header_text(str(message.get("X-Failed-Recipients", "")))
    original = _original_id(parts, texts)
    if not statuses and not failed:
        sender = str(message.get("From", "")).lower()
        is_daemon = "mailer-daemon@" in sender or str(message.get("Return-Path", "")).strip() == "<>"
        text = next((t for t in texts if "Final-Recipient:" in t), "")
        if not (is_daemon and text):
            return None
        return Bounce(tuple(_blocks(text)), original)
    recipients = [r for status in statuses for r in _blocks(_status_text(status))]
    if not recipients:
        recipients = [BouncedRecipient(a.strip(), "failed", "", "") for a in failed.split(",") if a.strip()]
    return Bounce(tuple(recipients[:MAX_BLOCKS]), original)


def _walk(message: Message) -> list[Message]:
    try:
        return list(message.walk())
    except (RecursionError, AttributeError):
        return [message]


def _status_text(part: Message) -> str:
    payload = part.get_payload()
    if isinstance(payload, list):
        return "\n\n".join(
            "\n".join(f"{k}: {v}" for k, v in block.items())
            for block in payload
            if isinstance(block, Message)
        )
    return str(payload)


def _blocks(text: str) -> list[BouncedRecipient]:
    found = []
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n"))[: MAX_BLOCKS + 1]:
        fields: dict[str, str] = {}
        for line in re.sub(r"\n[ \t]+", " ", block).split("\n"):
            name, colon, value = line.partition(":")
            if colon:
                fields.setdefault(name.strip().lower(), value.strip())
        recipient = fields.get("final-recipient") or fields.get("original-recipient")
        if recipient:
            found.append(
                BouncedRecipient(
                    recipient.rpartition(";")[2].strip().strip("<>"),
                    fields.get("action", "failed").lower(),
                    fields.get("status", "").split(" ")[0],
                    header_text(fields.get("diagnostic-code", ""))[:1000],
                )
            )
    return found


def _original_id(parts: list[Message], texts: list[str]) -> str:
    for part in parts[1:]:
        kind = part.get_content_type()
        if kind == "text/rfc822-headers":
            ids = re.findall(r"(?im)^message-id:\s*(<[^\s<>]+>)", str(part.get_payload()))
        elif kind == "message/rfc822":
            inner = part.get_payload()
            ids = [str(inner[0].get("Message-ID", ""))] if isinstance(inner, list) and inner else []  # type: ignore[union-attr]
        else:
            continue
        for found in message_ids(" ".join(ids)):
            return found
    tail = "\n".join(texts)[-20_000:]
    for found in message_ids(" ".join(re.findall(r"(?im)^message-id:\s*(<[^\s<>]+>)", tail))):
        return found
    cited = message_ids(f"{parts[0].get('In-Reply-To', '')} {parts[0].get('References', '')}")
    return cited[0] if cited else ""
