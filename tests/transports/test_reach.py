"""A server's name never leads where only the desk's own machine may go: a canary listens, and hears nothing."""

import ipaddress
import socket
import threading

import pytest

from config import load_config
from helpdesk.errors import ConfigError
from helpdesk.policy.addresses import INTERNET_ONLY, OWN_NETWORKS, Networks, Reach, reach_of, read_networks
from helpdesk.services import accounts
from helpdesk.transports.base import Security, ServerAddress, UnusableServer
from helpdesk.transports.connect import open_sender, open_source
from helpdesk.transports.imap import ImapSource
from helpdesk.transports.smtp import SmtpSender
from tests import factories
from tests.conftest import ENVIRONMENT, make_app
from tests.web.conftest import browser, send
from tests.web.test_setup import FORM

WAYS = [ImapSource, SmtpSender]
LOOPBACKS = [
    "127.0.0.1",
    "localhost",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "::1",
    "::ffff:127.0.0.1",
]


class Canary:
    """A listener on loopback that counts who comes, and hangs up."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.visits = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.visits += 1
            connection.close()

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def canary():
    canary = Canary()
    yield canary
    canary.stop()


def server(host, port, **values):
    return ServerAddress(host, port, security=Security.PLAIN, **({"connect_timeout_s": 2} | values))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("host", LOOPBACKS)
def test_no_spelling_of_loopback_gets_through(canary, way, host):
    with pytest.raises(UnusableServer, match="MAIL_ALLOWED_NETWORKS"):
        way(server(host, canary.port))
    assert canary.visits == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("host", ["169.254.169.254", "0.0.0.0", "0", "224.0.0.1", "255.255.255.255", "240.0.0.1",
                                  "fe80::1", "fd00:ec2::254", "168.63.129.16", "64:ff9b::a9fe:a9fe", "::"])  # fmt: skip
def test_what_is_never_a_mail_server_is_refused_whatever_is_allowed(canary, caplog, way, host):
    everything = Networks(True, True, (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")))
    with pytest.raises(UnusableServer, match="where no mail server can be"):
        way(server(host, canary.port, networks=everything))
    assert canary.visits == 0
    assert f"refused connection host={host}" in caplog.text


@pytest.mark.parametrize(
    ("way", "protocol"), [(open_source, "imap"), (open_source, "pop3"), (open_sender, "smtp")]
)
def test_an_account_without_a_server_does_not_mean_this_machine(canary, way, protocol):
    with pytest.raises(UnusableServer, match="no usable server"):
        way(protocol, server("", canary.port, networks=OWN_NETWORKS))
    assert canary.visits == 0


@pytest.mark.parametrize("way", WAYS)
def test_name_is_looked_up_once_and_the_judged_address_is_used(canary, monkeypatch, way):
    """DNS rebinding: the second answer would lead elsewhere."""
    asked = []

    def resolver(host, port, *_args, **_kinds):
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "127.0.0.9"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    only_one = Networks(listed=(ipaddress.ip_network("127.0.0.1/32"),))
    with pytest.raises(Exception, match=r"ended the connection|makes no sense"):
        way(server("mail.example", canary.port, networks=only_one))
    assert (asked, canary.visits) == (["mail.example"], 1)
    with pytest.raises(UnusableServer, match=r"127\.0\.0\.9"):
        way(server("mail.example", canary.port, networks=only_one))


@pytest.mark.parametrize("way", WAYS)
def test_one_private_answer_among_public_ones_refuses_the_name(canary, monkeypatch, way):
    def resolver(_host, port, *_args, **_kinds):
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("9.9.9.9", "127.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    with pytest.raises(UnusableServer, match="MAIL_ALLOWED_NETWORKS"):
        way(server("mail.example", canary.port))
    assert canary.visits == 0


@pytest.mark.parametrize(("text", "reach"), [
    ("8.8.8.8", Reach.INTERNET), ("2606:4700::1111", Reach.INTERNET), ("127.0.0.1", Reach.LOOPBACK), ("::1", Reach.LOOPBACK),
    ("64:ff9b::7f00:1", Reach.LOOPBACK), ("2002:7f00:1::", Reach.LOOPBACK), ("10.1.2.3", Reach.PRIVATE),
    ("fc00::1", Reach.PRIVATE), ("100.64.0.1", Reach.PRIVATE), ("::ffff:192.168.0.1", Reach.PRIVATE),
    ("100.100.100.200", Reach.NOWHERE), ("192.0.0.8", Reach.NOWHERE), ("64:ff9b:1::1", Reach.NOWHERE),
    ("fec0::1", Reach.NOWHERE), ("ff02::1", Reach.NOWHERE), ("::ffff:169.254.169.254", Reach.NOWHERE),
])  # fmt: skip
def test_what_lies_behind_an_address(text, reach):
    assert reach_of(ipaddress.ip_address(text)) is reach


@pytest.mark.parametrize(("text", "admitted", "refused"), [
    ("none", ["8.8.8.8"], ["127.0.0.1", "10.0.0.1"]),
    ("loopback", ["127.0.0.1", "::1"], ["10.0.0.1"]),
    ("Private", ["10.0.0.1", "fd12::1"], ["127.0.0.1"]),
    ("10.1.2.3/16, fd12::/16", ["10.1.0.9", "fd12::1", "::ffff:10.1.0.1"], ["10.2.0.1", "fd13::1", "127.0.0.1"]),
])  # fmt: skip
def test_setting_says_which_networks(text, admitted, refused):
    networks = read_networks(text)
    assert all(networks.admit(ipaddress.ip_address(address)) for address in admitted)
    assert not any(networks.admit(ipaddress.ip_address(address)) for address in refused)


@pytest.mark.parametrize("text", ["mail.example", "10.0.0.0/99", "yes", "private loopback"])
def test_setting_nobody_can_read_stops_the_desk(text):
    with pytest.raises(ConfigError, match="MAIL_ALLOWED_NETWORKS"):
        load_config(ENVIRONMENT | {"MAIL_ALLOWED_NETWORKS": text}, ENV_FILE=None)


@pytest.mark.parametrize(("site", "networks"), [
    (None, OWN_NETWORKS), ("http://localhost:8000", OWN_NETWORKS), ("https://desk.example", INTERNET_ONLY),
    ("https://127.0.0.1.desk.example", INTERNET_ONLY),
])  # fmt: skip
def test_only_a_desk_on_ones_own_machine_begins_with_its_networks_open(site, networks):
    environment = ENVIRONMENT | ({"SITE_URL": site} if site else {})
    assert load_config(environment, ENV_FILE=None)["MAIL_ALLOWED_NETWORKS"] == networks


def test_whoever_writes_the_environment_may_use_the_own_network(tmp_path, sqlite_template):
    app = make_app(tmp_path, f"sqlite:///{sqlite_template}", MAIL_ALLOWED_NETWORKS=INTERNET_ONLY)
    with app.app_context():
        for source, networks in (("env", OWN_NETWORKS), ("web", INTERNET_ONLY)):
            account = accounts.draft("a@desk.example", None, source=source)
            assert accounts.incoming_server(account).networks == networks
            assert accounts.outgoing_server(account).networks == networks


def test_connection_test_names_the_setting_and_touches_nothing(app, canary):
    app.config["MAIL_ALLOWED_NETWORKS"] = INTERNET_ONLY
    with app.app_context():
        admin = factories.make_admin().id
    port = str(canary.port)
    fields = FORM | {"do": "test", "incoming_port": port, "outgoing_port": port, "incoming_host": "localhost"}
    page = send(browser(app, admin), "/setup/mail", **fields)
    assert page.status_code == 200
    assert page.text.count("MAIL_ALLOWED_NETWORKS") == 2
    assert canary.visits == 0
