"""What a mail carries besides words: it is said at a glance, and nothing of it is lost."""

import json
import tracemalloc

import pytest
from cryptography.hazmat.primitives.serialization import pkcs7

from helpdesk.mail.invitation import read_invitation
from helpdesk.mail.parse import parse
from helpdesk.mail.pgp import take_encrypted, unwrap_signed
from helpdesk.mail.rtf import decompress
from helpdesk.mail.smime import open_envelope
from helpdesk.mail.tnef import unpack
from helpdesk.mail.uuencoded import take_files
from tests.mail import contents
from tests.mail.test_mime import PLAIN, multipart


def facts(mail):
    return [each.plain() for each in mail.particulars]


# winmail.dat


def outlook_mail(data, text=""):
    return parse(
        multipart(f"{PLAIN}{text}", contents.in_base64('application/ms-tnef; name="winmail.dat"', data))
    )


def test_winmail_is_unpacked_and_its_words_are_not_said_twice():
    data = contents.winmail(
        contents.attribute(0x800C, b"The same words\0"),
        contents.winmail_file(b"%PDF-1\0\0", (0x3707, 0x1F, contents.unicode_text("Übersicht 2026.pdf"))),
        contents.winmail_file(b"GIF", title=b"logo.gif\0"),
    )
    mail = outlook_mail(data, "The same words")
    assert mail.text == "The same words"
    assert [(file.filename, file.data) for file in mail.files] == [
        ("Übersicht 2026.pdf", b"%PDF-1\0\0"),
        ("logo.gif", b"GIF"),
    ]


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ([(0x1000, 0x1F, contents.unicode_text("Grüße aus Köln"))], "Grüße aus Köln"),
        ([(0x3FDE, 3, (28591).to_bytes(4, "little")), (0x1013, 0x102, "<p>Grüße</p>".encode("latin-1"))], "Grüße"),
        ([(0x1009, 0x102, contents.stored_rtf(r"{\rtf1\ansi\ansicpg1252{\fonttbl\f0 Arial;}Gr\'fc\'dfe\par aus \u960?{\*\x y}}"))], "Grüße\naus π"),
        ([(0x1009, 0x102, contents.stored_rtf(r"{\rtf1\ansi\fromhtml1{\*\htmltag64 <p>}\htmlrtf\par\htmlrtf0 Hello{\*\htmltag72 </p>}}"))], "Hello"),
    ],
)  # fmt: skip
def test_words_that_only_winmail_says_are_the_text(entries, text):
    assert (
        outlook_mail(contents.winmail(contents.attribute(0x9003, contents.properties(*entries)))).text == text
    )


