"""An SMTP server that keeps what it takes and misbehaves as told."""

import asyncio
import base64
import contextlib
import threading
import time
import warnings
from dataclasses import dataclass, field

from aiosmtpd.smtp import SMTP, AuthResult

from helpdesk.policy.addresses import OWN_NETWORKS
from helpdesk.transports.base import Security, ServerAddress


@dataclass(frozen=True)
class Taken:
    """One mail the sink said yes to, or may have."""

    sender: str
    recipients: tuple
    raw: bytes = field(repr=False)
    options: tuple = ()


class SmtpSink:
    """A server in a thread on a random port of 127.0.0.1.

    `answers["MAIL"]`, `["DATA"]`, `["END"]` hold replies given in turn before the usual ones; `refuse` maps recipients
    to replies. `at_end` says what happens once the whole mail arrived: "answer", "hang", "drop" (taken, no answer) or
    "answer-and-drop". With `together` = n the first mails are answered once n of them are there at the same time.
    `cut_in_data` aborts the connection after that many bytes of mail. `greeting` replaces the 220.
    """

    def __init__(self, *, security=Security.PLAIN, context=None, users=None, size_limit=None, utf8=True):
        self.security = security
        self.context = context
        self.users = users
        self.is_token_of = None  # (user, token) -> bool: then XOAUTH2 is offered
        self.size_limit = size_limit
        self.utf8 = utf8
        self.answers = {"MAIL": [], "DATA": [], "END": []}
        self.refuse = {}
        self.at_end = "answer"
        self.cut_in_data = None
        self.together = 0
        self._met = asyncio.Event()
        self.greeting = None
        self.most = None  # connections at once: the others are turned away
        self.connections = 0
        self.logins = []
        self.ended = threading.Event()
        self._taken = []

    def mails(self):
        """What was taken so far."""
        return list(self._taken)

    def wait_for(self, count, seconds=10):
        """Return the mails once there are `count`."""
        ends_at = time.monotonic() + seconds
        while len(self._taken) < count:
            assert time.monotonic() < ends_at, f"{len(self._taken)} of {count} mails came"
            time.sleep(0.02)
        return self.mails()

    def start(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._run(self._listen(0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self):
        """Close the port and all connections; `resume` opens the same port again."""
        self._run(self._close())

    def resume(self):
        self._server = self._run(self._listen(self.port))

    def remove(self):
        """End for good."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def address(self, **values):
        """How to send through it, with short time-outs."""
        defaults = {
            "networks": OWN_NETWORKS,
            "host": "localhost" if self.context else "127.0.0.1",
            "port": self.port,
            "security": self.security,
            "connect_timeout_s": 3.0,
            "command_timeout_s": 5.0,
        }
        return ServerAddress(**(defaults | values))

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _listen(self, port):
        self._open = set()
        tls = self.context if self.security is Security.TLS else None
        return await self._loop.create_server(self._protocol, "127.0.0.1", port, ssl=tls)

    async def _close(self):
        self._server.close()
        for connection in list(self._open):
            if connection.transport is not None:
                connection.transport.abort()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _protocol(self):
        return _Conversation(self)

    def greets_with(self):
        is_full = self.most is not None and len(self._open) > self.most
        return "421 4.7.0 Too many connections" if is_full else self.greeting

    def _next_answer(self, step):
        return self.answers[step].pop(0) if self.answers[step] else None

    def knows_token(self, response):
        """Whether an answer of XOAUTH2 names a user and a token that opens his mailbox."""
        user, bearer = base64.b64decode(response).decode().removesuffix("\x01\x01").split("\x01")
        user = user.removeprefix("user=")
        self.logins.append(user)
        return self.is_token_of(user, bearer.removeprefix("auth=Bearer "))

    def _authenticate(self, server, session, envelope, mechanism, data):
        user, password = data.login.decode(), data.password.decode()
        self.logins.append(user)
        return AuthResult(success=self.users.get(user) == password, handled=False)


class _Conversation(SMTP):
    def __init__(self, sink):
        self.sink = sink
        options = {"tls_context": sink.context} if sink.security is Security.STARTTLS else {}
        if sink.users is not None:
            if sink.is_token_of is None:
                options["auth_exclude_mechanism"] = ["XOAUTH2"]
            options |= {"authenticator": sink._authenticate, "auth_required": True, "auth_require_tls": False}
        with warnings.catch_warnings():  # aiosmtpd warns of logins without TLS; some tests want just that
            warnings.simplefilter("ignore")
            super().__init__(
                _Handler(sink),
                data_size_limit=sink.size_limit,
                enable_SMTPUTF8=sink.utf8,
                hostname="sink.example",
                loop=sink._loop,
                **options,
            )

    def connection_made(self, transport):
        if self.transport is None:  # not the second time, after STARTTLS
            self.sink.connections += 1
        self.sink._open.add(self)
        super().connection_made(transport)

    def connection_lost(self, error):
        self.sink._open.discard(self)
        super().connection_lost(error)

    async def push(self, status):
        text = status if isinstance(status, str) else status.decode()
        if (
            text.startswith("220 ")
            and self.sink.greets_with()
            and self.session.host_name is None
            and "TLS" not in text
        ):
            text = self.sink.greets_with()
        with contextlib.suppress(ConnectionError):
            await super().push(text)
        if text.startswith("421"):
            self.transport.close()

    async def smtp_DATA(self, arg):
        answer = self.sink._next_answer("DATA")
        if answer:
            return await self.push(answer)
        if self.sink.cut_in_data is not None:
            await self.push("354 go on")
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await self._reader.readexactly(self.sink.cut_in_data)
            return self.transport.abort()
        return await super().smtp_DATA(arg)


class _Handler:
    def __init__(self, sink):
        self.sink = sink

    async def auth_XOAUTH2(self, server, arguments):
        """As Google and Microsoft do: the reason of a refusal first, the refusal after an empty answer."""
        if self.sink.knows_token(arguments[1]):
            return AuthResult(success=True, handled=False)
        await server.push("334 " + base64.b64encode(b'{"status":"400"}').decode())
        await server._reader.readline()
        return AuthResult(success=False, handled=False)

    async def handle_MAIL(self, server, session, envelope, address, options):
        answer = self.sink._next_answer("MAIL")
        if answer is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return answer or "250 2.1.0 sender ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.sink.refuse:
            return self.sink.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient ok"

    async def handle_DATA(self, server, session, envelope):
        sink = self.sink
        answer = sink._next_answer("END")
        if answer is None or answer.startswith("2"):
            sender = "" if envelope.mail_from == "<>" else envelope.mail_from
            recipients, options = tuple(envelope.rcpt_tos), tuple(envelope.mail_options)
            sink._taken.append(Taken(sender, recipients, envelope.content, options))
        sink.ended.set()
        if sink.together:
            sink.together -= 1
            if not sink.together:
                sink._met.set()
            await sink._met.wait()
        match sink.at_end:
            case "hang":
                await asyncio.sleep(3600)
            case "drop":
                server.transport.abort()
            case "answer-and-drop":
                await server.push("250 2.0.0 taken")
                server.transport.close()
        return answer or "250 2.0.0 taken"
