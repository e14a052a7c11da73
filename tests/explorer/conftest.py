"""The page, as a file and in a real browser."""

import pytest

from phasejax.explorer import page


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
