"""OpenPGP inside a text (RFC 9580 7 and 6): signed words are unwrapped, encrypted ones taken out as a file."""

from __future__ import annotations

import re

from helpdesk.mail.types import MailFile

MAX_BLOCKS = 20
ENCRYPTED = "application/pgp-encrypted"
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
_END = "-----END PGP SIGNATURE-----"
_MESSAGE = "-----BEGIN PGP MESSAGE-----"
_MESSAGE_END = "-----END PGP MESSAGE-----"
_ARMOR_HEADER = re.compile(r"[A-Za-z][A-Za-z-]{1,30}: ")


def unwrap_signed(text: str) -> tuple[str, bool]:
    """(the text without the frames of cleartext signatures, whether there was one). Quoted frames stay."""
    if _SIGNED not in text:
        return text, False
    out: list[str] = []
    state = ""  # "", "head", "words", "signature"
    found = False
    for line in text.split("\n"):
        bare = line.rstrip()
        if state == "" and bare == _SIGNED:
            state, found = "head", True
        elif state == "head":
            if not _ARMOR_HEADER.match(line):
                state = "words"
                out += [line] if bare else []
        elif state == "words" and bare == _SIGNATURE:
            state = "signature"
        elif state == "signature":
            state = "" if bare == _END else state
        else:
            out.append(line[2:] if state == "words" and line.startswith("- ") else line)
    if state == "signature":  # it never ends: what looks like one may be words
        return text, False
    return "\n".join(out), found


def take_encrypted(text: str) -> tuple[str, list[MailFile]]:
    """The text without encrypted blocks, and each block as a file that the recipient's own program can open."""
    files: list[MailFile] = []
    kept, at = [], 0
    while len(files) < MAX_BLOCKS and (start := _next_message(text, at)) >= 0:
        end = text.find(_MESSAGE_END, start)
        if end < 0:
            break
        end += len(_MESSAGE_END)
        files.append(MailFile("message.asc", ENCRYPTED, f"{text[start:end]}\n".encode()))
        kept.append(text[at:start])
        at = end
    return "".join([*kept, text[at:]]), files


def _next_message(text: str, at: int) -> int:
    """Where the next line that begins one stands, -1 without one."""
    if text.startswith(_MESSAGE, at) and (at == 0 or text[at - 1] == "\n"):
        return at
    found = text.find(f"\n{_MESSAGE}", at)
    return found + 1 if found >= 0 else -1
