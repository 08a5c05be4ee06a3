"""The table of operations: what each row promises of an operation by itself."""

import pytest

from hf_action.rules.models import SpaceRuntime
from hf_action.rules.operations import OPERATIONS, Wish


@pytest.mark.parametrize("operation", [row for row in OPERATIONS.values() if not row.changes], ids=lambda row: row.name)
def test_an_operation_that_only_looks_sends_nothing(operation):
    """Whatever is wished for, and however the Space is."""
    for stage in ("RUNNING", "PAUSED", "BUILD_ERROR"):
        wish = Wish(hardware="t4-small", sleep_time=3600)
        assert operation.sends(wish, SpaceRuntime(stage=stage)) == ()
        assert operation.holds_already(wish, SpaceRuntime(stage=stage)) == ""
