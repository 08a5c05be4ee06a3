"""The Hub's answers are read with suspicion: what is missing or of another type counts as absent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_action.rules.models import (
    MAX_TEXT,
    NEVER,
    MalformedAnswer,
    SpaceInfo,
    SpaceRuntime,
    cut,
    read_prices,
    read_runtime,
    read_space_info,
)

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


# ---- what is acted on ----

FOREIGN = ("***", "x y", "::error::x", "../..", "a\nb", "é", "\ud800", "x" * 200, "<img>", "a;b", "-x", " ", "sha\u200b")


@pytest.mark.parametrize("text", FOREIGN, ids=ascii)
@pytest.mark.parametrize("place", ["id", "head", "stage", "commit", "hardware", "requested hardware"])
def test_what_is_acted_on_has_a_grammar(place, text):
    """An answer that does not fit is refused: neither cut nor redacted, and never taken for absent."""
    runtime, space = dict(RUNTIME), dict(SPACE)
    match place:
        case "id":
            space["id"] = text
        case "head":
            space["sha"] = text
        case "stage":
            runtime["stage"] = text
        case "commit":
            runtime["sha"] = text
        case "hardware":
            runtime["hardware"] = {"current": text}
        case "requested hardware":
            runtime["hardware"] = {"requested": text}
    with pytest.raises(MalformedAnswer, match=r"^its (id|sha|stage|hardware) is not one$"):
        read_space_info(space, read_runtime(runtime))


@pytest.mark.parametrize("id", ["acme/sk-learn-classifier-comparison-demo", "acme/llama-hf_finetuned", "acme/hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345", "a/b", "A.b-c_d/e.f", "x" * 96 + "/" + "y" * 96])
def test_an_id_stands_as_it_is(id):
    """However much it looks like a token."""
    assert read_space_info({"id": id}, RUNNING).id == id


@pytest.mark.parametrize("flavor", ["cpu-basic", "zero-a10g", "l40sx8", "inf2x6", "h100x8", "A_new.one-2"])
@pytest.mark.parametrize("stage", ["RUNNING", "NO_APP_FILE", "STAGE_OF_2030"])
@pytest.mark.parametrize("commit", ["0" * 40, "a" * 64])
def test_new_names_fit(flavor, stage, commit):
    """The Hub may have other flavors and stages tomorrow, and commits of SHA-256."""
    read = read_runtime({"stage": stage, "sha": commit, "hardware": {"current": flavor, "requested": flavor}})
    assert (read.stage, read.commit, read.hardware, read.requested_hardware) == (stage, commit, flavor, flavor)


# ---- what is known ----


@pytest.mark.parametrize(
    ("raw", "time"),
    [({}, None), ({"gcTimeout": None}, NEVER), ({"gcTimeout": 300}, 300), ({"gcTimeout": -1}, NEVER), ({"gcTimeout": "x"}, None), ({"gcTimeout": 10**12}, None), ({"gcTimeout": -2}, None)],
)
def test_an_absent_sleep_time_is_unknown_and_not_never(raw, time):
    """A listing's entry for a PAUSED Space lacks it."""
    read = read_runtime({"stage": "PAUSED"} | raw)
    assert read.sleep_time == time


@pytest.mark.parametrize("replicas", [{"current": 3, "requested": "auto"}, {"current": None}, None, "auto", []])
def test_replicas_may_be_anything(replicas):
    assert read_runtime({"stage": "RUNNING", "replicas": replicas}) == RUNNING


@pytest.mark.parametrize(
    ("raw", "dev_mode", "hot_reloading"),
    [({"devMode": True}, True, None), ({"devMode": "x"}, False, None), ({"hotReloading": {"status": "created", "replicaStatuses": []}}, False, "created"),
     ({"hotReloading": {"status": "canceled"}}, False, "canceled"), ({"hotReloading": {"status": "::x"}}, False, None), ({"hotReloading": []}, False, None)],
)  # fmt: skip
def test_what_serves_without_a_build_is_told(raw, dev_mode, hot_reloading):
    """Dev mode and hot reloading."""
    read = read_runtime({"stage": "RUNNING"} | raw)
    assert (read.dev_mode, read.hot_reloading) == (dev_mode, hot_reloading)


# ---- bounds ----


