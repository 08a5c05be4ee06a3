"""Spaces worth watching, each with the difficulty a deployment has met on the real Hub; times in real seconds.

The titles say what each one shows. A restart sets most of them going. `crowd` adds as many ordinary ones as wanted.
"""

from typing import Any

from simhub import access
from simhub.app import AppAnswer
from simhub.space import FREE_QUOTA_EXCEEDED, HEAD, REQUESTED, Phase, Script, Space

OLD = "a73e54d0c1f4b8e29d6a7c35f08b1e62d94c7a10"
NEW = "3d2e3a67dc686c9c3abc3aaede5f66cd1fa7434c"
NEWER = "36a649401e539c622e2a397528ad02ce5f84fe20"

BUILD_LOG = (
    (0.5, "--> FROM docker.io/library/python:3.10@sha256:2ba2a4a5d2b8c9b4f6b4f5f2"),
    (1.0, "--> RUN pip install --no-cache-dir pip==25.0.1 && pip install --no-cache-dir datasets huggingface-hub"),
    (2.0, "CACHED"),
    (3.0, "--> RUN --mount=target=requirements.txt,source=requirements.txt pip install -r requirements.txt"),
    (4.0, "Collecting gradio[oauth]==5.29.0"),
    (5.0, "  Downloading gradio-5.29.0-py3-none-any.whl (54.1 MB)"),
    (7.0, "Successfully installed gradio-5.29.0 gradio-client-1.10.0 ruff-0.11.8 safehttpx-0.1.6"),
    (8.0, "--> Pushing image"),
    (9.5, "DONE 1.5s"),
)
FAILED_BUILD_LOG = (
    *BUILD_LOG[:4],
    (4.0, "Collecting torch==9.9"),
    (6.0, "\x1b[31mERROR: Could not find a version that satisfies the requirement torch==9.9"
          " (from versions: 2.5.1, 2.6.0, 2.7.0)\x1b[0m"),
    (6.1, "\x1b[31mERROR: No matching distribution found for torch==9.9\x1b[0m"),
    (6.2, '--> ERROR: process "/bin/sh -c pip install --no-cache-dir -r requirements.txt" did not complete'
          " successfully: exit code: 1"),
)  # fmt: skip
RUN_LOG = (
    (11.0, "* Running on local URL:  http://0.0.0.0:7860, with SSR ⚡ (experimental, to disable set `ssr_mode=False`)"),
    (11.5, "To create a public link, set `share=True` in `launch()`."),
)
CRASH_LOG = (
    (11.0, "Traceback (most recent call last):"),
    (11.0, '  File "/home/user/app/app.py", line 12, in <module>'),
    (11.0, '    pipe = pipeline("text-generation", model=os.environ["MODEL_REPO_ID"])'),
    (11.0, '  File "<frozen os>", line 685, in __getitem__'),
    (11.0, "KeyError: 'MODEL_REPO_ID'"),
)
BUILD_FAILED = "Job failed with exit code: 1. Reason: cache miss: [4/7] RUN pip install -r requirements.txt"
FLAP = "Exit code: 128. Reason: failed to create containerd task: failed to create shim task: context canceled"
FLAPPED: Script = (Phase(15, "APP_STARTING"), Phase(18, "RUNNING", commit=HEAD, hardware=REQUESTED))
CRASHED = "Exit code: 1. Reason: KeyError: 'MODEL_REPO_ID'"


def rebuild(stale: float = 1) -> Script:
    """Return 10 s of building and 4 s of starting of a live Space, which says nothing of it for `stale` seconds."""
    return (
        Phase(stale, "RUNNING_BUILDING"),
        Phase(stale + 10, "RUNNING_APP_STARTING"),
        Phase(stale + 14, "RUNNING", commit=HEAD, hardware=REQUESTED),
    )


def build(stale: float = 0) -> Script:
    """Return the same of a Space that isn't live."""
    return (
        Phase(stale, "BUILDING"),
        Phase(stale + 10, "APP_STARTING"),
        Phase(stale + 14, "RUNNING", commit=HEAD, hardware=REQUESTED),
    )


