"""A real Chromium, one for each test process: Playwright cannot be started twice in one."""

import pytest
from playwright.sync_api import sync_playwright

from tests.servers.require import require

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def chromium():
    program = require("chromium", "every page's test in a browser is left out")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()
