"""OAuth 2 (RFC 6749, 7636) with a provider: where to send a person, and what its token endpoint gives.

Authlib speaks the protocol. Its requests go over connections of ours, as those to mail servers do: the certificate is
checked, the address is one the desk may connect to, everything ends in time, and nobody can send more than a token needs.
Nothing is followed elsewhere. What the provider refuses becomes one of the errors of the transports.
"""

from __future__ import annotations

import http.client
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from requests.adapters import BaseAdapter

from helpdesk.errors import PermanentError, TransientError, TransportError
from helpdesk.policy.addresses import INTERNET_ONLY, Networks
from helpdesk.policy.oauth import Place, read_place
from helpdesk.transports.base import Security, ServerAddress, UnusableServer
from helpdesk.transports.connection import Watch, _l, explain, open_socket, words

TOTAL_S = 30.0
CONNECT_S = 10.0
MAX_ANSWER = 256 * 1024
MAX_TOKEN = 16 * 1024
DEFAULT_LIFE_S = 3600  # RFC 6749 5.1 lets a provider keep it to itself
LONGEST_LIFE_S = 24 * 3600
_TOKEN = re.compile(r"[!-~]+")
WITHDRAWN = {"invalid_grant", "interaction_required", "consent_required", "login_required"}
NONSENSE = (
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
    RecursionError,
)  # what parsing hostile answers raises
PASSING = {"temporarily_unavailable", "server_error", "slow_down"}


class PermissionWithdrawn(UnusableServer):
    """The provider no longer honours what a person once allowed: a person must allow it again."""


@dataclass(frozen=True, slots=True)
class Registration:
    """The desk as a provider knows it, and where that provider is; `name` is shown to people."""

    name: str
    authorize_url: str
    token_url: str
    client_id: str
    scopes: str
    client_secret: str = field(default="", repr=False)
    redirect_uri: str = ""
    networks: Networks = INTERNET_ONLY
    ca_file: str | None = None
    total_s: float = TOTAL_S


@dataclass(frozen=True, slots=True)
class Tokens:
    """`refresh` is "" when the provider gave none: the one before stays valid."""

    access: str = field(repr=False)
    life_s: int
    refresh: str = field(default="", repr=False)


def authorization_url(registration: Registration, *, state: str, verifier: str, **asked_with: str) -> str:
    """Where a person allows the desk to use a mailbox; opens no connection."""
    with _session(registration) as session:
        url, _ = session.create_authorization_url(
            registration.authorize_url, state=state, code_verifier=verifier, **asked_with
        )
    return str(url)


def exchange(registration: Registration, code: str, verifier: str) -> Tokens:
    """Turn the code of a person who came back into tokens. Raises TransportError."""
    try:
        return _ask(
            registration,
            lambda session, **options: session.fetch_token(
                registration.token_url, grant_type="authorization_code", code=code,
                redirect_uri=registration.redirect_uri, code_verifier=verifier, **options,
            ),
        )  # fmt: skip
    except PermissionWithdrawn as error:
        raise PermanentError(
            "%(provider)s did not accept this answer; it may be too old. Please connect again.",
            detail=error.detail,
            provider=registration.name,
        ) from error


def renew(registration: Registration, refresh_token: str) -> Tokens:
    """A fresh access token. Raises PermissionWithdrawn, and TransportError for every other trouble."""
    tokens = _ask(
        registration,
        lambda session, **options: session.refresh_token(
            registration.token_url, refresh_token=refresh_token, **options
        ),
    )
    return replace(tokens, refresh="") if tokens.refresh == refresh_token else tokens


def _ask(registration: Registration, call: Callable[..., Any]) -> Tokens:
    try:
        with _session(registration) as session:
            return _tokens(call(session, allow_redirects=False), registration)
    except TransportError:
        raise
    except AuthlibBaseError as error:
        raise _refusal(error, registration) from error
    except (requests.RequestException, *NONSENSE) as error:
        raise _nonsense(registration, words(error)) from error


