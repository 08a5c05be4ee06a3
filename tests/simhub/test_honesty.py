"""Every sample of the real Hub is brought about here and compared, value by value where nothing is random.

Source of the samples: tests/samples/README.md.
"""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from simhub.access import Meter, Token
from simhub.clock import FakeClock
from simhub.faults import Fault, Kind
from simhub.server import serve
from simhub.world import ListingSha, Phase, Space, World

SAMPLES = Path(__file__).parents[1] / "samples"
RUNTIMES = json.loads((SAMPLES / "runtimes.json").read_text())
EXCHANGES = json.loads((SAMPLES / "exchanges.json").read_text())
ERRORS = json.loads((SAMPLES / "errors.json").read_text())
USER = Token(name="user", owners=frozenset({"user"}), writes=frozenset({"user"}))
TOKENS = {"hf_user": USER, "hf_poor": Token(name="poor", writes=frozenset({"user"}), can_pay=False)}
TOKENS["hf_stranger"] = Token(name="stranger")
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def world_of(*spaces, clock=None, **differences):
    world = World(now=(clock or FakeClock()).now, tokens=TOKENS, **differences)
    for space in spaces:
        world.add(space)
    return world


def shape(value):
    """Return the JSON types of a value, and of what is in it."""
    match value:
        case dict():
            return {key: shape(item) for key, item in value.items()}
        case list():
            return [shape(item) for item in value]
        case str() if DATE.fullmatch(value):
            return "a date"
        case bool() | None:
            return type(value).__name__
        case int() | float():
            return "a number"
    return type(value).__name__


def lacking(sample, answer):
    """Return the parts of `sample` that `answer` has not, or has with another shape."""
    if isinstance(sample, dict) and isinstance(answer, dict):
        missing = [key for key in sample if key not in answer]
        return missing + [
            f"{key}.{inner}" for key in sample.keys() & answer for inner in lacking(sample[key], answer[key])
        ]
    return [] if shape(sample) == shape(answer) else [f"{shape(sample)}, not {shape(answer)}"]


def ask(hub, method, path, secret="hf_user", body=None):
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    return httpx2.request(method, hub.url + path, headers=headers, json=body)


# runtimes.json


TMP = Space(id="user/tmp_test_space", stage="BUILDING", commit=None, hardware=None)
CPU_XL_DOMAINS = [
    {"domain": "enzostvs-space-generator.hf.space", "stage": "READY"},
    {"domain": "deepsite.hf.co", "stage": "EXPIRED_CHALLENGE"},
]
SITUATIONS = {
    "first build, free hardware": (TMP, []),
    "answer to POST /pause, and GET after it": (TMP, ["pause"]),
    "answer to POST /restart of a paused Space": (TMP, ["pause", "restart"]),
    "answer to POST /restart of a running Space (observed)": (Space(id="user/any"), ["restart"]),
    "static Space: no hardware, no sha": (Space(id="user/static", sdk="static", hardware=None), []),
    "running; sha is the commit being served (observed, 2026-07)": (
        Space(id="embedaiot/embedaiot-api", sdk="docker", head="3d2e3a67dc686c9c3abc3aaede5f66cd1fa7434c"),
        [],
    ),
    "running, from a listing: no sha, first domain is an older name, custom domain expired": (
        Space(
            id="enzostvs/deepsite",
            sdk="docker",
            hardware="cpu-xl",
            runtime_extra={"domains": CPU_XL_DOMAINS, "pySpacesVersion": "0.48.2"},
        ),
        ["list"],
    ),
    "hardware change under way": (
        Space(
            id="user/hello_world",
            requested_hardware="cpu-upgrade",
            sleep_time=300,
            runtime_extra={"domains": [{"domain": "hmb-hello-world.hf.space", "isCustom": False, "stage": "READY"}]},
        ),
        [],
    ),
    "scheduling failure (observed)": (
        Space(
            id="user/zero",
            stage="RUNTIME_ERROR",
            requested_hardware="zero-a10g",
            error="Scheduling failure: unable to schedule",
        ),
        [],
    ),
}


@pytest.mark.parametrize("sample", RUNTIMES, ids=lambda sample: sample["situation"])
def test_every_sampled_runtime_can_be_brought_about(sample):
    """With all of its values, and with none besides but fields that other samples have too."""
    space, steps = SITUATIONS[sample["situation"]]
    with serve(world_of(space)) as hub:
        answer = ask(hub, "GET", f"/api/spaces/{space.id}/runtime").json()
        for step in steps:
            if step == "list":
                (entry,) = ask(hub, "GET", "/api/spaces").json()
                answer = entry["runtime"]
            else:
                answer = ask(hub, "POST", f"/api/spaces/{space.id}/{step}").json()
    assert {key: answer[key] for key in sample["runtime"]} == sample["runtime"]
    assert answer.keys() <= {key for other in RUNTIMES for key in other["runtime"]}


# space.json and hardware.json


