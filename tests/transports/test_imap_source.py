"""Fetching from a real IMAP server."""

import email
import email.policy
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from imapclient import IMAPClient

from helpdesk.errors import PermanentError
from helpdesk.transports.base import Security, UnusableServer
from helpdesk.transports.connect import look_inside, open_source
from helpdesk.transports.imap import ImapSource
from tests.transports.mails import mail, mail_with_file

LARGE = 1_000_000


@pytest.fixture
def user():
    return f"u{secrets.token_hex(4)}@desk.example"


@pytest.fixture
def open_inbox(imap_server, user):
    """Opens the test user's INBOX; all connections end with the test."""
    sources = []

    def opened():
        sources.append(ImapSource(imap_server.address(user)))
        sources[-1].open_folder("INBOX")
        return sources[-1]

    yield opened
    for source in sources:
        source.close()


def expunge(server, user, uids):
    """Another mail program deletes mails while we look."""
    with IMAPClient("127.0.0.1", server.port, ssl=False, timeout=10) as client:
        client.login(user, server.password)
        client.select_folder("INBOX")
        client.delete_messages(uids)
        client.expunge()


def test_mails_arrive_as_they_were_sent(imap_server, user, open_inbox):
    raws = [mail("One"), mail("Zwei: Gr\u00fc\u00dfe"), mail("Three", "x" * 5000)]
    for raw in raws:
        imap_server.deliver(user, raw)
    source = open_inbox()
    found = list(source.fetch(source.uids_after(0), max_bytes=LARGE))
    assert [m.raw for m in found] == raws
    assert [m.size for m in found] == [len(raw) for raw in raws]
    assert not any(m.is_partial or m.problem for m in found)
    assert abs(found[0].internal_date - datetime.now(UTC)) < timedelta(minutes=1)


def test_fetching_leaves_mails_unread(imap_server, user, open_inbox):
    imap_server.deliver(user, mail())
    imap_server.deliver(user, mail_with_file(50_000))
    source = open_inbox()
    assert len(list(source.fetch(source.uids_after(0), max_bytes=10_000))) == 2
    source.close()
    assert imap_server.flags(user) == ["", ""]


def test_marking_seen_marks_those_and_can_be_repeated(imap_server, user, open_inbox):
    for number in range(3):
        imap_server.deliver(user, mail(str(number)))
    source = open_inbox()
    uids = source.uids_after(0)
    source.mark_seen(uids[:2])
    source.mark_seen([*uids[:2], uids[-1] + 1000])
    source.close()
    assert imap_server.flags(user) == ["S", "S", ""]


def test_nothing_comes_after_the_last_mail(imap_server, user, open_inbox):
    imap_server.deliver(user, mail())
    source = open_inbox()
    (last,) = source.uids_after(0)
    assert source.uids_after(last) == []
    assert source.uids_after(last + 5000) == []


def test_an_empty_folder_has_no_mails(user, open_inbox):
    source = open_inbox()
    assert source.uids_after(0) == []
    assert list(source.fetch([], max_bytes=LARGE)) == []


def test_folder_state_names_the_next_uid(imap_server, user):
    imap_server.deliver(user, mail())
    source = ImapSource(imap_server.address(user))
    first = source.open_folder("INBOX")
    (uid,) = source.uids_after(0)
    assert uid < first.next_uid
    imap_server.deliver(user, mail())
    second = source.open_folder("INBOX")
    assert source.uids_after(uid)[0] >= first.next_uid
    assert second.uidvalidity == first.uidvalidity
    source.close()


def test_first_fetch_finds_unread_mail_since_a_day(dovecot, user):
    now = datetime.now(UTC)
    dovecot.deliver(user, mail("old"), arrived_at=now - timedelta(days=30))
    dovecot.deliver(user, mail("read"), is_seen=True, arrived_at=now - timedelta(days=1))
    dovecot.deliver(user, mail("unread"), arrived_at=now - timedelta(days=1))
    source = ImapSource(dovecot.address(user))
    source.open_folder("INBOX")
    week = (now - timedelta(days=7)).date()
    unread = [m.raw for m in source.fetch(source.uids_since(week, unseen_only=True), max_bytes=LARGE)]
    assert unread == [mail("unread")]
    assert len(source.uids_since(week, unseen_only=False)) == 2
    source.close()


def test_a_mail_over_the_limit_comes_as_header_and_first_text(imap_server, user, open_inbox):
    raw = mail_with_file(300_000, file_first=True)
    imap_server.deliver(user, mail("small"))
    imap_server.deliver(user, raw)
    imap_server.deliver(user, mail("small too"))
    source = open_inbox()
    before, large, after = source.fetch(source.uids_after(0), max_bytes=100_000)
    assert (before.is_partial, large.is_partial, after.is_partial) == (False, True, False)
    assert large.size == len(raw) and len(large.raw) < 1000
    parsed = email.message_from_bytes(large.raw, policy=email.policy.default)
    assert parsed["Subject"] == "A photo" and parsed["Message-ID"] == "<photo@customer.example>"
    assert parsed.get_content().strip() == "Gr\u00fc\u00dfe aus K\u00f6ln"


def test_a_large_plain_mail_keeps_its_beginning(imap_server, user, open_inbox):
    imap_server.deliver(user, mail("long", "\r\n".join(f"line {n}" for n in range(20_000))))
    source = open_inbox()
    (found,) = source.fetch(source.uids_after(0), max_bytes=100_000)
    assert b"\r\nline 0\r\n" in found.raw and found.raw.endswith(b"\r\n")
    assert 60_000 < len(found.raw) < 70_000


