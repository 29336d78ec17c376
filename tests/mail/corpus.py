"""The mails in tests/emails, and what they must become. `python -m tests.mail.corpus` writes the expectations anew."""

from __future__ import annotations

import json
from pathlib import Path

from helpdesk.mail.parse import parse
from helpdesk.mail.quotes import split_reply

MAILS = sorted((Path(__file__).parent.parent / "emails").glob("*.eml"))


def reading(raw: bytes) -> dict[str, object]:
    """What a mail says, as plain values."""
    mail = parse(raw)
    split = split_reply(mail.text, mail.html)
    return {
        "subject": mail.subject,
        "author": f"{mail.author.name} <{mail.author.email}>" if mail.author else None,
        "claimed_from": [address.email for address in mail.claimed_from],
        "reply_to": [address.email for address in mail.reply_to],
        "to": [address.email for address in mail.to],
        "message_id": mail.message_id,
        "in_reply_to": list(mail.in_reply_to),
        "references": list(mail.references),
        "date": mail.date.isoformat() if mail.date else None,
        "visible": split.visible.split("\n"),
        "quoted": split.quoted.split("\n"),
        "has_html": bool(mail.html),
        "files": [[f.filename, f.content_type, f.size, f.is_inline] for f in mail.files],
        "automatic": mail.automatic.value,
        "because": mail.automatic_because,
        "bounce": mail.bounce
        and {
            "recipients": [[r.recipient, r.action, r.status, r.diagnostic] for r in mail.bounce.recipients],
            "original": mail.bounce.original_message_id,
        },
        "is_report": mail.is_report,
        "particulars": [each.plain() for each in mail.particulars],
        "problems": list(mail.problems),
    }


def main() -> None:
    for path in MAILS:
        text = json.dumps(reading(path.read_bytes()), ensure_ascii=False, indent=1)
        path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