@pytest.mark.parametrize(
    ("packed", "text"),
    [  # the two examples of MS-OXRTFCP 4.1 and 4.2, the second with a piece that copies itself while it is written
        ("2d0000002b0000004c5a4675f1c5c7a703000a00726370673132354232 0af32068656c090020627705b06c647d0a800fa0", b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"),
        ("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0", b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"),
        ("", b""),
    ],
)  # fmt: skip
def test_compressed_rich_text_is_unpacked(packed, text):
    assert decompress(bytes.fromhex(packed)) == text


def test_a_mail_inside_winmail_is_a_file_with_its_own_files():
    inner = contents.winmail(
        contents.attribute(0x8004, b"Older mail\0"),
        contents.attribute(0x800C, b"Older words\0"),
        contents.winmail_file(b"one", title=b"one.txt\0"),
    )
    data = contents.winmail(contents.winmail_file(b"", (0x3701, 0x0D, contents.EMBEDDED_MAIL + inner)))
    assert [(file.filename, file.data) for file in outlook_mail(data).files] == [
        ("Older mail.txt", b"Older words"),
        ("one.txt", b"one"),
    ]


def test_a_damaged_winmail_stays_the_file_it_is():
    for data in (b"no such file", contents.winmail()[:20], b""):
        assert [(f.filename, f.data) for f in outlook_mail(data).files] == [("winmail.dat", data)]


@pytest.mark.parametrize("count", [0xFFFFFFFF, 20_001])
def test_a_winmail_of_sixty_bytes_costs_no_memory(count):
    bomb = contents.winmail(contents.attribute(0x9003, b"\1\0\0\0\3\x10\1\0" + count.to_bytes(4, "little")))
    tracemalloc.start()
    unpack(bomb)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


# calendars


def event(*lines, **more):
    particular, _ = read_invitation(contents.calendar(*lines, **more).encode())
    return particular.plain()


def test_an_invitation_says_what_when_where_and_who():
    found = event(
        'ORGANIZER;CN="Lind, Eva":mailto:eva@customer.example',
        "DTSTART;TZID=Europe/Berlin:20260702T100000",
        "DTEND;TZID=Europe/Berlin:20260702T113000",
        "SUMMARY:Printer\\, second try",
        "LOCATION:Room 4\\nNord",
        "RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20261231T000000Z;BYDAY=TH",
    )
    assert found == {
        "kind": "event", "method": "request", "summary": "Printer, second try", "zone": "Europe/Berlin",
        "start": "2026-07-02T08:00:00+00:00", "end": "2026-07-02T09:30:00+00:00", "place": "Room 4 Nord",
        "organizer": "Lind, Eva", "repeats": "weekly", "every": "2", "until": "2026-12-31",
    }  # fmt: skip


RULES = (
    "BEGIN:VTIMEZONE", "TZID:Our own", "BEGIN:STANDARD", "DTSTART:16010101T030000", "TZOFFSETFROM:+0200",
    "TZOFFSETTO:+0100", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10", "END:STANDARD", "BEGIN:DAYLIGHT",
    "DTSTART:16010101T020000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
    "END:DAYLIGHT", "END:VTIMEZONE",
)  # fmt: skip


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("DTSTART:20260702T100000Z", "2026-07-02T10:00:00+00:00"),
        ("DTSTART:20260702T100000", "2026-07-02T10:00:00"),
        ("DTSTART;VALUE=DATE:20260702", "2026-07-02"),
        ("DTSTART;TZID=W. Europe Standard Time:20260702T100000", "2026-07-02T08:00:00+00:00"),
        ('DTSTART;TZID="Europe/London":20260102T100000', "2026-01-02T10:00:00+00:00"),
        ("DTSTART;TZID=/odd.example/20260101/Asia/Tokyo:20260702T100000", "2026-07-02T01:00:00+00:00"),
        ("DTSTART;TZID=Our own:20260702T100000", "2026-07-02T08:00:00+00:00"),
        ("DTSTART;TZID=Our own:20260328T235900", "2026-03-28T22:59:00+00:00"),
        ("DTSTART;TZID=Our own:20260329T030000", "2026-03-29T01:00:00+00:00"),
        ("DTSTART;TZID=Our own:20261026T100000", "2026-10-26T09:00:00+00:00"),
        ("DTSTART;TZID=Nobody knows:20260702T100000", "2026-07-02T10:00:00"),
        ("DTSTART:20269999T100000Z", None),
        ("DTSTART:soon", None),
    ],
)
def test_times_are_read_in_the_zone_the_sender_meant(line, start):
    assert event(line, zone=RULES).get("start") == start


@pytest.mark.parametrize(
    ("lines", "end"),
    [
        (("DTSTART;VALUE=DATE:20260702", "DTEND;VALUE=DATE:20260703"), None),
        (("DTSTART;VALUE=DATE:20260702", "DTEND;VALUE=DATE:20260705"), "2026-07-04"),
        (("DTSTART:20260702T100000Z", "DURATION:PT1H30M"), "2026-07-02T11:30:00+00:00"),
        (("DTSTART:20260702T100000Z", "DTEND:20260702T090000Z"), None),
        (("DTSTART:20260702T100000Z", "DURATION:P52W"), "2027-07-01T10:00:00+00:00"),
    ],
)
def test_the_end_is_the_last_moment_of_it(lines, end):
    assert event(*lines).get("end") == end


def test_of_a_whole_calendar_no_single_event_is_told():
    two = contents.calendar("SUMMARY:One", "END:VEVENT", "BEGIN:VEVENT", "SUMMARY:Two")
    assert read_invitation(two.encode()) == (None, "")
    moved = contents.calendar(
        "SUMMARY:Moved", "RECURRENCE-ID:20260702T100000Z", "END:VEVENT", "BEGIN:VEVENT", "SUMMARY:Series"
    )
    assert read_invitation(moved.encode())[0].fact("summary") == "Series"


def test_an_answer_says_whose_it_is():
    found = event("ATTENDEE;PARTSTAT=DECLINED;CN=Jo:mailto:jo@b.example", method="REPLY")
    assert (found["method"], found["attendee"], found["answer"]) == ("reply", "Jo", "declined")
    assert event("STATUS:CANCELLED")["method"] == "cancel"