@pytest.mark.parametrize("value", [10**400, -5, 10**10, float("inf"), float("nan"), 1e300], ids=["googol", "below", "large", "infinite", "none", "huge"])
def test_a_number_that_makes_no_sense_is_absent(value):
    read = read_space_info({"id": "a/b", "likes": value, "cardData": {"sdk_version": value}}, read_runtime({"stage": "RUNNING", "gcTimeout": value}))
    assert (read.likes, read.runtime.sleep_time) == (None, None)
    assert read.sdk_version in (None, "-5")


def test_texts_are_cut_when_they_are_read():
    """What is left has the beginning and the end, and at neither place half a word."""
    token = "hf_" + "a" * 34
    message = "begin " + "x" * (MAX_TEXT // 2 - 20) + " " + token + " middle " + "\n" * 100_000 + token + " " + "y" * (MAX_TEXT // 2 - 20) + " end"
    read = read_runtime({"stage": "RUNTIME_ERROR", "errorMessage": message}).error
    assert len(read) <= MAX_TEXT + 1 and read.startswith("begin xxx") and read.endswith("yyy end")
    assert "hf_" not in read and "aaaa" not in read
    assert cut("short", 5) == "short" and cut("a b c d", 4) == "a … d"
    assert read_space_info({"id": "a/b", "cardData": {"sdk_version": "1" * 1000}}, RUNNING).sdk_version is None
    assert len(read_runtime({"stage": "RUNNING", "domains": [{"domain": f"d{n}.example", "stage": "READY"} for n in range(1000)]}).domains) == 64


PRICE = {"name": "t4-small", "unitCostUSD": 0.5, "unitLabel": "hour"}


@pytest.mark.parametrize(
    ("raw", "prices"),
    [
        ([PRICE], {"t4-small": 0.5}), ([PRICE | {"unitLabel": "minute"}], {"t4-small": 30.0}), ([PRICE | {"unitLabel": "second"}], {"t4-small": 1800.0}), ([PRICE | {"unitCostUSD": 0}], {"t4-small": 0}),
        ([PRICE | {"unitCostUSD": None}, PRICE], {"t4-small": 0.5}), ([5, PRICE, None], {"t4-small": 0.5}), ({}, {}), (None, {}),
        *(([PRICE | {"unitCostUSD": cost}], {}) for cost in (None, "word", True, -1, float("inf"), float("nan"), 10**400, 1e300, [])),
        *(([PRICE | {"unitLabel": unit}], {}) for unit in ("fortnight", None, ["hour"])),
        *(([PRICE | {"name": name}], {}) for name in (None, 5, "", "a b", "::x")),
    ],
)  # fmt: skip
def test_a_price_that_makes_no_sense_is_left_out(raw, prices):
    """And the others stand."""
    assert read_prices(raw) == prices


# ---- hosts ----


@pytest.mark.parametrize(
    ("fields", "host"),
    [
        ({"host": "https://x.hf.space", "subdomain": "y"}, "https://x.hf.space"),
        ({"subdomain": "acme-demo"}, "https://acme-demo.hf.space"),
        ({"subdomain": "acme-demo", "sdk": "static"}, "https://acme-demo.static.hf.space"),
        *(({"subdomain": name}, "https://older.hf.space") for name in ("", "a.b", "-a", "a-", "A", "x" * 64, 5, "a/b", "é")),
        *(({"host": text}, "https://older.hf.space") for text in ("", "no address", "javascript:alert(1)", "ftp://x", "http://", "https://\udcff", "http://[::1", "//x", 5, "https://user:pw@x", "https://é.hf.space", "http://x:99999")),
    ],
)  # fmt: skip
def test_the_host_is_what_the_hub_reports_best(fields, host):
    """The address itself, else the subdomain, where its own clients look; else a domain, which may be an older name."""
    domains = [{"domain": name, "stage": "READY"} for name in ("not a host", "-x.example", "UPPER.example", "older.hf.space")]
    assert read_space_info({"id": "acme/demo"} | fields, read_runtime({"stage": "RUNNING", "domains": domains})).host == host


@given(json)
def test_any_answer_is_read_or_garbage(raw):
    """Whatever the Hub answers, nothing falls over."""
    for read in (read_runtime, lambda raw: read_space_info(raw, RUNNING)):
        try:
            assert read(raw)
        except MalformedAnswer as error:
            assert str(error)
