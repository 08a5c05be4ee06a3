"""What pytest needs for mutation testing only: `make mutants` loads it with `-p tests.mutants`.

A mutant is judged by the tests of the pure modules: few examples, always the same, and no simulated Hub.
"""

from pathlib import Path

import hypothesis
import pytest

CHOSEN = {"waiting", "facts", "addresses", "errors", "usage", "settings", "report", "selection", "undo", "fleet", "causes", "docs", "gantt"}

hypothesis.settings.register_profile(
    "mutants", max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
)
hypothesis.settings.load_profile("mutants")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out the tests of what is not pure."""
    if collection_path.suffix == ".py" and collection_path.stem.removeprefix("test_") not in CHOSEN:
        return True
    return True if collection_path.name in ("browser", "runner", "simhub", "samples") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the tests that need the Hub: they are slow, and would kill by accident what has no test of its own."""
    items[:] = [item for item in items if "world" not in getattr(item, "fixturenames", ())]
