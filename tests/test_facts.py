"""The Hub's answers are read with suspicion: what is missing or of another type counts as absent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_action.rules.models import MalformedAnswer, SpaceInfo, SpaceRuntime, read_runtime, read_space_info

COMMIT = "3d2e3a67dc686c9c3abc3aaede5f66cd1fa7434c"
RUNTIME = {
    "stage": "RUNNING",
    "hardware": {"current": "cpu-basic", "requested": "t4-small"},
    "gcTimeout": 172800,
    "errorMessage": "it broke",
    "sha": COMMIT,
    "domains": [{"domain": "acme-demo.hf.space", "stage": "READY"}, {"domain": "demo.example", "stage": "READY"}],
    "replicas": {"current": 1},
}
SPACE = {
    "id": "acme/demo",
    "sha": COMMIT,
    "sdk": "gradio",
    "cardData": {"sdk_version": "5.29.0"},
    "private": False,
    "likes": 7,
    "lastModified": "2026-01-02T03:04:05.000Z",
    "host": "https://acme-demo.hf.space",
}
RUNNING = SpaceRuntime(stage="RUNNING")

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*RUNTIME, *SPACE, "domain"]), inner, max_size=4),
)


def test_a_whole_runtime():
    """Every field that is used is read; others are passed over."""
    assert read_runtime(RUNTIME) == SpaceRuntime(
        stage="RUNNING",
        commit=COMMIT,
        hardware="cpu-basic",
        requested_hardware="t4-small",
        sleep_time=172800,
        sleep_time_known=True,
        error="it broke",
        domains=("acme-demo.hf.space", "demo.example"),
    )


def test_a_whole_description():
    """Every field that is used is read, with the runtime that was read already."""
    assert read_space_info(SPACE, RUNNING) == SpaceInfo(
        id="acme/demo",
        runtime=RUNNING,
        head=COMMIT,
        sdk="gradio",
        sdk_version="5.29.0",
        private=False,
        likes=7,
        last_modified="2026-01-02T03:04:05.000Z",
        host="https://acme-demo.hf.space",
    )


def test_only_a_stage_and_an_id_are_indispensable():
    """All else may be absent."""
    assert read_runtime({"stage": "PAUSED"}) == SpaceRuntime(stage="PAUSED")
    assert read_space_info({"id": "acme/demo"}, RUNNING) == SpaceInfo(id="acme/demo", runtime=RUNNING)


@pytest.mark.parametrize("raw", [None, [], "RUNNING", {}, {"stage": None}, {"stage": ""}, {"stage": 5}])
def test_no_stage_is_garbage(raw):
    """Such an answer says nothing, and why it does not is in the log."""
    with pytest.raises(MalformedAnswer, match=r"^the answer has no stage$"):
        read_runtime(raw)


@pytest.mark.parametrize("raw", [None, [], "acme/demo", {}, {"id": None}, {"id": ""}, {"id": 5}])
def test_no_id_is_garbage(raw):
    """An answer that is about no Space is not taken for one about this Space."""
    with pytest.raises(MalformedAnswer, match=r"^the answer has no id$"):
        read_space_info(raw, RUNNING)


@pytest.mark.parametrize(
    ("name", "value"),
    [("sha", 5), ("sha", ""), ("hardware", "cpu-basic"), ("hardware", None), ("hardware", {"current": 5, "requested": []}),
     ("gcTimeout", "3600"), ("gcTimeout", True), ("gcTimeout", 1.5), ("errorMessage", ["x"]), ("domains", "x"), ("domains", {}),
     ("domains", ["acme.hf.space", None]), ("domains", [{"domain": 5, "stage": "READY"}, {"domain": "", "stage": "READY"}]),
     ("domains", [{"domain": "a.hf.space", "stage": "PENDING"}, {"domain": "a.hf.space"}]), ("domains", [{"stage": "READY"}])],
)  # fmt: skip
def test_a_wrong_field_of_a_runtime_is_absent(name, value):
    """A field of an unexpected type is as good as none; only domains that are ready count."""
    assert read_runtime({"stage": "RUNNING", name: value}) == RUNNING


@pytest.mark.parametrize(
    ("name", "value"),
    [("sha", None), ("sdk", 4), ("cardData", "x"), ("cardData", {"sdk_version": ["4"]}), ("cardData", {"sdk_version": None}),
     ("private", "false"), ("private", 0), ("likes", "7"), ("likes", True), ("lastModified", 5), ("host", {})],
)  # fmt: skip
def test_a_wrong_field_of_a_description_is_absent(name, value):
    """A field of an unexpected type is as good as none."""
    assert read_space_info({"id": "acme/demo", name: value}, RUNNING) == SpaceInfo(id="acme/demo", runtime=RUNNING)


@pytest.mark.parametrize(("version", "read"), [("5.29.0", "5.29.0"), (4.4, "4.4"), (5, "5")])
def test_a_version_that_yaml_took_for_a_number(version, read):
    """`sdk_version: 4.4` in a README is a number to the Hub."""
    assert read_space_info({"id": "a/b", "cardData": {"sdk_version": version}}, RUNNING).sdk_version == read


def test_a_host_is_reported_never_derived():
    """Where `host` is missing the first ready domain is as good; without either there is none."""
    runtime = read_runtime(RUNTIME)
    assert read_space_info({"id": "acme/demo"}, runtime).host == "https://acme-demo.hf.space"
    assert read_space_info({"id": "acme/demo", "host": "https://other.hf.space"}, runtime).host == "https://other.hf.space"
    assert read_space_info({"id": "acme/demo"}, RUNNING).host is None


def test_newer_facts_replace_older_ones():
    """A later look changes the runtime or the head, and nothing else."""
    space = read_space_info(SPACE, RUNNING)
    assert space.now(SpaceRuntime(stage="PAUSED")) == read_space_info(SPACE, SpaceRuntime(stage="PAUSED"))
    assert space.at_head("0" * 40) == read_space_info(SPACE | {"sha": "0" * 40}, RUNNING)


@given(json)
def test_any_answer_is_read_or_garbage(raw):
    """Whatever the Hub answers, nothing falls over."""
    for read in (read_runtime, lambda raw: read_space_info(raw, RUNNING)):
        try:
            assert read(raw)
        except MalformedAnswer as error:
            assert str(error)
