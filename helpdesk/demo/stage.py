"""Plays the story on an empty desk: real mails through the real ingest, answers through the real services, each at its time.

The clock stands at the moment of each happening, so that everything looks as if it had happened then, up to now.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import select

from helpdesk.database import as_of, db, end_read, transaction, utcnow
from helpdesk.demo import files
from helpdesk.demo.story import Conversation, Happening, Story
from helpdesk.errors import PermanentError
from helpdesk.mail.parse import parse
from helpdesk.mail.practice import CustomerMail, answer_subject, quoted, write
from helpdesk.mail.types import Address
from helpdesk.models import EmailAccount, EmailMessage, Ticket, User
from helpdesk.models.mail import Direction
from helpdesk.policy.audience import Kind
from helpdesk.policy.status import Category, Priority, Role, Status
from helpdesk.services import (
    accounts,
    passwords,
    people,
    practice,
    preferences,
    replies,
    settings,
    tags,
    waiting_mail,
)
from helpdesk.services.ingest import process, store
from helpdesk.services.outbox import deliver
from helpdesk.services.tickets import changing, comments

logger = logging.getLogger(__name__)
BEFORE = timedelta(days=45)


class Refusing:
    """A server that knows a recipient no more."""

    def send(self, envelope_from: str, recipients: Sequence[str], raw: bytes) -> None:
        raise PermanentError(
            "The server refuses this mail.",
            detail=f"550 5.1.1 <{recipients[0]}>: user unknown in virtual mailbox table",
        )

    def close(self) -> None:
        """There was no connection."""


@dataclass(slots=True)
class Scene:
    """A conversation on the desk: its ticket, once there is one."""

    conversation: Conversation
    ticket_id: int = 0

    @property
    def ticket(self) -> Ticket:
        ticket = db.session.get(Ticket, self.ticket_id)
        if ticket is None:
            raise LookupError(f"no ticket for {self.conversation.subject!r}")
        return ticket


@dataclass(slots=True)
class Stage:
    """The desk while the story is played. `now` is where it ends."""

    story: Story
    now: datetime
    members: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)
    count: int = 0

    def play(self, password: str) -> None:
        """Make the people, the accounts and the conversations. Opens its own transactions."""
        _hurry()
        with as_of(self.now - BEFORE):
            self._set_up(password)
        for moment, scene, happening in self._in_order():
            with as_of(moment):
                self._let_happen(scene, happening)
        end_read()

    def _in_order(self) -> Iterator[tuple[datetime, Scene, Happening]]:
        found = []
        for conversation in self.story.conversations:
            scene = Scene(conversation)
            begins = self.now - conversation.ago
            found += [(begins + h.after, scene, h) for h in conversation.happenings]
        yield from sorted((entry for entry in found if entry[0] < self.now), key=lambda entry: entry[0])

    # before the first mail

    def _set_up(self, password: str) -> None:
        hashed = passwords.hash_password(password)
        with transaction():
            settings.instance_id()
            settings.put("desk_name", self.story.company)
            for key, values in self.story.accounts.items():
                self.accounts[key] = self._account(values).id
            for member in self.story.members.values():
                user = people.create_user(member.email, Role(member.role), name=member.name)
                user.password_hash = hashed
                if user.role is Role.AGENT:
                    people.set_grants(user, [self.accounts[key] for key in member.accounts], actor=None)
                preferences.choose(
                    user, [Kind.ASSIGNED]
                )  # else half of what the desk sent is to its own people
                self.members[member.key] = user.id

    def _account(self, values: dict[str, str]) -> EmailAccount:
        account = accounts.create(
            values["email"], actor=None, name=values["name"], from_name=values["from_name"],
            incoming_protocol="maildir", outgoing_protocol="maildir", incoming_folder="INBOX",
        )  # fmt: skip
        account.poll_frequency_s = practice.POLL_S
        return account

    # what happens

    def _let_happen(self, scene: Scene, happening: Happening) -> None:
        match happening.what:
            case "mail":
                self._mail(scene, happening)
            case "away":
                self._mail(scene, happening, headers=(("Auto-Submitted", "auto-replied"),))
            case "again":
                self._mail(scene, happening, is_new=True)
            case "bounce":
                self._bounce(scene, happening)
            case "reply":
                self._reply(scene, happening)
            case _:
                self._change(scene, happening)
                return
        self._send(scene, fails=happening.value == "fails")

    def _author(self, key: str) -> Address:
        member = self.story.members.get(key)
        return Address(member.email, member.name) if member else self.story.customers[key]

    def _mail(
        self,
        scene: Scene,
        happening: Happening,
        *,
        headers: Sequence[tuple[str, str]] = (),
        is_new: bool = False,
    ) -> None:
        """A mail of a customer, an answer to our last mail if there is one."""
        account = accounts.get(self.accounts[scene.conversation.account])
        last = self._last_sent(scene) if scene.ticket_id and not is_new else None
        parsed = parse(waiting_mail.raw(last)) if last else None
        subject = answer_subject(parsed.subject) if parsed else scene.conversation.subject
        author = self._author(happening.who)
        raw = write(
            CustomerMail(
                author=author, to=Address(account.email, account.from_name), subject=subject, date=utcnow(),
                text=happening.text + (f"\n\n{quoted(parsed)}" if parsed and not headers else ""),
                message_id=f"{self._next()}@{author.email.rpartition('@')[2]}",
                files=[files.make(name) for name in happening.files],
                cc=[self._author(key) for key in happening.cc], headers=headers,
                in_reply_to=parsed.message_id if parsed else "", references=parsed.references if parsed else (),
            )
        )  # fmt: skip
        self._take(scene, account, raw)

    def _take(self, scene: Scene, account: EmailAccount, raw: bytes) -> None:
        end_read()
        email_id = store.store_raw(account, raw)
        process.drain(patience_s=0)
        email = db.session.get(EmailMessage, email_id, populate_existing=True)
        if email is not None and email.ticket_id and not scene.ticket_id:
            scene.ticket_id = email.ticket_id

    def _last_sent(self, scene: Scene) -> EmailMessage | None:
        rows = select(EmailMessage).where(
            EmailMessage.ticket_id == scene.ticket_id,
            EmailMessage.direction == Direction.OUT,
            EmailMessage.raw_sha256.is_not(None),
            EmailMessage.purpose.in_(["reply", "ticket_created"]),
        )
        return db.session.scalar(rows.order_by(EmailMessage.id.desc()).limit(1))

    def _reply(self, scene: Scene, happening: Happening) -> None:
        ticket = scene.ticket
        copied = [self._author(key).email for key in happening.cc]
        kept = [p.address.email for p in ticket.participants if p.role == "cc"]
        prepared = replies.prepare(
            ticket, happening.text, [files.make(name) for name in happening.files],
            actor=self._member(happening.who), cc=[*kept, *copied] if copied else None,
        )  # fmt: skip
        with transaction():
            replies.send(scene.ticket, prepared, actor=self._member(happening.who))

    def _change(self, scene: Scene, happening: Happening) -> None:
        end_read()
        staged: comments.Words = comments.Words(happening.text)
        with transaction():
            ticket, actor = scene.ticket, self._member(happening.who)
            match happening.what:
                case "note":
                    comments.add_note(ticket, staged, actor=actor)
                case "assign":
                    changing.assign(ticket, self._member(happening.value), actor=actor)
                case "status":
                    changing.set_status(ticket, Status(happening.value), actor=actor)
                case "priority":
                    changing.set_priority(ticket, Priority(happening.value), actor=actor)
                case "category":
                    changing.set_category(ticket, Category(happening.value), actor=actor)
                case "tags":
                    for name in happening.value.split():
                        tags.add(ticket, name, actor=actor)
                case "due":
                    changing.set_due(ticket, self.now + _days(happening.value), actor=actor)

    def _bounce(self, scene: Scene, happening: Happening) -> None:
        """The report of a server on our last answer."""
        last = self._last_sent(scene)
        if last is None:
            raise LookupError("a bounce needs a mail that was sent")
        account = accounts.get(last.account_id)
        recipient = self._author(happening.who).email
        self._take(
            scene,
            account,
            _report(account.email, recipient, last.message_id, f"{self._next()}@mx.example", utcnow()),
        )

    def _send(self, scene: Scene, *, fails: bool = False) -> None:
        end_read()
        sender = Refusing() if fails else None
        deliver.drain(self.accounts[scene.conversation.account], sender=sender)  # type: ignore[arg-type]

    def _member(self, key: str) -> User:
        user = db.session.get(User, self.members[key])
        if user is None:
            raise LookupError(f"nobody is called {key!r}")
        return user

    def _next(self) -> str:
        self.count += 1
        return f"demo.{self.count:04}"


def _hurry() -> None:
    """What a crash would damage is made anew anyway, so SQLite need not wait for the disk."""
    end_read()
    connection = db.engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA synchronous=OFF")
    finally:
        connection.close()


def _days(text: str) -> timedelta:
    return timedelta(days=float(text))


def _report(to: str, recipient: str, message_id: str, own_id: str, date: datetime) -> bytes:
    """A delivery report as RFC 3464 describes it."""
    domain = recipient.rpartition("@")[2]
    lines = f"""From: Mail Delivery System <mailer-daemon@{domain}>
To: {to}
Subject: Undelivered Mail Returned to Sender
Date: {date:%a, %d %b %Y %H:%M:%S +0000}
Message-ID: <{own_id}>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="demo-report"

--demo-report
Content-Type: text/plain; charset=us-ascii

Your message to <{recipient}> could not be delivered: the mailbox is full.

--demo-report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.{domain}

Final-Recipient: rfc822; {recipient}
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp; 552 5.2.2 Mailbox full

--demo-report
Content-Type: text/rfc822-headers

Message-ID: <{message_id}>
From: {to}
To: {recipient}

--demo-report--
"""
    return lines.replace("\n", "\r\n").encode()


def play(story: Story, password: str) -> None:
    """Play the whole story up to now; nothing else may use the database meanwhile."""
    if not current_app.config["DEMO"]:
        raise RuntimeError("a sample is made on a demo's desk alone")
    Stage(story, utcnow()).play(password)
