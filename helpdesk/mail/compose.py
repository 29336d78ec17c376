"""Finished bytes from what is to be said, checked by reading them again.

The standard library decodes a value a second time when a header is set or folded (CVE-2024-6923, CVE-2026-1299), so
headers are written here by hand: controls stripped, `=?` broken, encoded where needed, folded. Then the bytes are read
back and compared with what was meant; a mail that says anything else is never sent. The envelope's recipients are not
read from these headers by anybody.

Only the bytes of files are put in after that, for stand-ins of one line: base64 holds no hyphen and no colon, so it can
end no part and begin no header, and reading 35 MB again would take seconds and hundreds of megabytes.
"""

from __future__ import annotations

import base64
import email.policy
import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from email.header import Header
from email.message import EmailMessage, MIMEPart
from email.utils import format_datetime

from helpdesk.mail.headers import ascii_domain, is_address
from helpdesk.mail.readback import Meant, differences
from helpdesk.mail.thread import INSTANCE_HEADER, TICKET_HEADER
from helpdesk.mail.types import Address, MailFile

BODY_POLICY = email.policy.SMTP.clone(cte_type="7bit", max_line_length=76)
_STAND_IN = secrets.token_bytes(32)  # so that nobody can write a line that stands for a file
LAST_REFERENCES = 20
MAX_NAME = 200
SUPPRESS = (
    "OOF, AutoReply, RN, NRN"  # not All: that also keeps Exchange from reporting what it cannot deliver
)
AUTOMATIC = ("", "no", "auto-replied", "auto-generated")
_MESSAGE_ID = re.compile(r"(?!.*=\?)[!-;=?-~]{1,900}\Z")
_CONTENT_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,100}/[a-z0-9][a-z0-9!#$&^_.+-]{0,100}\Z")
_CONTENT_ID = re.compile(r"[A-Za-z0-9!#$&'*+/=^_`{|}~.@%-]{1,200}\Z")
_TURNS_TEXT = re.compile("[\u202a-\u202e\u2066-\u2069]")  # makes "exe.pdf" of "fdp.exe"
_LINK = re.compile(r"(?!.*=\?)https?://[!-;=?-~]{1,800}\Z")
_THREAD_INDEX = re.compile(r"[A-Za-z0-9+/]{30,400}={0,2}\Z")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]+\Z")


class ComposeError(ValueError):
    """What was asked for cannot be said safely in a mail."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail to be made. Ids stand without brackets; `date` is aware.

    A file with `is_inline` and a `content_id` that the HTML shows (`cid:`) goes beside it, every other is attached.
    `thread_topic` and `thread_index` (base64) are what Outlook and Exchange keep a conversation together by.
    `unsubscribe` is the address of the reader's choices, "" for what nobody can switch off (RFC 2369, RFC 8058);
    one that cannot stand in a header is left out.
    Foreign ids in `in_reply_to` and `references` that cannot stand in a header are left out. `automatic` is "", or the value of Auto-Submitted (RFC 3834 5): "auto-replied", "auto-generated".
    """

    sender: Address
    to: tuple[Address, ...]
    subject: str
    text: str
    html: str
    message_id: str
    date: datetime
    instance: str
    cc: tuple[Address, ...] = ()
    reply_to: Address | None = None
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    files: tuple[MailFile, ...] = ()
    thread_topic: str = ""
    thread_index: str = ""
    automatic: str = ""
    unsubscribe: str = ""
    ticket_tag: str = ""


def clean(text: str) -> str:
    """One line that no header can be broken out of: no controls, no lone surrogates, no encoded words."""
    text = _TURNS_TEXT.sub("", text.encode("utf-8", "replace").decode("utf-8"))
    text = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    text = " ".join(unicodedata.normalize("NFC", text).split())
    while "=?" in text:
        text = text.replace("=?", "= ?")
    return text


def recipients(draft: Draft) -> list[str]:
    """The addresses of To and Cc, each once."""
    return list(dict.fromkeys(address.email for address in (*draft.to, *draft.cc)))


def compose(draft: Draft) -> bytes:
    """Return the mail with CRLF line ends, 7-bit but for SMTPUTF8 addresses. Raises ComposeError.

    Display names and file names that would not survive are made plain rather than the mail refused.
    """
    _refuse_bad(draft)
    trouble = ""
    for is_plain in (False, True):
        raw, meant = _write(draft, is_plain=is_plain)
        trouble = differences(raw, meant)
        if not trouble:
            return _filled(raw, draft.files)
    raise ComposeError(f"the finished mail would not say what was meant: {trouble}")


