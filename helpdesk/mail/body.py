"""From the tree of a mail to its text, its HTML and its files."""

from __future__ import annotations

import html as html_entities
import re
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from helpdesk.mail.attachments import safe_filename
from helpdesk.mail.charset import decode
from helpdesk.mail.headers import header_text
from helpdesk.mail.html import MAX_WORDS, html_to_text
from helpdesk.mail.invitation import MAX_BYTES, read_invitation
from helpdesk.mail.mime import IsLate, Part, TooWildError, check_time, never, read_header, read_message
from helpdesk.mail.pgp import ENCRYPTED, take_encrypted, unwrap_signed
from helpdesk.mail.rtf import read_rtf
from helpdesk.mail.smime import open_envelope
from helpdesk.mail.tnef import unpack
from helpdesk.mail.types import MailFile, Particular, ParticularKind
from helpdesk.mail.uuencoded import take_files

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
_SMIME_SIGNATURES = {"application/pkcs7-signature", "application/x-pkcs7-signature"}
_PGP_SIGNATURE = "application/pgp-signature"
_RICH = {"text/enriched", "text/richtext", "text/rtf"}
_TEXTS = {"text/plain", "text/html", "text/markdown", "text/x-markdown", "text/x-web-markdown", *_RICH}
_ENRICHED = re.compile(r"<param>[^<>]{0,200}</param>|<(?!<)[^<>]{1,60}>", re.IGNORECASE)
_HTML_DOCUMENT = re.compile(
    r"\s{0,50}(?:<!doctype html\b|<html[\s>])", re.IGNORECASE
)  # whatever its part calls it
_OTHER_VIEWS = {"text/x-amp-html", "text/watch-html"}
_SMIME = {"application/pkcs7-mime", "application/x-pkcs7-mime"}
_TNEF = {"application/ms-tnef", "application/vnd.ms-tnef"}
_CALENDAR = {"text/calendar", "application/ics"}
_NAMES = dict.fromkeys(_CALENDAR, "invitation.ics") | dict.fromkeys(_SMIME, "smime.p7m")
# What programs call their signatures; `program.zip.asc` is a file somebody attached.
_PGP_NAMES = {"signature.asc", "signature.pgp", "pgp.sig", "openpgp_signature", "openpgp_signature.asc"}
MAX_SIGNATURE = 20_000
MAX_VERSION = 1_000  # of the part that only says that the next one is encrypted
MAX_FILES = 500
MAX_ENVELOPES = 3


@dataclass(slots=True)
class Body:
    """What a mail says. `plain` is "" when only HTML says it."""

    plain: str = ""
    html: str = ""
    files: list[MailFile] = field(default_factory=list)
    particulars: list[Particular] = field(default_factory=list)

    @property
    def text(self) -> str:
        return self.plain or html_to_text(self.html)


@dataclass(frozen=True, slots=True)
class _Words:
    """What a part and everything below it says."""

    plain: str = ""
    html: str = ""

    @property
    def text(self) -> str:
        return self.plain or html_to_text(self.html)

    def __bool__(self) -> bool:
        return any(text and not text.isspace() for text in (self.plain, self.html))


