"""The gallery of every component and page, served to a real browser."""

import logging
import shutil
import threading

import pytest
from werkzeug.serving import make_server

from tests.browser.gallery.app import create_gallery


@pytest.fixture
def database_url(tmp_path, sqlite_template):
    """What a page looks like does not depend on the database."""
    path = tmp_path / "helpdesk.sqlite3"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def gallery():
    """The address of the gallery, served on a free port of this machine."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, create_gallery(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)


@pytest.fixture
def open_page(chromium, gallery):
    """Open a page of the gallery; what the browser complains about is kept in `page.complaints`."""
    contexts = []

    def open_one(name, *, width=1440, height=900, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on(
            "console", lambda said: said.type in {"error", "warning"} and page.complaints.append(said.text)
        )
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(f"{gallery}/{name}", wait_until="load")
        return page

    yield open_one
    for context in contexts:
        context.close()