def _refuse_bad(draft: Draft) -> None:
    people = [draft.sender, *draft.to, *draft.cc, *([draft.reply_to] if draft.reply_to else [])]
    if not draft.to:
        raise ComposeError("a mail needs a recipient")
    for person in people:
        if not is_address(person.email) or person.email != person.email.strip():
            raise ComposeError(f"{person.email[:100]!r} is no address")
    if not _MESSAGE_ID.match(draft.message_id):
        raise ComposeError("a Message-ID holds letters that must not stand in one")
    if draft.date.tzinfo is None:
        raise ComposeError("the date needs a time zone")
    if draft.automatic not in AUTOMATIC:
        raise ComposeError(f"{draft.automatic!r} is no value of Auto-Submitted")


def _write(draft: Draft, *, is_plain: bool) -> tuple[bytes, Meant]:
    """The bytes, and what they are to say, each made from the draft and not from the other."""
    people = {name: _named(list_, is_plain=is_plain) for name, list_ in _people(draft) if list_}
    fields = _fields(draft)
    lines = [f"{name}: {_mailboxes(pairs)}" for name, pairs in people.items()]
    lines += [f"{name}: {_encode_field(name, value)}" for name, value in fields]
    inline, attached = (
        [_stand_in(file, is_plain=is_plain) for file in files] for files in _sorted_files(draft)
    )
    text, html = _body_text(draft.text), _body_text(draft.html) if draft.html else ""
    raw = ("\r\n".join(lines) + "\r\n").encode("utf-8") + _body(text, html, inline, attached)
    files = [(file.filename, file.content_id, file.data) for file in inline]
    files += [(file.filename, "", file.data) for file in attached]
    return raw, Meant((*people.items(), *fields), text, html, tuple(files))


def _people(draft: Draft) -> list[tuple[str, tuple[Address, ...]]]:
    reply_to = (draft.reply_to,) if draft.reply_to else ()
    return [("From", (draft.sender,)), ("To", draft.to), ("Cc", draft.cc), ("Reply-To", reply_to)]


def _named(people: tuple[Address, ...], *, is_plain: bool) -> tuple[tuple[str, str], ...]:
    """(name, address) as they are to arrive: host names in ASCII, letters beyond it only before the @.

    No brackets in names: software disagrees on which of two bracketed words is the address.
    """
    pairs = []
    for person in people:
        local, _, domain = person.email.rpartition("@")
        name = "" if is_plain else clean(re.sub("[<>]", " ", person.name))[:MAX_NAME].strip()
        pairs.append((name, f"{local}@{ascii_domain(domain)}"))
    return tuple(pairs)


def _fields(draft: Draft) -> list[tuple[str, str]]:
    """The other header fields in order, decoded.

    No Precedence: RFC 3834 3.1.8 recommends no value, and spam filters count `bulk` against the sender.
    """
    fields = [
        ("Subject", clean(draft.subject)),
        ("Date", format_datetime(draft.date)),
        ("Message-ID", f"<{draft.message_id}>"),
    ]
    if _MESSAGE_ID.match(draft.in_reply_to):
        fields.append(("In-Reply-To", f"<{draft.in_reply_to}>"))
    if references := _references(draft):
        fields.append(("References", " ".join(f"<{message_id}>" for message_id in references)))
    if topic := clean(draft.thread_topic):
        fields.append(("Thread-Topic", topic))
    if _THREAD_INDEX.match(draft.thread_index):
        fields.append(("Thread-Index", draft.thread_index))
    fields.append((INSTANCE_HEADER, clean(draft.instance)))
    if draft.ticket_tag:
        fields.append((TICKET_HEADER, clean(draft.ticket_tag)))
    if draft.automatic not in ("", "no"):
        fields += [("Auto-Submitted", draft.automatic), ("X-Auto-Response-Suppress", SUPPRESS)]
    return fields + _unsubscribing(draft)


def _unsubscribing(draft: Draft) -> list[tuple[str, str]]:
    """One click only over TLS: RFC 8058 (3.1) asks for an HTTPS address, and receivers distrust any other."""
    if not _LINK.match(draft.unsubscribe):
        return []
    one_click = [("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")]
    is_safe = draft.unsubscribe.startswith("https://")
    return [("List-Unsubscribe", f"<{draft.unsubscribe}>"), *(one_click if is_safe else [])]


def _references(draft: Draft) -> list[str]:
    """First and last ids (RFC 5322 3.6.4): the first names the thread, the last lead to this mail."""
    good = [m for m in dict.fromkeys((*draft.references, draft.in_reply_to)) if _MESSAGE_ID.match(m)]
    return good if len(good) <= LAST_REFERENCES + 1 else [good[0], *good[-LAST_REFERENCES:]]


