"""Runs that somebody recorded end as they ended there: a file in tests/recordings is a test."""

from pathlib import Path

import pytest

from hf_action.operations import events
from simhub.recording import read_recording
from tests.conftest import TOKEN
from tests.hub.conftest import told
from tests.support.tokenservice import REQUEST_TOKEN

FOLDER = Path(__file__).parent.parent / "recordings"
FILES = sorted(FOLDER.glob("*.jsonl"))
KEYLESS = {"HF_OIDC_RESOURCE": "replayed", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN, "ACTIONS_ID_TOKEN_REQUEST_URL": "{url}/_hosts/token-service/idtoken"}


@pytest.mark.usefixtures("quick_replay")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_recorded_run_ends_as_its_last_line_says(file, again, workspace, monkeypatch):
    """With that exit status, and those of its outputs that the line has."""
    monkeypatch.setattr(events, "OPENING", 2.0)  # some of the streams said nothing while they were recorded
    recording = read_recording(file)
    access = recording.head["access"]
    with again(recording, token=TOKEN if access == "token" else None, env=KEYLESS if access == "keyless" else None) as (ended, server):
        seen = told({name: server.as_recorded(value) for name, value in ended.outputs.items()})
        wanted = told(recording.outputs)
        assert (ended.status, {name: seen[name] for name in wanted}) == (recording.status, wanted), server.unknown


def test_a_recording_is_whole_and_says_how_it_should_end():
    """One that was cut off, or whose step was killed, needs a last line by hand."""
    assert len(FILES) >= 3
    for file in FILES:
        recording = read_recording(file)
        assert recording.exchanges and recording.status is not None and recording.outputs["result"], file.name