class BodyReader:
    """Reads one mail. `cut` tells that the text was longer than `max_text` and is not whole."""

    def __init__(self, max_text: int, is_late: IsLate = never) -> None:
        self.left = max_text
        self.is_late = is_late
        self.cut = False
        self.has_text = False
        self.files: list[MailFile] = []
        self.particulars: list[Particular] = []
        self.spare = _Words()  # said by a calendar or by winmail.dat, of use when nothing else says a word
        self.envelopes = 0
        self.expects_secret = False

    def read(self, root: Part) -> Body:
        """The body of a whole mail. Raises TooWildError."""
        words = self._words_of(root) or self.spare
        return Body(words.plain, words.html, self.files, list(dict.fromkeys(self.particulars)))

    def _words_of(self, part: Part) -> _Words:
        """Recursion is as deep as the tree, which is limited."""
        check_time(self.is_late)
        if part.content_type == "multipart/encrypted" and part.children:
            return self._encrypted(part)
        if part.children:
            said = [self._words_of(child) for child in part.children if not _is_resource(part, child)]
            return _best(said) if part.content_type == "multipart/alternative" else self._joined(said)
        if self._is_text(part):
            return self._text(part)
        return self._other(part)

    def _other(self, part: Part) -> _Words:
        """A part that is no text: a file, or something that says more than a file could."""
        kind, name = part.content_type, filename_of(part).lower()
        if kind == _PGP_SIGNATURE or (name in _PGP_NAMES and part.size < MAX_SIGNATURE):
            self._note(ParticularKind.SIGNED, way="pgp")
        elif kind in _SMIME_SIGNATURES or name == "smime.p7s":
            envelope = open_envelope(part.data())
            self._note(ParticularKind.SIGNED, way="smime", by=envelope.signer if envelope else "")
        elif kind in _SMIME or name.endswith(".p7m"):
            return self._smime(part)
        elif kind in _TNEF or name == "winmail.dat":
            self._winmail(part)
        elif kind in _CALENDAR:
            self._calendar(part)
        elif kind == ENCRYPTED and part.size < MAX_VERSION:
            self.expects_secret = True
        elif kind not in _OTHER_VIEWS:
            self._keep(_file(part))
        return _Words()

    def _keep(self, file: MailFile) -> None:
        """A file; the secret itself when a part above announced one (some servers take PGP/MIME apart)."""
        self.files.append(file)
        if self.expects_secret:
            self._note(ParticularKind.ENCRYPTED, way="pgp", file=file.filename)
            self.expects_secret = False

    def _note(self, kind: ParticularKind, **facts: str) -> None:
        self.particulars.append(
            Particular(kind, tuple((key, value) for key, value in facts.items() if value))
        )

    def _encrypted(self, part: Part) -> _Words:
        """PGP/MIME (RFC 3156): the part that only says so is left out."""
        files = [
            _file(each)
            for each in part.children
            if each.content_type != ENCRYPTED or each.size >= MAX_VERSION
        ]
        files = [
            replace(file, filename="encrypted.asc") if file.filename == "file.bin" else file for file in files
        ]
        self.files += files
        self._note(ParticularKind.ENCRYPTED, way="pgp", file=files[0].filename if files else "")
        return _Words()

    def _smime(self, part: Part) -> _Words:
        """A signed envelope is opened and read like any mail; what cannot be opened is a file."""
        envelope = open_envelope(part.data())
        if envelope is not None and envelope.content is not None and self.envelopes < MAX_ENVELOPES:
            self.envelopes += 1
            self._note(ParticularKind.SIGNED, way="smime", by=envelope.signer)
            try:
                return self._words_of(read_message(envelope.content, self.is_late)[0])
            except TooWildError:
                check_time(self.is_late)
        file = _file(part)
        self.files.append(file)
        if envelope is not None and envelope.is_encrypted:
            self._note(ParticularKind.ENCRYPTED, way="smime", file=file.filename)
        return _Words()

    def _winmail(self, part: Part) -> None:
        file = _file(part)
        inner = unpack(file.data) if len(self.files) < MAX_FILES else None
        self.files += inner.files if inner else [file]
        if inner and not self.spare:
            self.spare = _Words(inner.plain[: self.left], inner.html[: self.left])

    def _calendar(self, part: Part) -> None:
        file = _file(part)
        charset, method = part.parameters.get("charset", ""), part.parameters.get("method", "")
        event, description = read_invitation(file.data, charset, method)
        same = next((i for i, each in enumerate(self.files) if _lines(each.data) == _lines(file.data)), None)
        if same is None:
            self.files.append(file)
        elif filename_of(part):  # the copy that has a name of its own
            self.files[same] = file
        if event is not None:
            noted = [each for each in self.particulars if each.facts[:-1] != event.facts]
            name = file.filename if same is None else self.files[same].filename
            self.particulars = [*noted, replace(event, facts=(*event.facts, ("file", name)))]
        if description and not self.spare:
            self.spare = _Words(description)

    def _joined(self, said: list[_Words]) -> _Words:
        """Several texts one below the other, as mail programs show them: none hides another."""
        said = [words for words in said if words]
        if len(said) == 1:
            return said[0]
        plain = html = ""
        if any(words.plain for words in said):
            plain = "\n\n".join(self._plain(words) for words in said)
        if any(words.html for words in said):
            html = "\n".join(words.html or _as_html(words.plain) for words in said)
        return _Words(plain, html)

    def _plain(self, words: _Words) -> str:
        check_time(self.is_late)  # words of HTML are dear
        return words.text

    def _is_text(self, part: Part) -> bool:
        """A part shown as text: no attachment, and not a named file behind the first text."""
        if part.content_type not in _TEXTS or part.disposition == "attachment":
            return False
        return not filename_of(part) or (part.disposition != "" and not self.has_text)

    def _text(self, part: Part) -> _Words:
        data = part.data()
        self.cut = self.cut or len(data) > self.left
        data = data[: self.left]
        self.left -= len(data)
        kind = part.content_type
        text = decode(data, part.parameters.get("charset", ""), is_html=kind == "text/html")
        says_something = bool(text) and not text.isspace()
        self.has_text = self.has_text or says_something
        if kind in _RICH:
            return _rich(kind, text, data)
        if kind == "text/html" or _HTML_DOCUMENT.match(text[:500]):
            self.cut = self.cut or len(text) > MAX_WORDS
            return _Words(html=text)
        text = self._taken_out(text)
        if part.parameters.get("format", "").lower() == "flowed" and len(text) < MAX_FLOWED:
            text = unflow(text, delete_space=part.parameters.get("delsp", "").lower() == "yes")
        return _Words(plain=text.strip("\n") if says_something and not text.isspace() else "")

    def _taken_out(self, text: str) -> str:
        """The text without the files and frames that programs older than MIME write into it."""
        text, files = take_files(text)
        text, secrets = take_encrypted(text)
        text, is_signed = unwrap_signed(text)
        self.files += files + secrets
        if secrets:
            self._note(ParticularKind.ENCRYPTED, way="pgp", file=secrets[0].filename)
        if is_signed:
            self._note(ParticularKind.SIGNED, way="pgp")
        return text


