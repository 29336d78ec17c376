"""The errors of the domain, each with a sentence for the person who caused or must mend it.

`user_message` is what a page flashes, the API returns and a command prints; it never holds secrets, mail bodies
or server paths. `code` is the stable word for machines. Anything that is not a `HelpdeskError` is a defect.
"""

from __future__ import annotations


class HelpdeskError(Exception):
    """Something the desk foresaw; `str(error)` is the sentence shown."""

    code = "error"

    def __init__(self, user_message: str, **params: str | int) -> None:
        super().__init__(user_message)
        self.template = user_message
        self.params = params

    @property
    def user_message(self) -> str:
        """The sentence with its parameters filled in; `template` and `params` serve translation."""
        return self.template % self.params if self.params else self.template

    def __str__(self) -> str:
        return self.user_message


class ConfigError(HelpdeskError):
    """A setting is missing or unusable; the desk must not start."""

    code = "config"


class InvalidInput(HelpdeskError):
    """What was typed cannot be accepted; `field` names the form field when there is one."""

    code = "invalid"

    def __init__(self, user_message: str, *, field: str | None = None, **params: str | int) -> None:
        super().__init__(user_message, **params)
        self.field = field


class NotFound(HelpdeskError):
    """Unknown, or not visible to this person: both are told apart nowhere."""

    code = "not_found"


class Forbidden(HelpdeskError):
    """The person may see the thing but not do this to it."""

    code = "forbidden"


class Conflict(HelpdeskError):
    """Somebody else was faster; nothing was changed."""

    code = "conflict"


class TransportError(HelpdeskError):
    """A mail server, or the way to it, failed. `detail` holds the server's own words for the log and the ticket."""

    code = "transport"

    def __init__(self, user_message: str, *, detail: str = "", **params: str | int) -> None:
        super().__init__(user_message, **params)
        self.detail = detail


class TransientError(TransportError):
    """Worth trying again by itself: no connection, time-out, 4xx."""

    code = "transient"


class PermanentError(TransportError):
    """Trying again changes nothing until a person acts: refused login, bad certificate, 5xx."""

    code = "permanent"


class UncertainError(TransportError):
    """The whole message was handed over but no answer came: it may or may not have been taken (RFC 5321 4.5.3.2.6)."""

    code = "uncertain"
