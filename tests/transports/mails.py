"""Mails as the tests of transports use them."""


def mail(subject="Printer", text="It does not print.", *, extra=b""):
    head = f"From: Jonas <jonas@customer.example>\r\nTo: support@desk.example\r\nSubject: {subject}\r\n"
    return head.encode() + extra + b"\r\n" + text.encode() + b"\r\n"


def lines(count):
    """About `count` letters, in lines no server finds too long."""
    return ("y" * 70 + "\r\n") * (count // 72)


def mail_with_file(size, *, file_first=False):
    """A multipart mail with a text in UTF-8 and a file of about `size` bytes."""
    line = b"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB\r\n"
    text = (
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"Gr=C3=BC=C3=9Fe aus K=C3=B6ln\r\n"
    )
    file = (
        b"Content-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n"
        b'Content-Disposition: attachment; filename="photo.jpg"\r\n\r\n' + line * (size // len(line))
    )
    parts = [file, text] if file_first else [text, file]
    body = b"".join(b"--=_border\r\n" + part + b"\r\n" for part in parts) + b"--=_border--\r\n"
    head = (
        b"From: Jonas <jonas@customer.example>\r\nSubject: A photo\r\nMessage-ID: <photo@customer.example>\r\n"
        b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary="=_border"\r\n\r\n'
    )
    return head + body
