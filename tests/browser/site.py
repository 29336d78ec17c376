"""The real desk on this machine for a browser: its own SQLite file, no mail server, people signed in by a cookie."""

import logging
import threading

from werkzeug.serving import make_server

from helpdesk.database import db, transaction
from helpdesk.models import User
from helpdesk.services import sessions


class Site:
    """The address of the desk, contexts of signed-in people, and rows beside it."""

    def __init__(self, app, chromium):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.app, self.chromium, self.contexts = app, chromium, []
        self.server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://localhost:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def cookie(self, user_id):
        """What a browser holds after signing in; the session is a row of its own each time."""
        with self.app.app_context(), transaction():
            token = sessions.start(db.session.get(User, user_id), user_agent="Chromium", ip="127.0.0.1")
        client = self.app.test_client()
        with client.session_transaction() as session:
            session["_user_id"] = token
        name = self.app.config["SESSION_COOKIE_NAME"]
        return {"name": name, "value": client.get_cookie(name).value, "url": self.url}

    def context(self, user_id, *, width=1440, height=900, **options):
        context = self.chromium.new_context(
            viewport={"width": width, "height": height}, base_url=self.url, **options
        )
        if user_id is not None:
            context.add_cookies([self.cookie(user_id)])
        self.contexts.append(context)
        return context

    def nobody(self):
        """A context of somebody who has not signed in."""
        context = self.chromium.new_context(base_url=self.url)
        self.contexts.append(context)
        return context

    def open(self, user_id, path, **options):
        """A page of this person, of a visitor for None; what the browser complains about is kept in `page.complaints`."""
        page = self.context(user_id, **options).new_page()
        page.complaints = []
        page.on(
            "console", lambda said: said.type in {"error", "warning"} and page.complaints.append(said.text)
        )
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(path, wait_until="load")
        return page

    def close(self):
        for context in self.contexts:
            context.close()
        self.server.shutdown()
        self.thread.join(5)
