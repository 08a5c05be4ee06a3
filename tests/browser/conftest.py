"""Summaries in a real browser.

Without one, or before `make browser`, these tests are skipped in one loud line; with REQUIRE_BROWSER=1 they fail
instead.
"""

import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.github import ARCHIVES, WIDTH, Mermaid, Theme, find_browser, open_browser, open_page, show

REMEDY = "`apt-get install chromium` and `make browser` provide it"

# What a summary is made of. No picture, no frame, nothing that runs or asks.
ELEMENTS = {
    "a", "br", "code", "details", "em", "h2", "li", "p", "pre", "strong", "sub", "summary", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip


@pytest.hookimpl(tryfirst=True)  # before any fixture needs a browser
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a browser where there is none, or fail where REQUIRE_BROWSER says so."""
    missing = _missing() if item.get_closest_marker("browser") else None
    if missing and os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(f"{missing}, and REQUIRE_BROWSER=1; {REMEDY}", pytrace=False)
    if missing:
        pytest.skip(f"NOT RUN: {missing}; {REMEDY}")


def _missing() -> str | None:
    if not find_browser():
        return "there is no browser"
    if not all((ARCHIVES / f"{mermaid}.tgz").exists() for mermaid in Mermaid):
        return "there is no Mermaid for the browser"
    return None


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="session", params=Mermaid)
def page(browser: Browser, request: pytest.FixtureRequest) -> Page:
    """A page with one of the versions of Mermaid."""
    return open_page(browser, request.param)


@pytest.fixture
def shown(page: Page) -> Iterator[Callable[..., Page]]:
    """Show a summary; whatever it is of, it is safe and sound: `shown(markdown, Theme.DARK)`."""
    problems = []

    def note(problem: object) -> None:
        problems.append(problem)

    for event in ("pageerror", "request"):
        page.on(event, note)

    def shown(markdown: str, theme: Theme = Theme.LIGHT) -> Page:
        show(page, markdown, theme)
        found = set(page.evaluate("[...document.body.querySelectorAll(':not(.mermaid, .mermaid *)')].map(e => e.localName)"))
        assert found <= ELEMENTS, found - ELEMENTS
        drawn = page.locator(".mermaid > svg[aria-roledescription=gantt]").count()
        assert drawn == page.locator(".mermaid").count() == markdown.count("\n```mermaid\n")
        assert page.evaluate("document.documentElement.scrollWidth") == WIDTH, "wider than GitHub's column"
        assert page.locator("details").count() == markdown.count("\n<details>")
        assert not page.locator("details[open]").count()
        return page

    yield shown
    for event in ("pageerror", "request"):
        page.remove_listener(event, note)
    assert not problems