def _session(registration: Registration) -> OAuth2Session:
    session = OAuth2Session(
        registration.client_id,
        registration.client_secret or None,
        scope=registration.scopes,
        redirect_uri=registration.redirect_uri or None,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_post" if registration.client_secret else "none",
    )
    session.trust_env = False  # no proxy, no .netrc
    adapter = _Adapter(registration)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _tokens(given: Mapping[str, Any], registration: Registration) -> Tokens:
    access, refresh = given.get("access_token"), given.get("refresh_token") or ""
    if not _is_token(access) or (refresh and not _is_token(refresh)):
        raise _nonsense(registration, "no token in the answer")
    try:
        life_s = int(given.get("expires_in") or DEFAULT_LIFE_S)
    except (TypeError, ValueError, OverflowError):
        life_s = DEFAULT_LIFE_S
    return Tokens(str(access), min(max(life_s, 0), LONGEST_LIFE_S), str(refresh))


def _is_token(value: object) -> bool:
    """No line end and no control character may reach a command to a mail server."""
    return isinstance(value, str) and len(value) <= MAX_TOKEN and _TOKEN.fullmatch(value) is not None


def _refusal(error: AuthlibBaseError, registration: Registration) -> TransportError:
    word = words(error.error or "")
    detail = f"{word}: {words(error.description)}" if error.description else word
    name = registration.name
    if word in WITHDRAWN:
        return PermissionWithdrawn(
            "%(provider)s has withdrawn the permission: connect it again.", detail=detail, provider=name
        )
    if word in PASSING:
        return TransientError(
            "%(provider)s cannot renew the permission at the moment.", detail=detail, provider=name
        )
    if word in {"invalid_client", "unauthorized_client"}:
        return UnusableServer(
            "%(provider)s does not accept the client ID with this secret.", detail=detail, provider=name
        )
    return UnusableServer("%(provider)s refuses the permission.", detail=detail, provider=name)


def _nonsense(registration: Registration, detail: str) -> TransientError:
    sentence = _l("%(provider)s answered something that makes no sense.")
    return TransientError(sentence, detail=detail, provider=registration.name)


class _Adapter(BaseAdapter):
    """Carries one request over one connection of ours."""

    def __init__(self, registration: Registration) -> None:
        super().__init__()
        self._registration = registration

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        place = read_place(request.url or "")
        server = self._server(place)
        watch = Watch()
        try:
            with watch.within(self._registration.total_s):
                return self._converse(request, place, server, watch)
        except (OSError, EOFError) as error:
            raise explain(error, server, watch) from error
        except http.client.HTTPException as error:
            cut = isinstance(error, http.client.RemoteDisconnected | http.client.IncompleteRead)
            raise explain(ConnectionError() if cut or watch.has_expired else error, server, watch) from error
        finally:
            watch.release()

    def _server(self, place: Place) -> ServerAddress:
        registration = self._registration
        return ServerAddress(
            place.host.strip("[]"),
            place.port,
            security=Security.TLS if place.is_https else Security.PLAIN,
            ca_file=registration.ca_file,
            networks=registration.networks,
            connect_timeout_s=min(CONNECT_S, registration.total_s),
        )

    def _converse(
        self, request: requests.PreparedRequest, place: Place, server: ServerAddress, watch: Watch
    ) -> requests.Response:
        connection = http.client.HTTPConnection(server.host, server.port)
        connection.sock = open_socket(server, watch)
        try:
            connection.sock.settimeout(self._registration.total_s)
            headers = {**request.headers, "Accept-Encoding": "identity"}
            body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
            connection.request("POST", place.path, body, headers)
            answer = connection.getresponse()
            body = answer.read(MAX_ANSWER + 1)
            if answer.length and len(body) <= MAX_ANSWER:
                raise EOFError
            return self._response(request, answer, body)
        finally:
            connection.close()

    def _response(
        self, request: requests.PreparedRequest, answer: http.client.HTTPResponse, body: bytes
    ) -> requests.Response:
        if len(body) > MAX_ANSWER:
            raise _nonsense(self._registration, "an answer without end")
        response = requests.Response()
        response.status_code, response.reason = answer.status, words(answer.reason)
        response.headers.update(answer.getheaders())
        response.raw = io.BytesIO(body)
        response.url, response.request = request.url or "", request
        return response

    def close(self) -> None:
        """Every connection ends with its request."""
