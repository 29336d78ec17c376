"""S/MIME (RFC 8551): what a signed envelope holds, who it says has signed, and whether an envelope is encrypted.

Only the outermost structure of CMS (RFC 5652) is walked, in DER or in BER as streaming programs write it. Nothing is
verified: whoever made a certificate wrote any name into it that he liked.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from helpdesk.mail.charset import clean_line

MAX_STEPS = 100_000
MAX_CERTIFICATES = 20
MAX_CERTIFICATE = 64 * 1024
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_ENVELOPED = (
    bytes.fromhex("2a864886f70d010703"),
    bytes.fromhex("2a864886f70d010910010117"),  # authEnvelopedData
)
_SEQUENCE, _SET, _OID, _OCTETS, _OCTETS_IN_PIECES, _FIRST = 0x30, 0x31, 0x06, 0x04, 0x24, 0xA0
_INDEFINITE = -1


class _Damaged(Exception):
    """No CMS, or more pieces than any program writes."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """`content` is the MIME entity inside, None when the signature stands apart from it or it is encrypted."""

    content: bytes | None = None
    signer: str = ""
    is_encrypted: bool = False


@dataclass(frozen=True, slots=True)
class _Element:
    tag: int
    at: int  # where it begins; its content lies from `start` to `end`
    start: int
    end: int


class _Walk:
    """Reads elements of one byte string and counts them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.steps = 0

    def elements(self, start: int, end: int) -> Iterator[_Element]:
        """The elements that lie side by side in a range."""
        at = start
        while at < end:
            element, at = self._element(at, end)
            if element.tag == 0 and element.start == element.end:
                return
            yield element

    def _element(self, at: int, limit: int) -> tuple[_Element, int]:
        """The element that begins here, and where the next one does."""
        tag, start, length = self._head(at, limit)
        if length != _INDEFINITE:
            if start + length > limit:
                raise _Damaged
            return _Element(tag, at, start, start + length), start + length
        end = self._end_of_open(start, limit)
        return _Element(tag, at, start, end), end + 2

    def _head(self, at: int, limit: int) -> tuple[int, int, int]:
        self.steps += 1
        if self.steps > MAX_STEPS or at + 2 > limit:
            raise _Damaged
        tag, first = self.data[at], self.data[at + 1]
        if tag & 0x1F == 0x1F:  # a tag of several bytes: none is used here
            raise _Damaged
        if first == 0x80:
            return tag, at + 2, _INDEFINITE
        if first < 0x80:
            return tag, at + 2, first
        count = first & 0x7F
        if count > 4 or at + 2 + count > limit:
            raise _Damaged
        return tag, at + 2 + count, int.from_bytes(self.data[at + 2 : at + 2 + count], "big")

    def _end_of_open(self, at: int, limit: int) -> int:
        """Where the two zeros stand that end an element of unknown length; open ones inside are counted, not entered."""
        depth = 1
        while True:
            tag, start, length = self._head(at, limit)
            if length == _INDEFINITE:
                depth, at = depth + 1, start
            elif tag == 0 and length == 0:
                depth -= 1
                if depth == 0:
                    return at
                at = start
            else:
                at = start + length

    def octets(self, element: _Element) -> bytes:
        """The bytes of an octet string, which BER may cut into pieces."""
        if element.tag == _OCTETS:
            return self.data[element.start : element.end]
        pieces = []
        for piece in self.elements(element.start, element.end):
            if piece.tag != _OCTETS:
                raise _Damaged
            pieces.append(self.data[piece.start : piece.end])
        return b"".join(pieces)


def open_envelope(data: bytes) -> Envelope | None:
    """What a PKCS #7 object is; None when it is none, or of a kind that is neither signed nor encrypted."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd certificates; nothing depends on them
            return _opened(_Walk(data))
    except (_Damaged, StopIteration):
        return None


def _opened(walk: _Walk) -> Envelope | None:
    outer = next(walk.elements(0, len(walk.data)))
    kind, *rest = [*walk.elements(outer.start, outer.end)] or [outer]
    name = walk.data[kind.start : kind.end]
    if outer.tag != _SEQUENCE or kind.tag != _OID or not rest:
        return None
    if name in _ENVELOPED:
        return Envelope(is_encrypted=True)
    if name != _SIGNED_DATA:
        return None
    signed = next(walk.elements(rest[0].start, rest[0].end))
    fields = list(walk.elements(signed.start, signed.end))
    inner = next((each for each in fields if each.tag == _SEQUENCE), None)
    if inner is None:
        return None
    return Envelope(_content(walk, inner), _signer(walk, fields))


def _content(walk: _Walk, inner: _Element) -> bytes | None:
    """encapContentInfo: a type and, explicitly tagged, an octet string."""
    for each in walk.elements(inner.start, inner.end):
        if each.tag == _FIRST:
            octets = next(walk.elements(each.start, each.end))
            return walk.octets(octets) if octets.tag in (_OCTETS, _OCTETS_IN_PIECES) else None
    return None


def _signer(walk: _Walk, fields: list[_Element]) -> str:
    """The name in the certificate that the first signature refers to, else in the first that is no authority's."""
    signatures = walk.data[fields[-1].start : fields[-1].end]
    found = list(_certificates(walk, fields))
    meant = [each for each in found if _is_meant(each, signatures)]
    return _name(meant[0]) if meant else next(filter(None, map(_name, found)), "")


def _certificates(walk: _Walk, fields: list[_Element]) -> Iterator[x509.Certificate]:
    chosen = next((each for each in fields if each.tag == _FIRST), None)
    if chosen is None:
        return
    for count, each in enumerate(walk.elements(chosen.start, chosen.end)):
        if count >= MAX_CERTIFICATES or each.end - each.start > MAX_CERTIFICATE:
            return
        certificate = _read(walk.data[each.at : each.end]) if each.tag == _SEQUENCE else None
        if certificate is not None:
            yield certificate


def _read(der: bytes) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(der)
    except (ValueError, TypeError, OverflowError):
        return None


def _is_meant(certificate: x509.Certificate, signatures: bytes) -> bool:
    """Whether a signature refers to it by issuer and serial number."""
    try:
        serial = certificate.serial_number
        written = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
        return certificate.issuer.public_bytes() + bytes([2, len(written)]) + written in signatures
    except (ValueError, OverflowError):
        return False


def _name(certificate: x509.Certificate) -> str:
    """Name and address as its subject gives them."""
    names: list[str] = []
    addresses: list[str] = []
    try:
        subject = certificate.subject
        names = [str(each.value) for each in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        addresses = [str(each.value) for each in subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)]
        if not addresses:
            names_of_subject = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
            addresses = list(names_of_subject.value.get_values_for_type(x509.RFC822Name))
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        pass  # what was read before says enough
    name, address = clean_line("".join(names[:1]))[:150], clean_line("".join(addresses[:1]))[:150]
    return f"{name} <{address}>" if name and address and name != address else name or address
