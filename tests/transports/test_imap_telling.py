"""Telling an IMAP server what became of mails: those and no others, again without harm, refusals in words."""

import secrets

import pytest

from helpdesk.errors import PermanentError, TransientError
from helpdesk.policy.addresses import OWN_NETWORKS
from helpdesk.transports.base import Security, ServerAddress
from helpdesk.transports.imap import ImapSource
from tests.servers.scripted_imap import ScriptedImap
from tests.transports.mails import mail

LOGIN = {"username": "me", "password": "secret"}


@pytest.fixture
def user():
    return f"user-{secrets.token_hex(4)}"


@pytest.fixture
def inbox(dovecot, user):
    for number in range(3):
        dovecot.deliver(user, mail(f"Mail {number}"))
    source = ImapSource(dovecot.address(user))
    source.open_folder("INBOX")
    yield source
    source.close()


@pytest.fixture
def scripted():
    server = ScriptedImap({1: b"Subject: one\r\n\r\nx\r\n"}).start()
    yield server
    server.stop()


def opened(server):
    source = ImapSource(
        ServerAddress("127.0.0.1", server.port, security=Security.PLAIN, networks=OWN_NETWORKS, **LOGIN)
    )
    source.open_folder("INBOX")
    return source


@pytest.mark.parametrize("folder", ["Erledigt/Prüfung 100%", 'Say "done"'])
def test_moving_makes_the_folder_and_can_be_repeated(dovecot, user, inbox, folder):
    assert inbox.can_move
    inbox.move([1, 3, 99], folder)
    inbox.move([1, 3], folder)
    assert inbox.uids_after(0) == [2]
    assert folder in inbox.folders()
    assert len(inbox.uids_after(0)) == 1
    inbox.open_folder(folder)
    assert len(inbox.uids_after(0)) == 2


def test_deleting_leaves_what_somebody_else_marked(dovecot, user, inbox):
    inbox._session.client.delete_messages([2])
    inbox.delete([1])
    inbox.delete([1, 77])
    assert inbox.uids_after(0) == [2, 3]


def test_copying_leaves_the_mail(dovecot, user, inbox):
    inbox.copy([1], "Done")
    assert inbox.uids_after(0) == [1, 2, 3]
    inbox.open_folder("Done")
    assert len(inbox.uids_after(0)) == 1


@pytest.mark.parametrize("name", ["", "a\r\nDELETE INBOX", "a\0b"])
def test_folder_names_that_would_be_commands_are_refused(scripted, name):
    source = opened(scripted)
    for tell in (source.move, source.copy):
        with pytest.raises(PermanentError, match="cannot be the name"):
            tell([1], name)


def test_without_uidplus_mails_are_marked_and_nothing_is_expunged(scripted):
    source = opened(scripted)
    assert not source.can_move
    source.delete([1])
    said = b"".join(scripted.commands).upper()
    assert b"DELETED" in said
    assert b"EXPUNGE" not in said


def test_a_refusal_is_told_with_the_servers_words(scripted):
    scripted.answers[b"UID COPY"] = b"TAG NO [OVERQUOTA] the mailbox is full\r\n"
    with pytest.raises(PermanentError, match="folder Done") as caught:
        opened(scripted).copy([1], "Done")
    assert "the mailbox is full" in caught.value.detail


def test_a_passing_refusal_is_passing(scripted):
    scripted.answers[b"UID COPY"] = b"TAG NO [INUSE] try later\r\n"
    with pytest.raises(TransientError):
        opened(scripted).copy([1], "Done")