def showcase() -> list[Space]:
    """Return the Spaces of `demo`: those that go wrong, then those that are well."""
    return [
        _space(
            "stale-running",
            "a restart is believed only after 10 s of the old RUNNING, with the old commit",
            commit=OLD,
            restart=rebuild(stale=10),
        ),
        _space(
            "stale-error",
            "a restart fixes it, after 8 s of the old BUILD_ERROR",
            stage="BUILD_ERROR",
            error=BUILD_FAILED,
            restart=build(stale=8),
        ),
        _space("first-build", "builds for the first time", stage="BUILDING", commit=None, timeline=build()),
        _space(
            "build-error",
            "a restart ends in BUILD_ERROR again, with a log that says why",
            stage="BUILD_ERROR",
            error=BUILD_FAILED,
            restart=(Phase(1, "BUILDING"), Phase(7, "BUILD_ERROR", error=BUILD_FAILED)),
            build_log=FAILED_BUILD_LOG,
        ),
        _space(
            "crash-loop",
            "a restart builds well, then the app crashes again",
            stage="RUNTIME_ERROR",
            error=CRASHED,
            restart=(Phase(1, "BUILDING"), Phase(10, "APP_STARTING"), Phase(14, "RUNTIME_ERROR", error=CRASHED)),
            run_log=CRASH_LOG,
        ),
        _space(
            "superseded",
            "another push comes 5 s after a restart, and goes live",
            commit=OLD,
            restart=(Phase(1, "RUNNING_BUILDING"), Phase(5, "RUNNING_BUILDING", head=NEWER), *rebuild()[1:]),
        ),
        _space(
            "future-stage",
            "a restart goes through a stage that is not known",
            restart=(*rebuild()[:2], Phase(13, "RUNNING_WARMING_UP"), Phase(17, "RUNNING", commit=HEAD)),
        ),
        _space(
            "holding",
            "says RUNNING after a restart, but its host serves 'Preparing Space' for another 15 s",
            holding=15,
            restart=build(),
        ),
        _space(
            "flapping",
            "a restart shows RUNTIME_ERROR for 3 s on its way to RUNNING",
            restart=(*rebuild()[:2], Phase(12, "RUNTIME_ERROR", error=FLAP), *FLAPPED),
        ),
        _space(
            "late-head",
            "a push builds at once, but for 12 s the repository's head is still told as it was",
            head_lag=12,
        ),
        _space(
            "login",
            "its app sends every visitor to a login on another host",
            app=(AppAnswer(status=302, headers={"Location": "https://login.example/?next=/"}, body=""),),
        ),
        _space(
            "quota",
            "was paused by the Hub: its owner's quota of free hardware is used up, and a restart is refused",
            stage="PAUSED",
            error=FREE_QUOTA_EXCEEDED,
            refusals=dict.fromkeys(("restart", "factory"), (403, access.free_quota_reached("cpu-basic").message)),
        ),
        _space("sleeping", "a visit or a restart wakes it", stage="SLEEPING"),
        _space("paused", "only a restart wakes it", stage="PAUSED"),
        _space("running", "nothing is wrong with it", likes=378),
        _space("gpu", "runs on paid hardware", hardware="t4-small", sleep_time=3600, likes=21),
        _space("private", "seen only with a token", private=True),
        _space("static", "has no runtime to restart", sdk="static", hardware=None, build_log=(), run_log=()),
    ]


CROWD_OWNERS = ("acme", "beta", "gamma")
# What a crowd is made of: so many, their names, and how they are. As many kinds as owners have no common divisor with.
_KINDS: tuple[tuple[int, str, dict[str, Any]], ...] = (  # fields of Space, which have types of their own
    (6, "chat", {}),
    (3, "sketch", {"stage": "SLEEPING"}),
    (1, "board", {"sdk": "streamlit", "sdk_version": "1.44.1"}),
    (2, "search", {"sdk": "docker", "hardware": "cpu-upgrade", "sleep_time": None}),
    (2, "image", {"hardware": "t4-small", "sleep_time": 3600}),
    (1, "voice", {"sdk": "docker", "hardware": "a10g-small", "sleep_time": None}),
    (1, "model", {"hardware": "a100-large", "sleep_time": 900}),
    (1, "nightly", {"stage": "SLEEPING", "hardware": "t4-small", "sleep_time": 900}),
    (1, "archive", {"stage": "PAUSED", "hardware": "t4-medium", "sleep_time": None}),
    (1, "draft", {"private": True}),
    (1, "broken", {"stage": "BUILD_ERROR", "error": BUILD_FAILED, "build_log": FAILED_BUILD_LOG}),
    (1, "crash", {"stage": "RUNTIME_ERROR", "error": CRASHED, "run_log": CRASH_LOG}),
    (1, "page", {"sdk": "static", "hardware": None, "build_log": (), "run_log": ()}),
)


def crowd(count: int) -> list[Space]:
    """Return the first `count` Spaces of an endless fleet: always the same, dealt out evenly to CROWD_OWNERS."""
    kinds = [(name, differences) for times, name, differences in _KINDS for _ in range(times)]
    spaces = []
    for number in range(count):
        name, differences = kinds[number % len(kinds)]
        usual: dict[str, Any] = {
            "title": f"{name.capitalize()} number {number}",
            "head": NEW,
            "build_log": BUILD_LOG,
            "run_log": RUN_LOG,
            "likes": number * 37 % 401,
            "last_modified": f"2026-{1 + number % 7:02}-{1 + number % 28:02}T08:00:00.000Z",
        }
        owner = CROWD_OWNERS[number % len(CROWD_OWNERS)]
        spaces.append(Space(id=f"{owner}/{name}-{number:04}", **(usual | differences)))
    return spaces


def _space(name: str, shows: str, restart: Script | None = None, **differences: Any) -> Space:  # noqa: ANN401 - fields of Space
    usual: dict[str, Any] = {
        "title": shows[0].upper() + shows[1:],
        "head": NEW,
        "build_log": BUILD_LOG,
        "run_log": RUN_LOG,
        "scripts": {} if restart is None else {"restart": restart, "push": restart},
    }
    return Space(id=f"demo/{name}", **(usual | differences))
