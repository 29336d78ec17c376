"""Old mail in files: every mail found whole, the oldest first, whatever the file holds."""

import os
from datetime import UTC, datetime

import pytest

from helpdesk.errors import InvalidInput
from helpdesk.transports.archives import PIECE, Archive

NOW = datetime(2026, 11, 21, tzinfo=UTC)
LARGE = 1_000_000


def mail(subject, date="Mon, 2 Feb 2026 10:00:00 +0100", text="Words.\n"):
    return f"Date: {date}\nSubject: {subject}\n\n{text}".encode()


def mbox(tmp_path, *raws, separator=b"From jonas@customer.example Mon Feb  2 09:00:00 2026\n"):
    path = tmp_path / "old.mbox"
    path.write_bytes(b"".join(separator + raw + b"\n" for raw in raws))
    return path


def read(archive):
    return [archive.read(entry, max_bytes=LARGE) for entry in archive.mails]


def test_mails_come_whole_and_the_oldest_first(tmp_path):
    newer, older = mail("Newer"), mail("Older", "Sun, 1 Mar 2015 12:00:00 +0000", "a\n\n\nb\n\n")
    found = read(Archive(mbox(tmp_path, newer, older), NOW))
    assert [m.raw for m in found] == [older, newer]
    assert [m.internal_date for m in found] == [
        datetime(2015, 3, 1, 12, tzinfo=UTC),
        datetime(2026, 2, 2, 9, tzinfo=UTC),
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_from_in_a_text_ends_no_mail_and_loses_its_mark(tmp_path, end):
    text = end.join(
        [b"", b">From here on", b">>From there", b"From now on it is free text", b"", b"From me", b""]
    )
    raw = mail("One").replace(b"\n", end) + text
    separator = b"From a@b.example Mon Feb  2 09:00:00 2026" + end
    path = tmp_path / "box"
    path.write_bytes(separator + raw + end + separator + mail("Two").replace(b"\n", end) + end)
    one, two = read(Archive(path, NOW))
    assert one.raw == raw.replace(b">From here", b"From here").replace(b">>From", b">From")
    assert b"Subject: Two" in two.raw


def test_a_piece_of_a_long_line_is_no_separator(tmp_path):
    line = b"x" * PIECE + b"From a@b.example Mon Feb  2 09:00:00 2026\n"
    (only,) = read(Archive(mbox(tmp_path, mail("One") + b"\n" + line), NOW))
    assert line in only.raw


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Mon, 2 Feb 2099 10:00:00 +0100", datetime(2026, 2, 2, 9, tzinfo=UTC)),
        ("Thu, 1 Jan 1970 00:00:00 +0000", datetime(2026, 2, 2, 9, tzinfo=UTC)),
        ("the other day", datetime(2026, 2, 2, 9, tzinfo=UTC)),
        ("Sat, 21 Nov 2026 05:00:00 +0000", NOW),
    ],
)
def test_a_date_that_cannot_be_is_that_of_the_file_and_none_lies_ahead(tmp_path, date, expected):
    (only,) = Archive(mbox(tmp_path, mail("One", date)), NOW).mails
    assert only.date == expected


def test_without_any_date_it_is_now(tmp_path):
    path = mbox(tmp_path, b"Subject: x\n\ny\n", separator=b"From - Mon Feb 99 09:00:00 9999\n")
    assert Archive(path, NOW).mails[0].date == NOW


def test_a_mail_over_the_limit_comes_in_part(tmp_path):
    archive = Archive(mbox(tmp_path, mail("Large", text="first words\n" + "x" * 9000 + "\n")), NOW)
    found = archive.read(archive.mails[0], max_bytes=4000)
    assert found.is_partial and found.size > 9000
    assert b"Subject: Large" in found.raw and b"first words" in found.raw


def test_a_maildir_without_drafts_and_what_was_thrown_away(tmp_path):
    for part in ("cur", "new", "tmp"):
        (tmp_path / part).mkdir()
    (tmp_path / "cur" / "1.a:2,S").write_bytes(mail("Seen"))
    (tmp_path / "cur" / "2.a:2,DS").write_bytes(mail("Draft"))
    (tmp_path / "cur" / "3.a:2,ST").write_bytes(mail("Trashed"))
    (tmp_path / "tmp" / "4.a").write_bytes(mail("Half"))
    (tmp_path / "new" / "5.a").write_bytes(b"Subject: Undated\n\n>From x\n")
    os.utime(tmp_path / "new" / "5.a", (NOW.timestamp() - 500, NOW.timestamp() - 500))
    archive = Archive(tmp_path, NOW)
    assert [m.raw for m in read(archive)] == [mail("Seen"), b"Subject: Undated\n\n>From x\n"]
    (tmp_path / "new" / "5.a").unlink()
    assert read(archive)[1] is None


def test_anything_else_is_refused_in_words(tmp_path):
    (tmp_path / "text").write_bytes(b"Dear diary\n")
    for path, words in (
        (tmp_path / "text", "no mbox"),
        (tmp_path, "no Maildir"),
        (tmp_path / "x", "no file"),
    ):
        with pytest.raises(InvalidInput, match=words):
            Archive(path, NOW)
    (tmp_path / "empty").write_bytes(b"")
    assert Archive(tmp_path / "empty", NOW).mails == []


def test_a_maildir_gives_only_mails_of_its_own(tmp_path):
    (tmp_path / "box" / "cur").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(mail("Of this machine"))
    (tmp_path / "box" / "cur" / "1:2,S").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "box" / "cur" / "2:2,S")
    assert Archive(tmp_path / "box", NOW).mails == []


def test_a_mail_that_is_read_meanwhile_is_taken_all_the_same(tmp_path):
    for part in ("cur", "new"):
        (tmp_path / part).mkdir()
    (tmp_path / "new" / "1.host").write_bytes(mail("New"))
    archive = Archive(tmp_path, NOW)
    (tmp_path / "new" / "1.host").rename(tmp_path / "cur" / "1.host:2,S")
    assert [m.raw for m in read(archive)] == [mail("New")]


def test_a_hostile_separator_costs_no_more_than_another(tmp_path):
    text = (b"\nFrom x" + b" 1:11" * (PIECE // 5 - 10) + b"\n").decode() * 40
    assert len(Archive(mbox(tmp_path, mail("One", text=text)), NOW).mails) == 1
