"""Mail accounts, every mail in either direction, and how far fetching has come."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from helpdesk.database import Base, intpk, longtext, str32, str64, str255, str998
from helpdesk.mail.authentication import Verdict
from helpdesk.models.people import User
from helpdesk.models.trays import SpamCheck, Tray
from helpdesk.models.types import Word
from helpdesk.policy import envelope
from helpdesk.policy.acknowledge import When
from helpdesk.policy.folders import distinct
from helpdesk.policy.status import Category, Priority, Status


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class EmailState(StrEnum):
    """Where a mail stands. Incoming: received, processing, then one final word. Outgoing: queued to cancelled."""

    RECEIVED = "received"
    PROCESSING = "processing"
    OPENED = "opened"
    APPENDED = "appended"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    HELD = "held"
    DISCARDED = "discarded"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"
    FAILED = "failed"  # both directions: a person must look
    BOUNCED = "bounced"  # incoming: a delivery report; outgoing: came back


FINAL_INCOMING = (
    EmailState.OPENED,
    EmailState.APPENDED,
    EmailState.DUPLICATE,
    EmailState.IGNORED,
    EmailState.BOUNCED,
    EmailState.HELD,
    EmailState.FAILED,
    EmailState.DISCARDED,
)


class AccountKind(StrEnum):
    """Whose an account is. It decides who is given access when it is added, or when somebody joins; grants rule."""

    SHARED = "shared"
    DEPARTMENT = "department"
    INDIVIDUAL = "individual"


class SignIn(StrEnum):
    """How an account proves to a mail server who it is: by its password, or by a token of an OAuth 2 provider."""

    PASSWORD = "password"  # noqa: S105 - a word, not one
    OAUTH2 = "oauth2"


class AfterTaking(StrEnum):
    """What happens on the server to a mail once it is safe here. POP3 knows `leave` and `delete` only."""

    SEEN = "seen"
    LEAVE = "leave"
    MOVE = "move"
    DELETE = "delete"


class QuotedHistory(StrEnum):
    """How much of the conversation stands below an answer."""

    NONE = "none"
    LAST = "last"
    FULL = "full"


class EmailAccount(Base):
    """An address of the desk with its own way in and out.

    `source` is `env` for the account described by the environment (read-only in the browser), else `web`. Passwords
    are encrypted (`services/keys.py`) and never leave through a form. `security` values are those of
    `transports.base.Security`. `fetch_lease_until` and `send_lease_until` are leases taken by UPDATE; the token tells
    whose. `from_email` is the sender when it is not the account's own address. `consecutive_failures`, `last_error`,
    `failing_since` and `fetch_again_at` are the account's health and back-off; `is_alarming` is set from the alarm mail
    to the one that says it is over, `alarmed_at` is when the last alarm went out. `is_fetch_wanted`: mail came while
    somebody was fetching, who looks again. `max_mail_mb`: as large may a mail be with its files, None: as the environment
    says (EMAIL_MAX_MESSAGE_SIZE). `signature` and `acknowledgement_text` are plain text, "" for none; so is
    `closed_text`, which an acknowledgement says instead outside of `business_hours` (as `policy.hours` keeps them; {} for
    the desk's).
    `trusted_authserv_id` is the name under which the account's own server writes its findings about a mail
    (Authentication-Results), "" to believe none; with `takes_plus_addresses` mail for `local+anything@domain` arrives
    here too. With `shows_reply_line` mails to customers begin with the line that answers are written above.
    At most `sends_per_minute` and `sends_per_hour` mails leave (0: no limit), over at most `send_connections`
    at once; the first one's lease stands here, those of the others in `SendSlot`. From the first mail its outgoing
    server cannot be used for until one is taken, `sending_failing_since` is set and `sending_error*` says why.
    """

    __tablename__ = "email_account"

    id: Mapped[intpk]
    source: Mapped[str32] = mapped_column(default="web")
    name: Mapped[str255]
    kind: Mapped[AccountKind] = mapped_column(Word(AccountKind), default=AccountKind.SHARED)
    address: Mapped[str] = mapped_column(String(320), unique=True)
    email: Mapped[str] = mapped_column(String(320))
    from_name: Mapped[str255] = mapped_column(default="")
    from_email: Mapped[str] = mapped_column(String(320), default="")
    is_active: Mapped[bool] = mapped_column(default=True)
    is_fetching: Mapped[bool] = mapped_column(default=True)
    is_offered: Mapped[bool] = mapped_column(default=True)  # customers may choose it for a new ticket
    is_sending: Mapped[bool] = mapped_column(default=True)  # False: what is to be sent waits

    incoming_protocol: Mapped[str32] = mapped_column(default="imap")  # imap, pop3, maildir (practice)
    incoming_host: Mapped[str255] = mapped_column(default="")
    incoming_port: Mapped[int] = mapped_column(default=993)
    incoming_security: Mapped[str32] = mapped_column(default="tls")
    incoming_sign_in: Mapped[SignIn] = mapped_column(Word(SignIn), default=SignIn.PASSWORD)
    incoming_username: Mapped[str255] = mapped_column(default="")
    incoming_password: Mapped[longtext] = mapped_column(default="")
    incoming_folder: Mapped[str255] = mapped_column(default="INBOX")
    other_folders: Mapped[list[str]] = mapped_column(
        JSON, default=list
    )  # read as well, each with its own cursor
    incoming_ca_file: Mapped[str255] = mapped_column(default="")
    incoming_allow_plaintext: Mapped[bool] = mapped_column(default=False)

    outgoing_protocol: Mapped[str32] = mapped_column(default="smtp")  # smtp, maildir, console, dummy
    outgoing_host: Mapped[str255] = mapped_column(default="")
    outgoing_port: Mapped[int] = mapped_column(default=587)
    outgoing_security: Mapped[str32] = mapped_column(default="starttls")
    outgoing_sign_in: Mapped[SignIn] = mapped_column(Word(SignIn), default=SignIn.PASSWORD)
    outgoing_username: Mapped[str255] = mapped_column(default="")
    outgoing_password: Mapped[longtext] = mapped_column(default="")
    outgoing_ca_file: Mapped[str255] = mapped_column(default="")
    outgoing_allow_plaintext: Mapped[bool] = mapped_column(default=False)

    poll_frequency_s: Mapped[int] = mapped_column(default=300)
    max_mails_per_poll: Mapped[int] = mapped_column(default=50)
    first_fetch_days: Mapped[int] = mapped_column(default=7)
    after_taking: Mapped[AfterTaking] = mapped_column(Word(AfterTaking), default=AfterTaking.SEEN)
    move_to_folder: Mapped[str255] = mapped_column(default="")
    delete_after_days: Mapped[int] = mapped_column(default=14)  # by POP3; 0: as soon as it is safe here
    start_at: Mapped[datetime]
    is_acknowledging: Mapped[bool] = mapped_column(default=True)
    reopen_days: Mapped[int] = mapped_column(default=14)
    reply_status: Mapped[Status] = mapped_column(Word(Status), default=Status.PENDING)
    default_priority: Mapped[Priority] = mapped_column(Word(Priority), default=Priority.MEDIUM)
    default_category: Mapped[Category] = mapped_column(Word(Category), default=Category.SUPPORT)
    default_assignee_id: Mapped[int | None] = mapped_column(
        ForeignKey("user.id", ondelete="SET NULL"), index=True
    )
    signature: Mapped[longtext] = mapped_column(default="")
    quoted_history: Mapped[QuotedHistory] = mapped_column(Word(QuotedHistory), default=QuotedHistory.NONE)
    max_mail_mb: Mapped[int | None]
    acknowledgement_text: Mapped[longtext] = mapped_column(default="")
    acknowledges_when: Mapped[When] = mapped_column(Word(When), default=When.ALWAYS)
    closed_text: Mapped[longtext] = mapped_column(default="")
    business_hours: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    spam_check: Mapped[SpamCheck] = mapped_column(Word(SpamCheck), default=SpamCheck.VERDICT)
    spam_score: Mapped[float] = mapped_column(default=5.0)  # from which score on, when `spam_check` says so
    trusted_authserv_id: Mapped[str255] = mapped_column(default="")
    takes_plus_addresses: Mapped[bool] = mapped_column(default=False)
    shows_reply_line: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]

    fetch_lease: Mapped[str | None] = mapped_column(String(64))
    fetch_lease_until: Mapped[datetime | None]
    fetch_again_at: Mapped[datetime | None] = mapped_column(index=True)
    is_fetch_wanted: Mapped[bool] = mapped_column(default=False)
    send_lease: Mapped[str | None] = mapped_column(String(64))
    send_lease_until: Mapped[datetime | None]
    sends_per_minute: Mapped[int] = mapped_column(default=0)
    sends_per_hour: Mapped[int] = mapped_column(default=0)
    send_connections: Mapped[int] = mapped_column(default=1)
    sending_failing_since: Mapped[datetime | None]
    sending_error: Mapped[longtext] = mapped_column(default="")
    sending_error_told: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    sending_error_detail: Mapped[longtext] = mapped_column(default="")
    is_sending_alarming: Mapped[bool] = mapped_column(default=False)
    sending_alarmed_at: Mapped[datetime | None]
    last_fetch_at: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]
    consecutive_failures: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[longtext] = mapped_column(default="")
    last_error_told: Mapped[dict[str, object]] = mapped_column(
        JSON, default=dict
    )  # for readers in any language
    last_error_detail: Mapped[longtext] = mapped_column(default="")
    failing_since: Mapped[datetime | None]
    is_alarming: Mapped[bool] = mapped_column(default=False)
    alarmed_at: Mapped[datetime | None]

    default_assignee: Mapped[User | None] = relationship()

    @property
    def folders(self) -> list[str]:
        """Every folder that is read, the main one first."""
        return distinct([self.incoming_folder, *(self.other_folders or [])])


class SendSlot(Base):
    """The right to a further connection for sending, held as a lease. `number` counts from 1; the first is 0."""

    __tablename__ = "send_slot"
    __table_args__ = (UniqueConstraint("account_id", "number"),)

    id: Mapped[intpk]
    account_id: Mapped[int] = mapped_column(ForeignKey("email_account.id", ondelete="CASCADE"))
    number: Mapped[int]
    lease: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None]


REPLACED = "replaced"  # in `EmailMessage.payload`
_IN_A_TRAY = text("tray IS NOT NULL")
_QUEUED = text("state = 'queued'")
_HANDED_OVER = text("handed_at IS NOT NULL")


class EmailMessage(Base):
    """One mail in either direction: its bytes, its state, and why: `reason` is a sentence, `reason_params` fills it.

    Incoming: `transport_key` (`folder/uidvalidity/uid`, `pop3/uidl`, or one made from the bytes) is unique per account; `trace`
    tells what was found, which rule decided and what followed; `dmarc` is the trusted server's verdict on its author,
    `thread_index` what Exchange calls its conversation. Outgoing: `purpose` names what it is for (`reply`,
    `ticket_created`, `notification`, `sign_in_link`, ...), `recipients` is the SMTP envelope ({"to": [...],
    "cc": [...], "bcc": [...], "accepted": [...]}), `payload` the ids a machine's mail is made from when it is claimed; once
    `raw_sha256` is set its bytes never change. `urgency` orders sending: lower goes first. Not every outgoing mail has
    a ticket. `claim` tells which worker holds the row until `claimed_until`. `handed_at`: when it was last given to a
    server that may have taken it, which counts against the account's rates. `tray` is set while a received mail is to be
    looked at by a person, or was put away by one; so few are that the index holds these alone.
    """

    __tablename__ = "email_message"
    __table_args__ = (
        UniqueConstraint("account_id", "transport_key"),
        Index(None, "direction", "state", "due_at"),
        Index(None, "account_id", "direction", "state", "due_at"),
        Index(None, "message_id_hash"),
        Index(None, "ticket_id", "id"),
        Index(None, "from_address", "created_at"),
        Index(
            "ix_email_message_tray",
            "tray",
            "account_id",
            "id",
            sqlite_where=_IN_A_TRAY,
            postgresql_where=_IN_A_TRAY,
        ),
        Index(
            "ix_email_message_next_to_send",
            "account_id",
            "urgency",
            "id",
            sqlite_where=_QUEUED,
            postgresql_where=_QUEUED,
        ),
        Index(
            None, "account_id", "handed_at", sqlite_where=_HANDED_OVER, postgresql_where=_HANDED_OVER
        ),  # what left within a minute or an hour
    )

    id: Mapped[intpk]
    account_id: Mapped[int] = mapped_column(ForeignKey("email_account.id", ondelete="RESTRICT"))
    direction: Mapped[Direction] = mapped_column(Word(Direction))
    state: Mapped[EmailState] = mapped_column(Word(EmailState))
    tray: Mapped[Tray | None] = mapped_column(Word(Tray))
    reason: Mapped[longtext] = mapped_column(default="")
    reason_params: Mapped[dict[str, str | int]] = mapped_column(JSON, default=dict)
    detail: Mapped[longtext] = mapped_column(default="")
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id", ondelete="SET NULL"))
    comment_id: Mapped[int | None] = mapped_column(ForeignKey("comment.id", ondelete="SET NULL"), index=True)
    raw_sha256: Mapped[str | None] = mapped_column(ForeignKey("blob.sha256", ondelete="RESTRICT"), index=True)
    size: Mapped[int] = mapped_column(default=0)
    is_partial: Mapped[bool] = mapped_column(default=False)
    message_id: Mapped[str998] = mapped_column(default="")
    message_id_hash: Mapped[str64] = mapped_column(default="")
    from_address: Mapped[str] = mapped_column(String(320), default="")
    from_name: Mapped[str255] = mapped_column(default="")
    subject: Mapped[str998] = mapped_column(default="")
    attempts: Mapped[int] = mapped_column(default=0)
    claim: Mapped[str | None] = mapped_column(String(64))
    claimed_until: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    handed_at: Mapped[datetime | None]

    transport_key: Mapped[str | None] = mapped_column(String(512))
    internal_date: Mapped[datetime | None]
    trace: Mapped[list[dict[str, object]]] = mapped_column(JSON, default=list)
    dmarc: Mapped[Verdict] = mapped_column(Word(Verdict), default=Verdict.UNKNOWN)
    thread_index: Mapped[str64] = mapped_column(default="", index=True)

    purpose: Mapped[str32] = mapped_column(default="")
    urgency: Mapped[int] = mapped_column(default=5)
    recipients: Mapped[dict[str, list[str]]] = mapped_column(JSON, default=dict)
    payload: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    uncertain_count: Mapped[int] = mapped_column(default=0)

    account: Mapped[EmailAccount] = relationship()

    @property
    def addressed(self) -> list[str]:
        """Everybody an outgoing mail is for, openly or in blind copy."""
        return list(envelope.read(self.recipients).everyone)

    @property
    def is_replaced(self) -> bool:
        """Whether somebody took its text back into the editor: it is sent no more."""
        return bool(self.payload.get(REPLACED))


class MailClaim(Base):
    """The one processing of a mail, however many accounts and folders it reached; outlives retention."""

    __tablename__ = "mail_claim"
    __table_args__ = (UniqueConstraint("message_id_hash", "body_digest"),)

    id: Mapped[intpk]
    message_id_hash: Mapped[str64]
    body_digest: Mapped[str64]
    email_id: Mapped[int] = mapped_column(index=True)
    ticket_id: Mapped[int | None]
    created_at: Mapped[datetime]
