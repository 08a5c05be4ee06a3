"""What pytest needs for mutation testing only: `make mutants` loads it with `-p tests.mutants`.

A mutant is judged by the tests of the pure modules: few examples, always the same, and no simulated Hub.
"""

from pathlib import Path

import hypothesis
import pytest

HERE = Path(__file__).parent
ROOMS = {"rules", "inputs", "report", "diagnosis"}
CHOSEN = {HERE / "operations/test_undo.py", HERE / "project/test_docs.py"}
LEFT_OUT = {"browser", "container", "fuzz", "hub", "recordings", "runner", "samples", "simhub", "step", "support", "truth"}

hypothesis.settings.register_profile(
    "mutants", max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out the tests of what is not pure."""
    if collection_path.suffix == ".py":
        judges = collection_path in CHOSEN or collection_path.parent.name in ROOMS
        return None if judges else True
    return True if collection_path.name in LEFT_OUT else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the tests that need the Hub: they are slow, and would kill by accident what has no test of its own."""
    items[:] = [item for item in items if "world" not in getattr(item, "fixturenames", ())]
