"""action.yml, the code and the README promise the same."""

from pathlib import Path

import pytest
import yaml

from hf_action.inputs.table import INPUTS
from hf_action.report.outputs import outputs
from hf_action.rules.outcomes import Outcome
from hf_action.rules.results import Step

ROOT = Path(__file__).parent.parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())


def test_the_inputs_are_those_of_the_code():
    """Names, descriptions and defaults are the same, in the same order."""
    promised = [(name, about["description"], about.get("default", "")) for name, about in ACTION["inputs"].items()]
    assert promised == [(row.name, row.about, row.default) for row in INPUTS.values()]


def test_the_outputs_are_those_of_the_code():
    """Every output is declared, or no later step could read it."""
    step = Step(operation="info", outcome=Outcome.OK, message="", elapsed=0.0, requests=0, prices={})
    assert list(ACTION["outputs"]) == list(outputs(step))


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_everything_is_described_in_a_sentence(kind):
    """A description begins with a capital and ends with a full stop."""
    for name, about in ACTION[kind].items():
        text = about["description"]
        assert text[0].isupper() and text.endswith(".") and len(text.split()) >= 5, name