def test_a_listing_shows_spaces_in_the_sampled_shape():
    sample = json.loads((SAMPLES / "space.json").read_text())
    with serve(world_of(Space(id="user/one", likes=378), listing_sha=ListingSha.ALWAYS)) as hub:
        (entry,) = ask(hub, "GET", "/api/spaces").json()
    assert lacking(sample, entry) == []


def test_the_flavors_are_the_sampled_ones():
    sample = json.loads((SAMPLES / "hardware.json").read_text())["answer"]
    with serve(world_of()) as hub:
        assert ask(hub, "GET", "/api/spaces/hardware", secret=None).json() == sample


# exchanges.json


@pytest.mark.parametrize("recording", sorted({exchange["recording"] for exchange in EXCHANGES}))
def test_every_recording_plays_again(recording):
    """Request by request, with the recorded answers but for the dates."""
    with serve(world_of(TMP)) as hub:
        for exchange in EXCHANGES:
            if exchange["recording"] == recording:
                answer = ask(hub, exchange["method"], exchange["path"], body=exchange["request"])
                assert answer.status_code == exchange["status"]
                assert undated(answer.json()) == undated(exchange["answer"])


def undated(value):
    if isinstance(value, dict):
        return {key: undated(item) for key, item in value.items()}
    return "a date" if isinstance(value, str) and DATE.fullmatch(value) else value


# errors.json


def spent(quota, left, seconds):
    """Return a world in which an authenticated caller has so much left of its quota, for so many seconds."""
    world = world_of(Space(id="user/one"), clock=FakeClock(300 - seconds), meter=Meter(quota=quota))
    for _ in range(quota - left):
        world.meter.spend("hf_user", now=world.now())
    return world


def caused(situation):
    """Return (world, method, path, secret, body, fault) that lead to a sampled error."""
    one = "/api/spaces/user/one"
    world = world_of(
        Space(id="user/one"),
        Space(id="user/static", sdk="static"),
        Space(id="user/broken", stage="RUNTIME_ERROR"),
    )
    refused = Fault(Kind.STATUS, method="POST", body={"error": "Something went wrong when restarting this Space"})
    return {
        "anonymous: the Space is private or absent": (world, "GET", one + "x", None, None),
        "the token itself is wrong or expired": (world, "GET", one, "hf_wrong", None),
        "authenticated: the Space is absent or out of sight": (world, "GET", one + "x/runtime", "hf_user", None),
        "write without the right to it": (world, "POST", one + "/pause", "hf_stranger", None),
        "restart or pause of a static Space": (world, "POST", "/api/spaces/user/static/restart", "hf_user", None),
        "sleep time on free hardware": (world, "POST", one + "/sleeptime", "hf_user", {"seconds": 300}),
        "paid hardware without a payment method": (world, "POST", one + "/hardware", "hf_poor", {"flavor": "t4-small"}),
        "rate limited": (spent(quota=1000, left=0, seconds=55), "GET", one, "hf_user", None),
        "restart refused by the platform for now": (world, "POST", one + "/restart", "hf_user", None, refused),
        "the app's own host while the Space is in error": (world, "GET", "/_apps/user/broken/", None, None),
        "a healthy answer also carries the quota": (spent(2500, left=2488, seconds=155), "GET", one, "hf_user", None),
    }[situation]


@pytest.mark.parametrize("sample", ERRORS, ids=lambda sample: sample["situation"])
def test_every_sampled_error_can_be_brought_about(sample):
    """With its status, its headers and its body."""
    world, method, path, secret, body, *faults = caused(sample["situation"])
    with serve(world) as hub:
        for fault in faults:
            hub.inject(fault)
        answer = ask(hub, method, path, secret=secret, body=body)
    assert answer.status_code == sample["status"]
    for name, value in sample["headers"].items():
        assert answer.headers[name].removesuffix("; charset=utf-8") == value
    if isinstance(sample["body"], dict):
        assert answer.json() == sample["body"]
    elif sample["body"] is not None:
        assert answer.text == sample["body"]


# streams.txt


def test_a_log_streams_the_sampled_lines():
    """Byte by byte, the keep-alive after them included."""
    lines = (SAMPLES / "streams.txt").read_text().splitlines()
    sampled = [line for line in lines if line.startswith("data:")]
    space = Space(
        id="user/one",
        stage="BUILDING",
        head="a73e54d0c1f4b8e29d6a7c35f08b1e62d94c7a10",
        timeline=(Phase(0, "BUILDING"),),
        build_log=((18, "\x1b[31mERROR: Could not find a version that satisfies the requirement torch==9.9\x1b[0m"),),
    )
    clock = FakeClock()
    world = world_of(space, clock=clock, epoch=datetime(2025, 4, 18, 22, 43, 52, tzinfo=UTC))
    clock.sleep(20)
    with (
        serve(world, keep_alive=0.01) as hub,
        httpx2.stream(
            "GET", f"{hub.url}/api/spaces/user/one/logs/build", headers={"Authorization": "Bearer hf_user"}
        ) as answer,
    ):
        streamed = (line for line in answer.iter_lines() if line)
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert [next(streamed) for _ in sampled] == sampled
