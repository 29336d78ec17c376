"""An OAuth 2 provider in a thread: gives tokens, renews, rotates and withdraws them, and misbehaves as told.

It speaks plain HTTP on 127.0.0.1, and at /whose tells a mail server whose mailbox a token opens.
"""

import base64
import contextlib
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class OAuthServer:
    """`owner` is who gives permission. `rotates`: each renewal gives a new refresh token and the old one is burnt.

    `answer`, when set, is what the token endpoint says to everything: (status, headers, body). `pause_s` passes and `before_answer`
    is called before each answer. `requests` lists the forms that came.
    """

    client_id, client_secret = "desk-client", "desk-secret"

    def __init__(self, owner="support@desk.example"):
        self.owner = owner
        self.rotates = False
        self.life_s = 3600
        self.answer = None
        self.pause_s = 0.0
        self.before_answer = lambda: None
        self.requests = []
        self.codes, self.refresh_tokens, self.access_tokens = {}, set(), {}
        self._lock = threading.Lock()

    def start(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server._tell_whose(self)

            def do_POST(self):
                server._give(self)

            def log_message(self, *_):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._http.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        self._http.shutdown()
        self._http.server_close()

    @property
    def authorize_url(self):
        return f"{self.url}/authorize"

    @property
    def token_url(self):
        return f"{self.url}/token"

    def allow(self, url):
        """The person says yes at the page `url` leads to; returns the code and the state he is sent back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = secrets.token_hex(8)
        self.codes[code] = asked
        return code, asked["state"]

    def permit(self):
        """A refresh token as if somebody had allowed it long ago."""
        self.refresh_tokens.add(token := "refresh-" + secrets.token_hex(8))
        return token

    def opens(self, user, token):
        """Whether the token opens the user's mailbox now."""
        owner, ends_at = self.access_tokens.get(token, ("", 0.0))
        return owner == user and time.monotonic() < ends_at

    def withdraw(self):
        self.refresh_tokens.clear()

    def expire_access(self):
        self.access_tokens.clear()

    # what the handler calls

    def _tell_whose(self, handler):
        token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        owner, ends_at = self.access_tokens.get(token, ("", 0.0))
        is_good = time.monotonic() < ends_at
        self._send(handler, 200, {"active": is_good, "email": owner})

    def _give(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0))).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self.requests.append(form)
        time.sleep(self.pause_s)
        self.before_answer()
        if self.answer is not None:
            status, headers, text = self.answer
            return self._send_raw(handler, status, headers, text)
        with self._lock:
            status, answer = self._decide(form)
        return self._send(handler, status, answer)

    def _decide(self, form):
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            return 401, {"error": "invalid_client", "error_description": "who is this?"}
        if form["grant_type"] == "authorization_code":
            return self._redeem(form)
        if form.get("refresh_token") not in self.refresh_tokens:
            return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
        if self.rotates:
            self.refresh_tokens.discard(form["refresh_token"])
        return 200, self._tokens(self.permit() if self.rotates else None)

    def _redeem(self, form):
        asked = self.codes.pop(form.get("code"), None)
        proof = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or asked["code_challenge"] != proof.decode().rstrip("=")
            or asked["code_challenge_method"] != "S256"
        ):
            return 400, {"error": "invalid_grant", "error_description": "Bad code."}
        return 200, self._tokens(self.permit())

    def _tokens(self, refresh_token=None):
        access = "access-" + secrets.token_hex(8)
        self.access_tokens[access] = (self.owner, time.monotonic() + self.life_s)
        answer = {"access_token": access, "token_type": "Bearer", "expires_in": self.life_s}
        return answer | ({"refresh_token": refresh_token} if refresh_token else {})

    def _send(self, handler, status, answer):
        self._send_raw(handler, status, {"Content-Type": "application/json"}, json.dumps(answer).encode())

    def _send_raw(self, handler, status, headers, body):
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        with contextlib.suppress(OSError):
            handler.wfile.write(body)