def test_one_vanished_mail_of_250_leaves_249(dovecot, user):
    for number in range(250):
        dovecot.deliver(user, mail(str(number)))
    source = ImapSource(dovecot.address(user))
    source.open_folder("INBOX")
    uids = source.uids_after(0)
    expunge(dovecot, user, [uids[120]])
    found = [m.uid for m in source.fetch(uids, max_bytes=LARGE)]
    assert found == [uid for uid in uids if uid != uids[120]]
    source.mark_seen(uids)
    source.close()
    assert dovecot.flags(user) == ["S"] * 249


def test_mails_vanishing_while_others_are_read_do_not_matter(dovecot, user):
    for number in range(60):
        dovecot.deliver(user, mail(str(number)))
    source = ImapSource(dovecot.address(user))
    source.open_folder("INBOX")
    uids = source.uids_after(0)
    found = []
    for fetched in source.fetch(uids, max_bytes=LARGE):
        if not found:
            expunge(dovecot, user, uids[30:40])
        found.append(fetched.uid)
    assert found == uids[:30] + uids[40:]
    source.close()


def test_a_file_removed_under_the_server_does_not_stop_the_others(dovecot, user):
    files = [dovecot.deliver(user, mail(str(number))) for number in range(5)]
    source = ImapSource(dovecot.address(user))
    source.open_folder("INBOX")
    uids = source.uids_after(0)
    (dovecot.maildir(user) / "cur" / f"{files[2].name}:2,").unlink()
    assert [m.uid for m in source.fetch(uids, max_bytes=LARGE)] == uids[:2] + uids[3:]
    source.close()


def test_new_uidvalidity_is_seen(dovecot, user):
    dovecot.deliver(user, mail())
    source = ImapSource(dovecot.address(user))
    before = source.open_folder("INBOX")
    source.close()
    changed = dovecot.change_uidvalidity(user)
    source = ImapSource(dovecot.address(user))
    after = source.open_folder("INBOX")
    assert after.uidvalidity == changed != before.uidvalidity
    source.close()


def test_unknown_folder_is_named(imap_server, user):
    source = ImapSource(imap_server.address(user))
    with pytest.raises(PermanentError, match="no folder Post in this mailbox") as raised:
        source.open_folder("Post")
    assert raised.value.detail
    source.open_folder("INBOX")
    source.close()


@pytest.mark.parametrize("name", ["INBOX\r\nx DELETE INBOX", "a\nb", "a\0b", "", "\x7f"])
def test_folder_names_that_would_be_commands_are_refused(imap_server, user, name):
    source = ImapSource(imap_server.address(user))
    with pytest.raises(PermanentError, match="cannot be the name of a folder"):
        source.open_folder(name)
    source.close()


def test_folders_are_listed_and_open_by_their_names(dovecot, user):
    dovecot.deliver(user, mail())
    with IMAPClient("127.0.0.1", dovecot.port, ssl=False, timeout=10) as client:
        client.login(user, dovecot.password)
        for name in ("Ablage/Gr\u00fc\u00dfe", 'with "quotes"', "123"):
            client.create_folder(name)
    source = ImapSource(dovecot.address(user))
    names = source.folders()
    assert {"INBOX", "Ablage/Gr\u00fc\u00dfe", 'with "quotes"', "123"} <= set(names)
    look_inside(source, names)
    source.close()


@pytest.mark.parametrize("security", list(Security))
def test_each_way_of_connecting_works(dovecot, user, security):
    dovecot.deliver(user, mail())
    source = ImapSource(dovecot.address(user, security=security))
    source.open_folder("INBOX")
    assert len(source.uids_after(0)) == 1
    source.close()


@pytest.mark.parametrize("name", ["jo nas", "j\u00f6nas@desk.example", 'quo"te'])
def test_user_names_beyond_plain_letters_log_in(dovecot, name):
    source = ImapSource(dovecot.address("x", username=name))
    assert "INBOX" in source.folders()
    source.close()


@pytest.mark.parametrize("password", ["wrong", "fa\u00dflsch", 'wr"o\\ng'])
def test_wrong_password_needs_a_person(dovecot, user, password):
    with pytest.raises(UnusableServer, match="refuses user name or password") as raised:
        ImapSource(dovecot.address(user, password=password))
    assert "AUTHENTICATIONFAILED" in raised.value.detail
    assert password not in str(raised.value) + raised.value.detail


def test_line_ends_in_credentials_are_refused(dovecot, user):
    for values in ({"username": "a\r\nx NOOP"}, {"password": "a\nb"}):
        with pytest.raises(UnusableServer, match="line ends"):
            ImapSource(dovecot.address(user, **values))


def test_pymap_serves_too(pymap):
    user = "support@desk.example"
    for number in range(3):
        pymap.deliver(user, mail(str(number)))
    source = open_source("imap", pymap.address(user))
    source.open_folder("INBOX")
    uids = source.uids_after(0)
    assert [m.raw for m in source.fetch(uids, max_bytes=LARGE)] == [mail(str(n)) for n in range(3)]
    source.mark_seen(uids[:1])
    assert source.uids_after(uids[-1]) == []
    source.close()
    assert pymap.flags(user) == ["S", "", ""]
    with pytest.raises(UnusableServer):
        open_source("imap", pymap.address(user, password="wrong"))
