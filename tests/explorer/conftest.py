"""A real browser: the tests of the page are skipped, and say so, where none can be had."""

import shutil

import pytest
from playwright.sync_api import sync_playwright

from phasejax.explorer import page

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@pytest.fixture(scope="session")
def browser():
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def page_file(tmp_path_factory):
    """The address of the page as a file on the disk."""
    path = tmp_path_factory.mktemp("page") / "phasejax.html"
    path.write_text(page(), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def visit(browser):
    """Open an address; what the page says on its console as an error, and what it asks of the network, fails the test."""
    complaints = []
    context = browser.new_context(viewport={"width": 1360, "height": 1000})

    def opened(address: str, own: tuple[str, ...] = ("file:", "blob:", "data:")):
        tab = context.new_page()
        tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("request", lambda request: None if request.url.startswith(own) else complaints.append(request.url))
        tab.goto(address)
        return tab

    yield opened
    context.close()
    assert complaints == []
