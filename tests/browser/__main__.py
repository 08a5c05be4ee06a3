"""`make golden`: takes the pictures of docs/summary.md, light and dark, and notes what they were taken of."""

import hashlib

from tests.browser.github import Mermaid, Theme, open_browser, open_page, show
from tests.container.conftest import ROOT

GOLDEN, SUMS = ROOT / "docs/summary.md", ROOT / "docs/images/summary.sha256"
PICTURES = {theme: ROOT / f"docs/images/summary-{theme}.png" for theme in Theme}
SCALE = 1  # dots a pixel: at the width of a README as sharp as it is shown, and a small file


def sums() -> str:
    """Return the checksums of the summary and of its pictures, as sha256sum would from the root of the repository."""
    files = (GOLDEN, *PICTURES.values())
    return "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(ROOT)}\n" for file in files)


def main() -> None:
    with open_browser() as browser:
        page = open_page(browser, Mermaid.SEEN, scale=SCALE)
        for theme, picture in PICTURES.items():
            show(page, GOLDEN.read_text(), theme)
            page.screenshot(path=picture, full_page=True)
    SUMS.write_text(sums())


if __name__ == "__main__":
    main()
