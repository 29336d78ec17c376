"""Fixtures on real mail servers: import those you need into a conftest.py.

`from tests.servers.fixtures import authority, imap_server, mailbox, sink  # noqa: F401`
"""

import os
import shutil

import pytest

from tests.servers.certificates import Authority
from tests.servers.dovecot import DovecotServer
from tests.servers.fault_proxy import FaultProxy
from tests.servers.pymap import PymapServer
from tests.servers.require import require
from tests.servers.smtp_sink import SmtpSink

__all__ = ["authority", "dovecot", "fault_proxy", "imap_server", "mailbox", "sink", "smtp_sink"]


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A certificate authority; its folder is readable for the users servers run as."""
    folder = tmp_path_factory.mktemp("authority")
    return Authority(folder)


@pytest.fixture(scope="session")
def dovecot(authority):
    """A running Dovecot; skips (fails with HELPDESK_TEST_REQUIRE=all) when it is not installed."""
    server = DovecotServer(authority)
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def pymap(authority):
    server = PymapServer(authority).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def imap_server(request):
    """Dovecot when it is installed, else pymap; use one user per test."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    if shutil.which("dovecot", path=path) or os.environ.get("HELPDESK_TEST_REQUIRE") == "all":
        require("dovecot", "real IMAP is not tested")
        return request.getfixturevalue("dovecot")
    return request.getfixturevalue("pymap")


@pytest.fixture
def mailbox(imap_server):
    """The IMAP server under the name scenarios use: `mailbox.deliver(user, raw)`."""
    return imap_server


@pytest.fixture
def smtp_sink():
    """Makes sinks: `smtp_sink(security=..., context=..., users={...})`; all end with the test."""
    sinks = []

    def make(**options):
        sinks.append(SmtpSink(**options).start())
        return sinks[-1]

    yield make
    for sink in sinks:
        sink.remove()


@pytest.fixture
def sink(smtp_sink):
    """A plain sink that takes everything."""
    return smtp_sink()


@pytest.fixture
def fault_proxy():
    """Makes proxies: `fault_proxy(port)`; all end with the test."""
    proxies = []

    def make(port):
        proxies.append(FaultProxy(port).start())
        return proxies[-1]

    yield make
    for proxy in proxies:
        proxy.stop()
