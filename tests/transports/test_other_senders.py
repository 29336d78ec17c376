"""Senders that send nothing, the choice by protocol, and the stand-ins of other tests."""

import inspect

import pytest

from helpdesk.errors import TransientError
from helpdesk.transports.base import Delivery, Sender, Source, UnusableServer
from helpdesk.transports.connect import open_sender, open_source
from helpdesk.transports.file_drop import FileDrop, FileSender
from helpdesk.transports.imap import ImapSource
from helpdesk.transports.maildir import MaildirSender, MaildirSource
from helpdesk.transports.smtp import SmtpSender
from helpdesk.transports.terminal import ConsoleSender, DummySender
from tests.fakes import FakeSender, FakeSource
from tests.servers.small_disk import small_disk  # noqa: F401
from tests.transports.mails import mail


def test_the_console_shows_mail_and_envelope(capsys):
    open_sender("console").send(
        "a@desk.example", ["b@customer.example"], mail("Gr\u00fc\u00dfe", "\x1b[2Jtext")
    )
    shown = capsys.readouterr().out
    assert "from: a@desk.example" in shown and "to: b@customer.example" in shown
    assert "Subject: Gr\u00fc\u00dfe" in shown and "\x1b" not in shown


def test_the_dummy_says_yes():
    assert open_sender("dummy").send("", ["b@customer.example"], b"").refused == {}


def test_files_hold_the_very_bytes_in_the_order_of_sending_for_this_user_alone(tmp_path):
    folder = tmp_path / "a" / "sent"
    raws = [mail(f"Mail {number}", "x" * 5000) for number in range(3)]
    for raw in raws:
        open_sender("file", path=folder).send("a@desk.example", ["b@customer.example"], raw)
    files = sorted(folder.iterdir())
    assert [file.read_bytes() for file in files] == raws
    assert all(file.suffix == ".eml" and file.stat().st_mode & 0o077 == 0 for file in files)
    assert folder.stat().st_mode & 0o077 == 0
    (folder / "note.txt").write_text("mine")
    (folder / "20260101T000000.000000000-aaaaaaaaaaaa.eml").symlink_to("/etc/passwd")
    drop = FileDrop(folder)
    found = list(drop.fetch(drop.uids_after(0), max_bytes=100))
    assert [one.raw for one in found] == [raw[:100] for raw in raws] and found[0].size == len(raws[0])
    files[0].unlink()
    assert list(drop.fetch([found[0].uid], max_bytes=100)) == [] == FileDrop(tmp_path / "none").uids_after(0)


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_sent(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UnusableServer, match="cannot be written to") as caught:
        open_sender("file", path=tmp_path / "taken" / "sent")
    assert "taken" in caught.value.detail and "taken" not in caught.value.user_message


def test_a_full_disk_leaves_nothing_behind_and_is_tried_again(tmp_path, small_disk):  # noqa: F811
    disk = small_disk(tmp_path / "disk", 300)
    sender = open_sender("file", path=disk.path / "sent")
    disk.fill()
    with pytest.raises(TransientError):
        sender.send("a@desk.example", ["b@customer.example"], mail("large", "x" * 100_000))
    assert list((disk.path / "sent").iterdir()) == []
    disk.free()
    sender.send("a@desk.example", ["b@customer.example"], mail("large", "x" * 100_000))
    assert len(FileDrop(disk.path / "sent").uids_after(0)) == 1


@pytest.mark.parametrize("protocol", ["imap", "maildir", "pop9", ""])
def test_an_account_without_a_usable_server_says_so(protocol):
    with pytest.raises(UnusableServer, match="no usable server to fetch"):
        open_source(protocol)
    with pytest.raises(UnusableServer, match="no usable server to send"):
        open_sender(protocol.replace("imap", "smtp"))


def calls(protocol):
    return {
        name: inspect.signature(f)
        for name, f in vars(protocol).items()
        if inspect.isfunction(f) and name[0] != "_"
    }


@pytest.mark.parametrize(
    ("protocol", "implementation"),
    [(Source, kind) for kind in (ImapSource, MaildirSource, FakeSource)]
    + [
        (Sender, kind)
        for kind in (SmtpSender, MaildirSender, FileSender, ConsoleSender, DummySender, FakeSender)
    ],
)
def test_everybody_speaks_the_same_protocol(protocol, implementation):
    for name, signature in calls(protocol).items():
        assert inspect.signature(getattr(implementation, name)) == signature, name


def test_fake_source_acts_like_a_mailbox():
    source = FakeSource(mail("1"), mail("2"), mail("3"))
    source.mails[2].is_gone = True
    assert source.open_folder("INBOX").next_uid == 4
    assert [m.uid for m in source.fetch(source.uids_after(0), max_bytes=1000)] == [1, 3]
    source.fail_once["uids_after"] = TransientError("away")
    with pytest.raises(TransientError):
        source.uids_after(0)
    assert source.uids_after(1) == [2, 3]
    source.fail["body"], source.break_after = TransientError("cut"), 1
    with pytest.raises(TransientError):
        list(source.fetch([1, 3], max_bytes=1000))
    assert source.open_folder("INBOX").uidvalidity == 1
    source.renumber()
    assert source.open_folder("INBOX").uidvalidity == 2


def test_fake_sender_plays_its_outcomes_in_turn():
    partial = Delivery("250", {"b@customer.example": (550, "no")})
    sender = FakeSender(TransientError("later"), partial)
    with pytest.raises(TransientError):
        sender.send("a", ["b"], b"1")
    assert sender.send("a", ["b"], b"2") is partial
    sender.send("a", ["b"], b"3")
    assert [sent.raw for sent in sender.sent] == [b"2", b"3"] and len(sender.attempts) == 3
