"""What a scoring program asks for, as a thin layer over the product's own functions."""

from helpdesk.mail.html import html_to_text
from helpdesk.mail.parse import parse as parse_mail
from helpdesk.mail.quotes import split_reply


def reply_text(plain, html=None):
    return split_reply(plain or html_to_text(html or ""), html or "").visible


def parse(raw):
    mail = parse_mail(raw)
    shown = mail.author or (mail.claimed_from[0] if mail.claimed_from else None)
    bounced = mail.bounce.recipients[0] if mail.bounce and mail.bounce.recipients else None
    return {
        "subject": mail.subject,
        "from_email": shown.email.lower() if shown else "",
        "from_name": shown.name if shown else "",
        "to": [address.email for address in mail.to],
        "cc": [address.email for address in mail.cc],
        "message_id": mail.message_id,
        "in_reply_to": next(iter(mail.in_reply_to), ""),
        "references": list(mail.references),
        "text": mail.text,
        "html": mail.html,
        "attachments": [(f.filename, f.content_type, f.size, f.content_id or None) for f in mail.files],
        "auto_submitted": mail.automatic != "no",
        "bounce": mail.bounce
        and {
            "recipient": bounced.recipient if bounced else "",
            "status": bounced.status if bounced else "",
            "action": bounced.action if bounced else "",
            "diagnostic": bounced.diagnostic if bounced else "",
            "original_message_id": mail.bounce.original_message_id,
        },
    }
