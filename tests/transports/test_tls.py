"""Certificates are verified, for IMAP and SMTP, with TLS from the start and with STARTTLS."""

from datetime import UTC, datetime, timedelta

import pytest

from helpdesk.errors import TransientError
from helpdesk.transports.base import Security, UnusableServer
from helpdesk.transports.connect import check_outgoing
from helpdesk.transports.imap import ImapSource
from helpdesk.transports.smtp import SmtpSender
from tests.servers.certificates import Authority
from tests.servers.dovecot import DovecotServer

ENCRYPTED = [Security.TLS, Security.STARTTLS]
USER = "u@desk.example"


@pytest.fixture(scope="module")
def expired_dovecot(authority):
    server = DovecotServer(authority, ends=datetime.now(UTC) - timedelta(days=1))
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.mark.parametrize("security", ENCRYPTED)
class TestImap:
    def test_own_authority_is_trusted(self, dovecot, security):
        ImapSource(dovecot.address(USER, security=security)).close()

    def test_unknown_authority_is_refused(self, dovecot, security):
        with pytest.raises(UnusableServer, match="authority this desk does not trust"):
            ImapSource(dovecot.address(USER, security=security, ca_file=None))

    def test_other_authority_is_refused(self, dovecot, security, tmp_path):
        other = Authority(tmp_path / "other", name="Somebody else")
        with pytest.raises(UnusableServer, match="authority this desk does not trust"):
            ImapSource(dovecot.address(USER, security=security, ca_file=str(other.ca_file)))

    def test_wrong_name_is_refused(self, dovecot, security):
        with pytest.raises(UnusableServer, match="for another name"):
            ImapSource(dovecot.address(USER, security=security, host="127.0.0.1"))

    def test_expired_certificate_is_refused(self, expired_dovecot, security):
        with pytest.raises(UnusableServer, match="has expired"):
            ImapSource(expired_dovecot.address(USER, security=security))

    def test_unreadable_authority_file_is_named(self, dovecot, security, tmp_path):
        with pytest.raises(UnusableServer, match="authority cannot be read"):
            ImapSource(dovecot.address(USER, security=security, ca_file=str(tmp_path / "none.pem")))


@pytest.mark.parametrize("security", ENCRYPTED)
class TestSmtp:
    def test_own_authority_is_trusted(self, smtp_sink, authority, security):
        sink = smtp_sink(security=security, context=authority.server_context())
        sender = SmtpSender(sink.address(ca_file=str(authority.ca_file)))
        sender.send("a@desk.example", ["b@customer.example"], b"Subject: x\r\n\r\ny\r\n")
        sender.close()
        assert len(sink.mails()) == 1

    def test_unknown_authority_is_refused(self, smtp_sink, authority, security):
        sink = smtp_sink(security=security, context=authority.server_context(), users={"u": "p"})
        with pytest.raises(UnusableServer, match="authority this desk does not trust"):
            check_outgoing("smtp", sink.address(username="u", password="p"))
        assert sink.logins == []

    def test_wrong_name_is_refused(self, smtp_sink, authority, security):
        sink = smtp_sink(security=security, context=authority.server_context("mail.example"))
        with pytest.raises(UnusableServer, match="for another name"):
            SmtpSender(sink.address(ca_file=str(authority.ca_file)))

    def test_expired_certificate_is_refused(self, smtp_sink, authority, security):
        context = authority.server_context(ends=datetime.now(UTC) - timedelta(days=1))
        sink = smtp_sink(security=security, context=context)
        with pytest.raises(UnusableServer, match="has expired"):
            SmtpSender(sink.address(ca_file=str(authority.ca_file)))


def test_tls_on_a_port_that_does_not_speak_it_is_named(dovecot, sink):
    with pytest.raises(UnusableServer, match="does not speak TLS on port"):
        ImapSource(dovecot.address(USER, port=dovecot.port))
    with pytest.raises(UnusableServer, match="does not speak TLS on port"):
        SmtpSender(sink.address(security=Security.TLS))


def test_starttls_on_a_tls_port_ends_in_time(dovecot):
    with pytest.raises(TransientError):
        address = dovecot.address(
            USER, security=Security.STARTTLS, port=dovecot.tls_port, connect_timeout_s=0.5
        )
        ImapSource(address)


def test_smtp_without_starttls_gets_no_password(smtp_sink):
    sink = smtp_sink(users={"u": "p"})
    with pytest.raises(UnusableServer, match="no encryption by STARTTLS"):
        SmtpSender(sink.address(security=Security.STARTTLS, username="u", password="p"))
    assert sink.logins == []