def _rich(kind: str, text: str, data: bytes) -> _Words:
    """The words of formats hardly anybody writes any more."""
    if kind == "text/rtf":
        return _Words(*read_rtf(data))
    return _Words(_ENRICHED.sub("", text).replace("<<", "<").strip("\n"))


def _is_resource(parent: Part, part: Part) -> bool:
    """What only a Macintosh can use, beside the file itself (RFC 1740)."""
    return parent.content_type == "multipart/appledouble" and part.content_type == "application/applefile"


def _lines(data: bytes) -> bytes:
    """A calendar sent as text and as a file differs in its line ends only."""
    return data.replace(b"\r\n", b"\n").strip() if len(data) < MAX_BYTES else data


def _best(said: list[_Words]) -> _Words:
    """Of several forms of one text: the first plain one for searching, the last HTML one for showing."""
    html = next((words.html for words in reversed(said) if words.html.strip()), "")
    plain = next((words.plain for words in said if words.plain.strip()), "")
    if html and len(plain) < _MAX_STUB and _STUB.match(plain):
        plain = ""
    return _Words(plain, html)


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


def _located(part: Part) -> str:
    """The last piece of a Content-Location: the only name that pages saved as mail give their parts."""
    location = header_text(part.raw("content-location")[:2000]).split("?", maxsplit=1)[0]
    name = unquote(location.rpartition("/")[2])
    return name if "." in name.strip(".") else ""


def _file(part: Part) -> MailFile:
    data, name = part.data(), filename_of(part) or _located(part)
    content_id = header_text(part.raw("content-id")).strip("<> ")
    kind = part.content_type
    if kind.startswith("multipart/"):
        kind = "application/octet-stream"
    if not name and kind in ("message/rfc822", "message/global"):
        subject = next((value for key, value in read_header(data)[0] if key.lower() == "subject"), b"")
        name = f"{header_text(subject)[:100].strip() or 'message'}.eml"
    if not name and kind.startswith("message/"):
        name = f"{kind.removeprefix('message/')}.txt"
    return MailFile(safe_filename(name or _NAMES.get(kind, ""), kind), kind, data, content_id)


def mark_inline(files: list[MailFile], html: str) -> tuple[MailFile, ...]:
    """A file is inline when the HTML shows it."""
    used = {form.lower() for name in _CID.findall(html) for form in (name, unquote(name))}
    return tuple(
        replace(file, is_inline=bool(file.content_id) and file.content_id.lower() in used) for file in files
    )
