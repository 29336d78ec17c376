"""From the tree of a mail to its text, its HTML and its files."""

from __future__ import annotations

import html as html_entities
import re
from dataclasses import dataclass, field, replace

from helpdesk.mail.attachments import safe_filename
from helpdesk.mail.charset import decode
from helpdesk.mail.headers import header_text
from helpdesk.mail.html import MAX_WORDS, html_to_text
from helpdesk.mail.mime import IsLate, Part, check_time, never, read_header
from helpdesk.mail.types import MailFile

_CID = re.compile(r"cid:([^\s\"'<>)]{1,300})", re.IGNORECASE)
_STUB = re.compile(
    r"\W*(?:your (?:e-?mail )?(?:client|program|reader) (?:does not|doesn't|cannot|can't|is unable)|"
    r"this (?:e-?mail|message) (?:is|was|requires|contains)[^.\n]{0,40}html|this is an? (?:html|mime|multi-?part)|"
    r"(?:to )?view (?:this|it|the)(?: e-?mail| message)? (?:in|as|online)|please (?:view|open) this|"
    r"if you (?:can't|cannot|can not|are unable to) (?:see|read|view)|"
    r"ihr (?:e-?mail-?)?(?:programm|client)|diese (?:e-?mail|nachricht) (?:ist|wurde) im html)",
    re.IGNORECASE,
)
_MAX_STUB = 400
MAX_FLOWED = 2_000_000
# Signatures say nothing to a reader; the raw mail keeps them.
_SIGNATURES = {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
_OTHER_VIEWS = {"text/x-amp-html", "text/watch-html"}


@dataclass(slots=True)
class Body:
    """What a part and everything below it says. `plain` is "" when only HTML says it."""

    plain: str = ""
    html: str = ""
    files: list[MailFile] = field(default_factory=list)

    @property
    def text(self) -> str:
        return self.plain or html_to_text(self.html)


class BodyReader:
    """Reads one mail. `cut` tells that the text was longer than `max_text` and is not whole."""

    def __init__(self, max_text: int, is_late: IsLate = never) -> None:
        self.left = max_text
        self.is_late = is_late
        self.cut = False
        self.has_text = False

    def read(self, part: Part) -> Body:
        """The body of a part. Recursion is as deep as the tree, which is limited. Raises TooWildError."""
        check_time(self.is_late)
        if part.children:
            bodies = [self.read(child) for child in part.children]
            return _best(bodies) if part.content_type == "multipart/alternative" else self._joined(bodies)
        if self._is_text(part):
            return self._text(part)
        if part.content_type in _SIGNATURES | _OTHER_VIEWS:
            return Body()
        return Body(files=[_file(part)])

    def _joined(self, bodies: list[Body]) -> Body:
        """Several texts one below the other, as mail programs show them: none hides another."""
        files = [file for body in bodies for file in body.files]
        said = [body for body in bodies if body.plain.strip() or body.html.strip()]
        if len(said) == 1:
            return Body(said[0].plain, said[0].html, files)
        plain = html = ""
        if any(body.plain for body in said):
            plain = "\n\n".join(self._words(body) for body in said)
        if any(body.html for body in said):
            html = "\n".join(body.html or _as_html(body.plain) for body in said)
        return Body(plain, html, files)

    def _words(self, body: Body) -> str:
        check_time(self.is_late)  # words of HTML are dear
        return body.text

    def _is_text(self, part: Part) -> bool:
        """A part shown as text: no attachment, and not a named file behind the first text."""
        if part.content_type not in ("text/plain", "text/html") or part.disposition == "attachment":
            return False
        return not filename_of(part) or (part.disposition != "" and not self.has_text)

    def _text(self, part: Part) -> Body:
        data = part.data()
        self.cut = self.cut or len(data) > self.left
        data = data[: self.left]
        self.left -= len(data)
        is_html = part.content_type == "text/html"
        text = decode(data, part.parameters.get("charset", ""), is_html=is_html)
        self.has_text = self.has_text or bool(text.strip())
        if is_html:
            self.cut = self.cut or len(text) > MAX_WORDS
            return Body(html=text)
        if part.parameters.get("format", "").lower() == "flowed" and len(text) < MAX_FLOWED:
            text = unflow(text, delete_space=part.parameters.get("delsp", "").lower() == "yes")
        return Body(plain=text.strip("\n") if text.strip() else "")


def _best(bodies: list[Body]) -> Body:
    """Of several forms of one text: the first plain one for searching, the last HTML one for showing."""
    html = next((body.html for body in reversed(bodies) if body.html.strip()), "")
    plain = next((body.plain for body in bodies if body.plain.strip()), "")
    if html and len(plain) < _MAX_STUB and _STUB.match(plain):
        plain = ""
    return Body(plain, html, [file for body in bodies for file in body.files])


def _as_html(text: str) -> str:
    return f'<div style="white-space: pre-wrap">{html_entities.escape(text)}</div>'


def unflow(text: str, *, delete_space: bool = False) -> str:
    """Join the soft line breaks of format=flowed (RFC 3676 4.2); lines of different quote depth never join."""
    lines: list[list[str]] = []  # pieces, joined once: adding to a growing string is quadratic
    depth_above = -1
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        is_soft = content.endswith(" ") and content != "-- "
        piece = content[:-1] if is_soft and delete_space else content
        if depth == depth_above and content != "-- ":
            lines[-1].append(piece)
        else:
            lines.append([">" * depth + " " if depth else "", piece])
        depth_above = depth if is_soft else -1
    return "\n".join(map("".join, lines))


def filename_of(part: Part) -> str:
    """The name a part gives itself, decoded; "" when it gives none."""
    name = part.disposition_parameters.get("filename") or part.parameters.get("name") or ""
    return header_text(name).strip("\"' ")


def _file(part: Part) -> MailFile:
    data, name = part.data(), filename_of(part)
    content_id = header_text(part.raw("content-id")).strip("<> ")
    kind = part.content_type
    if kind.startswith("multipart/"):
        kind = "application/octet-stream"
    if not name and kind in ("message/rfc822", "message/global"):
        subject = next((value for key, value in read_header(data)[0] if key.lower() == "subject"), b"")
        name = f"{header_text(subject)[:100].strip() or 'message'}.eml"
    if not name and kind.startswith("message/"):
        name = f"{kind.removeprefix('message/')}.txt"
    return MailFile(safe_filename(name, kind), kind, data, content_id)


def mark_inline(files: list[MailFile], html: str) -> tuple[MailFile, ...]:
    """A file is inline when the HTML shows it."""
    used = {name.lower() for name in _CID.findall(html)}
    return tuple(
        replace(file, is_inline=bool(file.content_id) and file.content_id.lower() in used) for file in files
    )
