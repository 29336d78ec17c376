"""The practice mailbox: a folder that behaves like an IMAP account, and keeps what would have been sent."""

import json
import mailbox as stdlib_mailbox
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from helpdesk.errors import PermanentError, TransientError
from helpdesk.transports.connect import open_sender, open_source
from helpdesk.transports.maildir import UID_LIST, MaildirSource, deposit
from tests.transports.mails import lines, mail

LARGE = 1_000_000


@pytest.fixture
def box(tmp_path):
    return tmp_path / "practice"


def opened(box, folder="INBOX"):
    source = open_source("maildir", None, box)
    source.open_folder(folder)
    return source


def fetched(source, uids, max_bytes=LARGE):
    return [(m.uid, m.raw) for m in source.fetch(uids, max_bytes=max_bytes)]


def test_mails_come_in_the_order_they_were_put_there(box):
    for number in range(20):
        deposit(box, mail(str(number)))
    source = opened(box)
    assert fetched(source, source.uids_after(0)) == [(n + 1, mail(str(n))) for n in range(20)]


def test_uids_stay_whatever_happens_to_other_mails(box):
    names = [deposit(box, mail(str(number))) for number in range(3)]
    source = opened(box)
    assert source.uids_after(0) == [1, 2, 3]
    (box / "new" / names[0]).unlink()
    deposit(box, mail("new"))
    assert opened(box).uids_after(0) == [2, 3, 4]
    assert fetched(opened(box), [1, 2, 3, 4])[0] == (2, mail("1"))


def test_a_uid_is_never_given_twice(box):
    name = deposit(box, mail("one"))
    source = opened(box)
    assert source.uids_after(0) == [1]
    (box / "new" / name).unlink()
    assert source.uids_after(0) == []
    deposit(box, mail("two"))
    assert source.uids_after(0) == [2]
    assert source.open_folder("INBOX").next_uid == 3


@pytest.mark.parametrize("damage", [b"", b"not json", b"[1]", b"[1, 2, []]"])
def test_a_damaged_list_means_a_new_uidvalidity(box, damage):
    deposit(box, mail())
    opened(box)
    (box / UID_LIST).write_bytes(damage)
    state = opened(box).open_folder("INBOX")
    assert state.uidvalidity > 1_000_000_000 and state.next_uid == 2


def test_marking_seen_survives_and_keeps_the_uid(box):
    for number in range(3):
        deposit(box, mail(str(number)))
    source = opened(box)
    source.mark_seen([2])
    source.mark_seen([2, 99])
    today = datetime.now(UTC).date() - timedelta(days=1)
    assert opened(box).uids_since(today, unseen_only=True) == [1, 3]
    assert opened(box).uids_since(today, unseen_only=False) == [1, 2, 3]
    assert fetched(opened(box), [2]) == [(2, mail("1"))]
    (path,) = (box / "cur").iterdir()
    assert path.name.endswith(":2,S")


def test_old_mails_are_told_by_their_day(box):
    name = deposit(box, mail())
    month = datetime.now(UTC) - timedelta(days=30)
    os.utime(box / "new" / name, (month.timestamp(), month.timestamp()))
    source = opened(box)
    assert source.uids_since(month.date(), unseen_only=False) == [1]
    assert source.uids_since(month.date() + timedelta(days=1), unseen_only=False) == []


def test_a_mail_over_the_limit_comes_in_part(box):
    raw = mail("long", lines(500_000))
    deposit(box, raw)
    (found,) = opened(box).fetch([1], max_bytes=100_000)
    assert found.is_partial and found.size == len(raw)
    assert b"Subject: long\r\n" in found.raw and len(found.raw) < 70_000


def test_mails_are_moved_copied_and_deleted(box):
    for number in range(4):
        deposit(box, mail(f"Mail {number}"))
    source = opened(box)
    source.copy([1], "Kept")
    source.move([2, 99], "Done")
    source.delete([3, 99])
    assert source.uids_after(0) == [1, 4]
    assert [len(opened(box, name).uids_after(0)) for name in ("Kept", "Done")] == [1, 1]


def test_folders_beside_the_inbox(box):
    deposit(box / ".Archive", mail("archived"))
    assert open_source("maildir", None, box).folders() == ["INBOX", "Archive"]
    source = opened(box, "Archive")
    assert fetched(source, source.uids_after(0)) == [(1, mail("archived"))]


@pytest.mark.parametrize("name", ["../other", "a/b", "", "..", "a\nb", "Missing"])
def test_other_folders_are_refused(box, name):
    with pytest.raises(PermanentError):
        opened(box, name)


def test_other_programs_may_use_the_folder_too(box):
    opened(box)
    other = stdlib_mailbox.Maildir(box)
    other.add(mail("theirs"))
    source = opened(box)
    assert fetched(source, source.uids_after(0)) == [(1, mail("theirs"))]
    assert len(other) == 1


def test_many_readers_and_writers_agree_on_uids(box):
    def write(number):
        deposit(box, mail(str(number)))
        return dict(fetched(opened(box), opened(box).uids_after(0)))

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(write, range(40)))
    final = dict(fetched(opened(box), opened(box).uids_after(0)))
    assert sorted(final) == list(range(1, 41)) and len(set(final.values())) == 40
    assert all(final[uid] == raw for view in seen for uid, raw in view.items())


def test_sent_mail_is_kept_byte_for_byte_with_its_envelope(box):
    raw = mail("answer", "a\nb\r\n.\r\n")
    sender = open_sender("maildir", None, box)
    delivery = sender.send("support@desk.example", ["jonas@customer.example"], raw)
    sender.close()
    (path,) = (box / "new").iterdir()
    assert path.read_bytes() == raw and path.name in delivery.response
    envelope = json.loads((box / "envelopes" / f"{path.name}.json").read_text())
    assert envelope == {"from": "support@desk.example", "recipients": ["jonas@customer.example"]}


def test_others_cannot_read_the_mails(box):
    name = deposit(box, mail())
    assert (box / "new" / name).stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_is_an_error_of_the_desk(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises((TransientError, PermanentError), match="mail folder"):
        MaildirSource(tmp_path / "file")
