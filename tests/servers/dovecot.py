"""A private Dovecot: real IMAP and POP3 on random ports, mail as Maildir in a temporary folder.

Every user exists, all with the same password. As root Dovecot insists on another user for the mails: nobody.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from helpdesk.policy.addresses import OWN_NETWORKS
from helpdesk.transports.base import Security, ServerAddress
from tests.servers.ports import free_port, wait_for_port
from tests.servers.require import require

CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap pop3
listen = 127.0.0.1
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
default_vsz_limit = 512M
first_valid_uid = 0
mail_location = maildir:~/Maildir
mail_fsync = never
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
auth_mechanisms = plain login{more_mechanisms}
auth_failure_delay = 0
auth_username_chars =
{oauth}passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/users/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service pop3-login {{
  chroot =
  service_count = 0
  inet_listener pop3 {{
    port = {pop3_port}
  }}
  inet_listener pop3s {{
    port = {pop3s_port}
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


OAUTH = """passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf
}}
"""


class DovecotServer:
    """`port` speaks plain IMAP and STARTTLS, `tls_port` TLS; also `pop3_port` and `pop3s_port`."""

    password = "correct-horse"
    knows_keywords = True

    def __init__(self, authority, *, hosts=("localhost",), ends=None, introspection_url=None):
        self.program = require("dovecot", "the IMAP tests run on pymap, or not at all")
        self.authority = authority
        self.certificate, self.key = authority.issue(f"imap-{secrets.token_hex(4)}", *hosts, ends=ends)
        self.folder = Path(tempfile.mkdtemp(prefix="hd-dc-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self.introspection_url = introspection_url  # then it takes tokens by XOAUTH2, too
        self.process = None

    def start(self):
        """Ports are chosen before Dovecot takes them, so another program may be faster: try again."""
        for _ in range(3):
            if self._listens():
                return self
        log = self.folder / "log"
        raise RuntimeError(log.read_text() if log.exists() else "Dovecot did not start")

    def _listens(self):
        self._configure()
        command = [self.program, "-F", "-c", self.folder / "dovecot.conf"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            for port in (self.port, self.tls_port):
                wait_for_port(port, is_alive=lambda: self.process.poll() is None)
        except OSError:
            self._end()
            return False
        return True

    def stop(self):
        self._end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self):
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(10)

    def _configure(self):
        self.port, self.tls_port, self.pop3_port, self.pop3s_port = (free_port() for _ in range(4))
        is_root = os.geteuid() == 0
        if self.introspection_url:
            (self.folder / "oauth2.conf").write_text(
                f"introspection_mode = auth\nintrospection_url = {self.introspection_url}\nusername_attribute = email\n"
                "active_attribute = active\nactive_value = true\nforce_introspection = yes\n"
            )
        text = CONFIGURATION.format(
            folder=self.folder,
            oauth=OAUTH.format(folder=self.folder) if self.introspection_url else "",
            more_mechanisms=" xoauth2" if self.introspection_url else "",
            internal="dovecot" if is_root else self.owner.pw_name,
            internal_group="dovecot" if is_root else self._own_group(),
            login="dovenull" if is_root else self.owner.pw_name,
            certificate=self.certificate,
            key=self.key,
            password=self.password,
            uid=self.owner.pw_uid,
            gid=self.owner.pw_gid,
            port=self.port,
            tls_port=self.tls_port,
            pop3_port=self.pop3_port,
            pop3s_port=self.pop3s_port,
        )
        (self.folder / "dovecot.conf").write_text(text)
        users = self.folder / "users"
        users.mkdir(exist_ok=True)
        os.chown(users, self.owner.pw_uid, self.owner.pw_gid)

    def _own_group(self):
        import grp

        return grp.getgrgid(self.owner.pw_gid).gr_name

    def address(self, user, **values):
        """How `user` reaches his mail, with short time-outs; TLS and the right password unless `values` say else."""
        security = values.get("security", Security.TLS)
        defaults = {
            "networks": OWN_NETWORKS,
            "host": "localhost",
            "port": self.tls_port if security is Security.TLS else self.port,
            "username": user,
            "password": self.password,
            "ca_file": str(self.authority.ca_file),
            "connect_timeout_s": 5.0,
            "command_timeout_s": 10.0,
        }
        return ServerAddress(**(defaults | values))

    def maildir(self, user, folder="INBOX"):
        """The folder's Maildir, made when it is new."""
        path = self.folder / "users" / user / "Maildir"
        path = path if folder == "INBOX" else path / ("." + folder.replace("/", "."))
        for part in (path, path / "tmp", path / "new", path / "cur"):
            part.mkdir(parents=True, exist_ok=True)
            self._own(part)
        self._own(self.folder / "users" / user)
        self._own(self.folder / "users" / user / "Maildir")
        return path

    def _own(self, path):
        if os.geteuid() == 0:
            os.chown(path, self.owner.pw_uid, self.owner.pw_gid)

    def deliver(self, user, raw, *, folder="INBOX", is_seen=False, arrived_at=None):
        """Put a mail into the mailbox as an MTA would; returns the path of its file."""
        maildir = self.maildir(user, folder)
        name = f"{time.time_ns() // 1000}.{secrets.token_hex(6)}.test"
        temporary = maildir / "tmp" / name
        temporary.write_bytes(raw)
        self._own(temporary)
        if arrived_at is not None:
            os.utime(temporary, (arrived_at.timestamp(), arrived_at.timestamp()))
        target = maildir / "cur" / f"{name}:2,S" if is_seen else maildir / "new" / name
        temporary.rename(target)
        return target

    def files(self, user, folder="INBOX"):
        """The mails' files, oldest first."""
        maildir = self.maildir(user, folder)
        found = [path for part in ("new", "cur") for path in (maildir / part).iterdir()]
        return sorted(found, key=lambda path: path.name)

    def flags(self, user, folder="INBOX"):
        """Flag letters of each mail, oldest first: `S` means seen."""
        return [path.name.partition(":2,")[2] for path in self.files(user, folder)]

    def change_uidvalidity(self, user, folder="INBOX"):
        """Number all mails of the folder anew; returns the new UIDVALIDITY."""
        maildir = self.maildir(user, folder)
        uid_list = maildir / "dovecot-uidlist"
        header = (
            uid_list.read_text().splitlines()[0].split()
            if uid_list.exists()
            else ["3", f"V{int(time.time())}"]
        )
        uidvalidity = int(header[1][1:]) + 1
        for stale in maildir.glob("dovecot.index*"):
            stale.unlink()
        uid_list.write_text(f"3 V{uidvalidity} N1 G{secrets.token_hex(16)}\n")
        self._own(uid_list)
        return uidvalidity