def test_the_calendar_stays_a_file_once_however_often_it_is_sent():
    ics = contents.calendar("SUMMARY:Printer", "DESCRIPTION:Please bring the\\nold cable")
    alternative = multipart(
        f"Content-Type: text/calendar; method=REQUEST\n\n{ics}".replace("\r", ""),
        kind="alternative",
        boundary="in",
        head="",
    ).decode()
    mail = parse(multipart(alternative, contents.in_base64("application/ics; name=invite.ics", ics.encode())))
    assert [file.filename for file in mail.files] == ["invite.ics"]
    assert facts(mail) == [{"kind": "event", "method": "request", "summary": "Printer", "file": "invite.ics"}]
    assert mail.text == "Please bring the\nold cable"


@pytest.mark.parametrize(
    "data",
    [
        contents.calendar("SUMMARY:x" * 100_000),
        contents.calendar(*["X-A;B=c:d"] * 40_000),
        contents.calendar("X-A" + ";B=c" * 100_000 + ":d"),
        contents.calendar("X-A;B=" + '"",' * 100_000),
        "BEGIN:VCALENDAR\n" * 30_000,
        "BEGIN:VEVENT\n" * 30_000,
        contents.calendar("DTSTART;TZID=Our own:99990702T100000", zone=RULES),
        contents.calendar("DTSTART;TZID=Our own:00010102T000000", zone=RULES),
        contents.calendar("RRULE:FREQ=SECONDLY;INTERVAL=²;COUNT=" + "9" * 9000),
    ],
)
def test_hostile_calendars_are_read_as_far_as_they_make_sense(data):
    particular, _ = read_invitation(data.encode())
    assert particular is None or len(json.dumps(particular.plain())) < 3_000


# signatures and envelopes


@pytest.mark.parametrize(
    "data",
    [contents.signed(b"Content-Type: text/plain\r\n\r\nSigned words\r\n"),
     contents.open_ended(b"Content-Type: text/", b"plain\r\n\r\nSigned words\r\n")],
)  # fmt: skip
def test_a_signed_envelope_is_opened(data):
    head = "From: a@b.example\n"
    mail = parse(
        (
            head + contents.in_base64("application/pkcs7-mime; smime-type=signed-data; name=smime.p7m", data)
        ).encode()
    )
    assert (mail.text, mail.files) == ("Signed words", ())
    assert facts(mail)[0]["way"] == "smime"


def test_the_signer_is_who_the_certificate_names():
    assert open_envelope(contents.signed(b"x")).signer == "Eva Lind <eva@customer.example>"


def test_files_inside_a_signed_envelope_are_files():
    inner = multipart(f"{PLAIN}Words", "Content-Type: application/pdf; name=a.pdf\n\n%PDF", head="")
    mail = parse(contents.in_base64("application/x-pkcs7-mime", contents.signed(inner)).encode())
    assert (mail.text, [file.filename for file in mail.files]) == ("Words", ["a.pdf"])


def test_a_signature_beside_its_words_is_noted_and_no_file():
    signature = contents.signed(b"words", pkcs7.PKCS7Options.DetachedSignature)
    part = contents.in_base64("application/pkcs7-signature; name=smime.p7s", signature)
    mail = parse(multipart(f"{PLAIN}words", part, kind="signed"))
    assert (mail.text, mail.files) == ("words", ())
    assert facts(mail) == [{"kind": "signed", "way": "smime", "by": "Eva Lind <eva@customer.example>"}]


@pytest.mark.parametrize(("name", "way"), [("smime.p7s", "smime"), ("signature.asc", "pgp")])
def test_signatures_that_lost_their_type_are_known_by_name(name, way):
    mail = parse(multipart(f"{PLAIN}words", f"Content-Type: application/octet-stream; name={name}\n\nx"))
    assert (mail.files, facts(mail)) == ((), [{"kind": "signed", "way": way}])
    kept = parse(multipart(f"{PLAIN}words", "Content-Type: application/octet-stream; name=a.zip.asc\n\nx"))
    assert [file.filename for file in kept.files] == ["a.zip.asc"]


def test_encrypted_mail_a_server_took_apart_is_still_named():
    mail = parse(
        multipart(
            PLAIN, "Content-Type: application/pgp-encrypted; name=PGPMIME\n\nVersion: 1",
            "Content-Type: application/octet-stream; name=encrypted.asc\n\nx",
        )
    )  # fmt: skip
    assert [file.filename for file in mail.files] == ["encrypted.asc"]
    assert facts(mail) == [{"kind": "encrypted", "way": "pgp", "file": "encrypted.asc"}]


