"""What the tests of whole steps share."""

from pathlib import Path

import pytest


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """The files of a runner, empty."""
    paths = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for path in paths.values():
        path.write_text("")
    return {name: str(path) for name, path in paths.items()}
