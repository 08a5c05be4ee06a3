"""A job summary as GitHub shows it: its Markdown, its stylesheet and Mermaid, in a real browser.

The Markdown goes through cmark-gfm, which is GitHub's own, without the filters that GitHub has behind it: they only
take things out, so what is fit to be seen here is fit to be seen there.
"""

import functools
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from cmarkgfm import cmark
from playwright.sync_api import Browser, Page, sync_playwright

# What `make browser` has fetched.
ARCHIVES = Path(__file__).resolve().parent.parent.parent / ".browser"
# The width of the column in which a run's page shows summaries, and how far from its edge the text begins.
WIDTH, PADDING = 1012, 24


class Theme(StrEnum):
    """How the reader has set GitHub."""

    LIGHT = "light"
    DARK = "dark"


class Mermaid(StrEnum):
    """GitHub does not say which version it has, and moves on now and then."""

    SEEN = "mermaid-11.12.0"  # by a diagram `info` on GitHub: https://github.com/toppair/peek.nvim/pull/90
    NEWEST = "mermaid-12.3.0"


# What GitHub asks of Mermaid: no HTML in labels, no clicks, and the theme of the page. Throws where a text is not a diagram.
SHOW = """async ({ style, body, theme }) => {
    document.head.innerHTML = `<style>${style}</style>`
    document.body.innerHTML = body
    mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme })
    for (const code of document.querySelectorAll("pre > code.language-mermaid")) {
        await mermaid.parse(code.textContent)
        const drawing = document.createElement("div")
        drawing.className = "mermaid"
        drawing.textContent = code.textContent
        code.parentElement.replaceWith(drawing)
    }
    await mermaid.run({ querySelector: ".mermaid" })
}"""


def find_browser() -> str | None:
    """Return the path of a browser that Playwright can drive."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), None)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start the browser; it is given no network."""
    quiet = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=quiet)
        yield browser
        browser.close()


def open_page(browser: Browser, mermaid: Mermaid, scale: float = 1) -> Page:
    """Open an empty page with Mermaid, as low as can be: what is shown decides how high it is."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 10}, device_scale_factor=scale, offline=True)
    page.set_content('<!doctype html><body class="markdown-body">')
    page.add_script_tag(content=_read(mermaid, "dist/mermaid.min.js"))
    return page


def show(page: Page, markdown: str, theme: Theme) -> None:
    """Show a summary; raises Playwright's Error, with what Mermaid says, where a diagram is none."""
    style = _read("github-markdown-css-5.9.0", f"github-markdown-{theme}.css")
    style += f"body {{ margin: 0 }} .markdown-body {{ padding: {PADDING}px }}"
    page.evaluate(SHOW, {"style": style, "body": to_html(markdown), "theme": {"light": "default"}.get(theme, theme)})


def to_html(markdown: str) -> str:
    """Return the HTML that GitHub makes of Markdown, before it takes out what is dangerous."""
    extensions = ["table", "strikethrough", "autolink", "tasklist"]
    return cmark.markdown_to_html_with_extensions(markdown, cmark.Options.CMARK_OPT_UNSAFE, extensions=extensions)


@functools.cache
def _read(archive: str, path: str) -> str:
    """Return a file of a package as npm has packed it."""
    with tarfile.open(ARCHIVES / f"{archive}.tgz") as packed:
        return packed.extractfile(f"package/{path}").read().decode()