def test_envelopes_in_envelopes_end_somewhere():
    data = b"Content-Type: text/plain\n\nwords"
    for _ in range(6):
        data = contents.in_base64("application/pkcs7-mime; name=smime.p7m", contents.signed(data)).encode()
    assert [file.filename for file in parse(data).files] == ["smime.p7m"]


UNOPENED = {
    "nothing": lambda: b"",
    "a letter": lambda: b"0",
    "lists without an end": lambda: b"\x30\x80" * 50_000,
    "a length of four gigabytes": lambda: b"\x30\x84\xff\xff\xff\xff",
    "the beginning of an envelope": lambda: contents.signed(b"x")[:60],
    "an empty list": lambda: b"\x30\x00",
    "an empty name": lambda: b"\x30\x02\x06\x00",
    "many empty pieces": lambda: contents.open_ended(*[b""] * 120_000),
}


@pytest.mark.parametrize("make", UNOPENED.values(), ids=UNOPENED)
def test_what_cannot_be_opened_is_a_file(make):
    data = make()
    mail = parse(contents.in_base64("application/pkcs7-mime; name=smime.p7m", data).encode())
    assert [(file.filename, file.data) for file in mail.files] == [("smime.p7m", data)]


def test_encrypted_mail_is_kept_and_named():
    enveloped = b"\x30\x80\x06\x09" + bytes.fromhex("2a864886f70d010703") + b"\xa0\x80\x30\x80\0\0\0\0\0\0"
    mail = parse(contents.in_base64("application/pkcs7-mime; name=smime.p7m", enveloped).encode())
    assert facts(mail) == [{"kind": "encrypted", "way": "smime", "file": "smime.p7m"}]
    assert [file.data for file in mail.files] == [enveloped]
    mail = parse(
        multipart(
            "Content-Type: application/pgp-encrypted\n\nVersion: 1\n",
            'Content-Type: application/octet-stream; name="encrypted.asc"\n\n-----BEGIN PGP MESSAGE-----\n',
            kind="encrypted",
        )
    )
    assert facts(mail) == [{"kind": "encrypted", "way": "pgp", "file": "encrypted.asc"}]
    assert [file.filename for file in mail.files] == ["encrypted.asc"]


ARMOR = "-----BEGIN PGP MESSAGE-----\n\nhQEMA0\n=abcd\n-----END PGP MESSAGE-----"


def test_an_encrypted_block_in_the_text_is_a_file():
    mail = parse(f"Subject: x\n\nHello\n\n{ARMOR}\n\nBye\n{ARMOR}".encode())
    assert mail.text.split() == ["Hello", "Bye"]
    assert [file.data.decode() for file in mail.files] == [f"{ARMOR}\n"] * 2
    assert facts(mail) == [{"kind": "encrypted", "way": "pgp", "file": "message.asc"}]


CLEAR = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nFirst\n- -----\n- -- \nLast\n-----BEGIN PGP SIGNATURE-----\n\niQ\n-----END PGP SIGNATURE-----"


def test_words_signed_in_the_clear_are_shown_without_their_frame():
    mail = parse(f"Subject: x\n\nAbove\n{CLEAR}\nBelow".encode())
    assert mail.text == "Above\nFirst\n-----\n-- \nLast\nBelow"
    assert facts(mail) == [{"kind": "signed", "way": "pgp"}]


def test_frames_that_end_nowhere_or_are_quoted_stay():
    quoted = "\n".join(f"> {line}" for line in CLEAR.split("\n"))
    for text in (quoted, CLEAR[:-10], "talk of -----BEGIN PGP MESSAGE-----"):
        assert unwrap_signed(text) == (text, False)
        assert take_encrypted(text) == (text, [])


# files in the text

UU = "begin 644 a b.txt\n#86)C\n`\nend\n"


def test_files_written_into_the_text_are_files():
    mail = parse(f"Subject: x\n\nAbove\n{UU}Below\n{UU.replace('a b', '../c')}".encode())
    assert mail.text == "Above\nBelow"
    assert [(file.filename, file.data) for file in mail.files] == [("a b.txt", b"abc"), ("c.txt", b"abc")]


@pytest.mark.parametrize(
    "text",
    ["begin 644 now\nwith words\nend\n", "begin 2026 with\n", UU[:-5], "> " + UU.replace("\n", "\n> ")],
)
def test_words_that_look_like_a_file_stay_words(text):
    assert take_files(text) == (text, [])