def _encode_field(name: str, value: str) -> str:
    if name in ("Message-ID", "In-Reply-To", "References"):
        return value.replace(" ", "\r\n ")
    if name == "List-Unsubscribe":
        return value  # an address must not be cut, and stays below the 998 letters a line may have
    return _text_value(value, len(name) + 2)


def _mailboxes(pairs: tuple[tuple[str, str], ...]) -> str:
    return ",\r\n ".join(_mailbox(name, address) for name, address in pairs)


def _mailbox(name: str, address: str) -> str:
    if not name:
        return address
    if not name.isascii() or len(name) >= 60 or '"' in name or "\\" in name:
        return f"{_encoded(name, 10)} <{address}>"
    return f"{name} <{address}>" if _PLAIN_NAME.match(name) else f'"{name}" <{address}>'


def _text_value(text: str, used: int) -> str:
    """An unstructured value, folded at spaces; encoded (RFC 2047) when it is not ASCII or has no place to fold."""
    if text.isascii() and all(len(word) < 70 for word in text.split()):
        return _fold(text, used)
    return _encoded(text, used)


def _fold(text: str, used: int) -> str:
    lines, width = [""], used
    for word in text.split(" "):
        if width + len(word) + 1 > 76 and lines[-1]:
            lines.append("")
            width = 1
        lines[-1] += (" " if lines[-1] else "") + word
        width += len(word) + 1
    return "\r\n ".join(lines)


def _encoded(text: str, used: int) -> str:
    return Header(text, "utf-8", maxlinelen=74, header_name="x" * max(used - 2, 0)).encode(linesep="\r\n")


def _sorted_files(draft: Draft) -> tuple[list[MailFile], list[MailFile]]:
    """Those the HTML shows, each id once, and the rest."""
    inline: dict[str, MailFile] = {}
    attached = []
    for file in draft.files:
        cid = file.content_id
        is_shown = file.is_inline and _CONTENT_ID.match(cid) and f"cid:{cid}" in draft.html
        if is_shown and cid not in inline:
            inline[cid] = file
        else:
            attached.append(file)
    return list(inline.values()), attached


def _stand_in(file: MailFile, *, is_plain: bool) -> MailFile:
    """The file by its name, with a line in place of its bytes."""
    name = clean(file.filename)
    if is_plain:
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", name)[-60:]
    return replace(file, filename=name or "file", data=_line_for(file.data))


def _line_for(data: bytes) -> bytes:
    """Stands for these bytes, and is nowhere in the mail by chance: 56 bytes are 76 characters, one line of base64."""
    return hashlib.blake2b(data, digest_size=56, key=_STAND_IN).digest()


def _filled(raw: bytes, files: tuple[MailFile, ...]) -> bytes:
    """Put each file's bytes where its line stands."""
    data = {base64.b64encode(_line_for(file.data)): file.data for file in files}
    lines = []
    for line in raw.split(b"\r\n"):
        found = data.get(line)
        lines.append(line if found is None else base64.encodebytes(found).rstrip().replace(b"\n", b"\r\n"))
    return b"\r\n".join(lines)


def _body_text(text: str) -> str:
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"


def _body(text: str, html: str, inline: Iterable[MailFile], attached: Iterable[MailFile]) -> bytes:
    """The MIME part: text, HTML beside it, its pictures around that, files around all."""
    message = EmailMessage(policy=BODY_POLICY)
    _set_text(message, text, "plain")
    if html:
        shown = MIMEPart(policy=BODY_POLICY)
        _set_text(shown, html, "html")
        for file in inline:
            maintype, subtype = _type_of(file)
            shown.add_related(
                file.data, maintype=maintype, subtype=subtype, cte="base64",
                disposition="inline", filename=file.filename, cid=f"<{file.content_id}>",
            )  # fmt: skip
        message.make_alternative()
        message.attach(shown)  # type: ignore[arg-type]  # typeshed asks for an EmailMessage, which adds MIME-Version
    for file in attached:
        maintype, subtype = _type_of(file)
        message.add_attachment(
            file.data, maintype=maintype, subtype=subtype, cte="base64", filename=file.filename
        )
    return message.as_bytes()


def _set_text(part: MIMEPart, text: str, subtype: str) -> None:
    foreign = len(text) - len(text.encode("ascii", "ignore"))
    cte = "base64" if foreign * 3 > len(text) else "quoted-printable"
    part.set_content(text, subtype=subtype, charset="utf-8", cte=cte)


def _type_of(file: MailFile) -> tuple[str, str]:
    """What a part may be called; a mail or a multipart inside would be read as part of ours."""
    content_type = file.content_type.split(";", maxsplit=1)[0].strip().lower()
    maintype, _, subtype = content_type.partition("/")
    if not _CONTENT_TYPE.match(content_type) or maintype in ("message", "multipart"):
        return "application", "octet-stream"
    return maintype, subtype
