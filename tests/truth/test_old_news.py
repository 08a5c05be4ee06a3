"""2. A write on old news.

After any waiting (settle, quota, a retry, a health check) there is a look first, and then what it says decides.
"""

from simhub.app import AppAnswer
from simhub.faults import SLOW_RESTART, Kind
from simhub.world import HEAD, Phase
from tests.truth.cells import build, cell, fault, quota, space, spaces, table

SICK = (AppAnswer(status=500, body="Internal Server Error"),)
ASLEEP = {"stage": "SLEEPING", "commit": None}
DEAF = {"visit": ()}  # a visit does not wake it
BUILT = build(1)
PAUSED_AT_10 = (Phase(10, "PAUSED", commit=None),)
RESTARTED = {"restart": BUILT}
LOST = Kind.RESET_AFTER
IN_VAIN = Kind.RESET_BEFORE
RESTART, PAUSE, HARDWARE, SLEEP = "/restart$", "/pause$", "/hardware$", "/sleeptime$"
LAZY = {"hardware": "t4-small", "sleep_time": 3600}


def wakes(after: float):
    """What a visit leads to."""
    return {"visit": (Phase(after, "APP_STARTING"), Phase(after + 8, "RUNNING", commit=HEAD))}


WAKES = [
    *(
        cell(
            f"a Space that wakes {after} s after the visit, with settle {settle}",
            f"wake acme/demo settle={settle}",
            "ok",
            space(**ASLEEP, scripts=wakes(after) | RESTARTED),
            state={"stage": "RUNNING"},
        )
        for after, settle in ((0.3, "2s"), (1.9, "2s"), (0.3, "1s"), (0.9, "1s"), (5, "6s"), (29, "30s"), (59, "60s"))
    ),
    cell("a Space that wakes too late", "wake acme/demo settle=2s", "ok", space(**ASLEEP, scripts=wakes(9) | RESTARTED), sent="restart"),
    cell("a Space that a visit does not wake", "wake acme/demo settle=5s", "ok", space(**ASLEEP, scripts=DEAF | RESTARTED), sent="restart", within=(25, 40)),
    cell(
        "a Space that somebody pauses while its visit is waited for, named",
        "wake acme/demo settle=20s",
        "failed",
        space(**ASLEEP, scripts={"visit": PAUSED_AT_10}),
        says="PAUSED instead of RUNNING",
    ),
    cell(
        "a Space of which nothing is heard while its visit is waited for",
        "wake acme/demo settle=5s",
        "ok",
        space(**ASLEEP, scripts=wakes(1)),
        fault(path="/runtime$", status=502, times=2),
        state={"stage": "RUNNING"},
    ),
    cell("RUNNING and well", "wake acme/demo health-check=/", "unchanged", space()),
    cell("RUNNING and not asked", "wake acme/demo", "unchanged", space(app=SICK), reads=2),
    cell("RUNNING and sick", "wake acme/demo health-check=/ settle=10s timeout=90s", "timed-out", space(app=SICK, scripts=RESTARTED), sent="restart", says="the app does not answer"),
    cell(
        "RUNNING and sick, until the restart",
        "wake acme/demo health-check=/ settle=10s",
        "ok",
        space(app=lambda asked: SICK[0] if asked.at < 15 else None, scripts=RESTARTED),
        sent="restart",
    ),
    cell(
        "sick only for a while",
        "wake acme/demo health-check=/ settle=20s",
        "unchanged",
        space(app=(AppAnswer(status=502, until=10),)),
    ),
    cell(
        "sick, and rebuilt by a push while that is watched",
        "wake acme/demo health-check=/ settle=20s",
        "unchanged",
        space(app=(AppAnswer(status=502, until=15),), timeline=(Phase(5, "RUNNING_BUILDING"), Phase(60, "RUNNING", commit=HEAD))),
        state={"stage": "RUNNING"},
    ),
    cell(
        "sick and selected, and paused by somebody while that is watched",
        "wake 'acme/demo*' health-check=/ settle=20s",
        "skipped",
        space(app=SICK, timeline=PAUSED_AT_10),
        state={"stage": "PAUSED"},
    ),
    cell(
        "sick, and asleep while that is watched",
        "wake acme/demo health-check=/ settle=20s",
        "ok",
        space(app=(AppAnswer(status=502, until=15),), timeline=(Phase(10, "SLEEPING", commit=None), )),
    ),
    cell("paused and named", "wake acme/demo", "ok", space(stage="PAUSED", commit=None), sent="restart"),
    cell("paused and selected", "wake 'acme/demo*'", "skipped", space(stage="PAUSED", commit=None)),
    cell("paused and selected by that", "wake 'acme/demo*' with-stage=PAUSED", "ok", space(stage="PAUSED", commit=None), sent="restart"),
    cell("broken and named", "wake acme/demo", "ok", space(stage="RUNTIME_ERROR", commit=None), sent="restart"),
    *(cell(f"{stage} and selected", "wake 'acme/demo*'", "skipped", space(stage=stage, commit=None)) for stage in ("RUNTIME_ERROR", "BUILD_ERROR", "STOPPED", "CONFIG_ERROR")),
    cell("building already", "wake acme/demo", "unchanged", space(stage="BUILDING", commit=None, timeline=(Phase(30, "RUNNING", commit=HEAD),)), within=(30, 35)),
    cell("asleep without a token, and deaf", "wake acme/demo settle=3s", "denied", space(**ASLEEP, scripts=DEAF), token=None, says="HF_TOKEN"),
]

# (operation, who does what to the Space in the meantime, what is right then)
MEANWHILE = [
    ("restart 'acme/d*'", PAUSED_AT_10, "skipped", ()),
    ("restart acme/demo acme/d-2", (Phase(10, "SLEEPING", commit=None),), "ok", ("restart",)),
    ("pause 'acme/d*'", PAUSED_AT_10, "unchanged", ()),
    ("pause 'acme/d*' with-stage=SLEEPING,RUNNING", PAUSED_AT_10, "skipped", ()),
    ("hardware 'acme/d*' hardware=t4-small", (Phase(10, "RUNNING", hardware="t4-small", requested_hardware="t4-small"),), "unchanged", ()),
]
QUOTA = [
    cell(
        f"{call}: {phases[0].stage} while the quota is waited for",
        f"{call} timeout=20m",
        "ok" if sent else result,
        spaces("demo", timeline=phases),
        space("d-2", timeline=phases),
        quota(40),
        sent=sent * 2,
        each={"demo": result, "d-2": result},
        within=(240, 1000),
    )
    for call, phases, result, sent in MEANWHILE
]
TOO_MANY = [
    cell(
        f"{call}: {phases[0].stage} while a 429 is waited for",
        f"{call} timeout=20m",
        result,
        space(timeline=phases),
        fault(path=r"/(restart|pause|hardware)$", method="POST", status=429, headers={"Retry-After": "60"}),
        sent=("restart" if "restart" in call else "pause" if "pause" in call else "hardware", *sent),
    )
    for call, phases, result, sent in MEANWHILE
    for call in [call.replace("d*", "demo*").replace(" acme/d-2", "")]
]


def lost(name: str, call: str, result: str, write: str, kind: Kind, *given, sent: int, **about):
    """A write whose answer is lost, with its effect or without."""
    effect = "with" if kind is LOST else "without"
    path = {"restart": RESTART, "factory": RESTART, "pause": PAUSE, "hardware": HARDWARE, "sleep-time": SLEEP}[write]
    return cell(f"{name}, its answer lost, {effect} effect", call, result, *given, fault(kind, path=path, method="POST"), sent=(write,) * sent, **about)


LOSSES = [
    row
    for kind, sent in ((LOST, 1), (IN_VAIN, 2))
    for row in (
        lost("restart of RUNNING", "restart acme/demo", "ok", "restart", kind, space(scripts=RESTARTED), sent=sent),
        lost("restart of BUILD_ERROR", "restart acme/demo", "ok", "restart", kind, space(stage="BUILD_ERROR", commit=None), sent=sent),
        lost("restart of PAUSED", "restart acme/demo", "ok", "restart", kind, space(stage="PAUSED", commit=None), sent=sent),
        lost("restart of APP_STARTING", "restart acme/demo", "ok", "restart", kind, space(stage="APP_STARTING", commit=None), sent=sent),
        lost("factory reboot", "restart acme/demo factory-reboot=true", "ok", "factory", kind, space(), sent=sent),
        lost("pause", "pause acme/demo", "ok", "pause", kind, space(), sent=sent),
        lost("hardware", "hardware acme/demo hardware=t4-small", "ok", "hardware", kind, space(), sent=sent),
        lost(
            "hardware that changes the sleep time alone", "hardware acme/demo hardware=t4-small sleep-time=15m commit=any", "ok",
            "hardware", kind, space(**LAZY), sent=sent,
        ),
        lost("sleep time", "sleep-time acme/demo sleep-time=15m", "ok", "sleep-time", kind, space(**LAZY), sent=sent),
        lost("wake of BUILD_ERROR", "wake acme/demo", "ok", "restart", kind, space(stage="BUILD_ERROR", commit=None), sent=sent),
    )
]  # fmt: skip
OTHER_LOSSES = [
    cell("a restart that answers 504 after its effect", "restart acme/demo", "ok", space(scripts=RESTARTED), lambda _, hub: hub.inject(SLOW_RESTART), sent="restart"),
    cell(
        "a slow effect of a restart that was lost",
        "restart acme/demo",
        "ok",
        space(scripts={"restart": build(stale=12)}),
        fault(LOST, path=RESTART, method="POST"),
        sent="restart",
    ),
    *(
        cell(
            f"a lost restart that ends in {stage} before it is looked at",
            "restart acme/demo",
            "failed",
            space(scripts={"restart": (Phase(0.5, stage, commit=None),)}),
            fault(LOST, path=RESTART, method="POST"),
            sent="restart",
        )
        for stage in ("CONFIG_ERROR", "BUILD_ERROR", "NO_APP_FILE")
    ),
    cell(
        "a lost restart of a BUILDING Space, which nothing shows",
        "restart acme/demo",
        "ok",
        space(stage="BUILDING", commit=None),
        fault(LOST, path=RESTART, method="POST"),
        sent=("restart", "restart"),
    ),
    cell(
        "a lost restart of a selected Space that somebody pauses",
        "restart 'acme/demo*'",
        "skipped",
        space(timeline=(Phase(5, "PAUSED", commit=None),)),
        fault(IN_VAIN, path=RESTART, method="POST"),
        sent="restart",
    ),
    cell(
        "a lost write, and silence",
        "restart acme/demo timeout=20m",
        "unreachable",
        fault(LOST, path=RESTART, method="POST"),
        fault(path="/api/", status=502, times=None, skip=2),
        sent="restart",
        within=(290, 320),
    ),
    cell(
        "a lost write, and a Space that is gone",
        "restart acme/demo",
        "not-found",
        space(),
        fault(LOST, path=RESTART, method="POST"),
        fault(path="/api/spaces/acme/demo", status=404, times=None, skip=2),
        sent="restart",
        within=(10, 60),
    ),
    cell(
        "a write that is never taken",
        "pause acme/demo timeout=20m",
        "unreachable",
        fault(path=PAUSE, status=429, method="POST", times=None, headers={"Retry-After": "30"}),
        sent=("pause",) * 11,
    ),
    cell(
        "a factory reboot of a PAUSED Space is a restart first",
        "restart acme/demo factory-reboot=true",
        "ok",
        space(stage="PAUSED", commit=None),
        sent=("restart", "factory"),
        state={"stage": "RUNNING"},
    ),
    cell(
        "a factory reboot of a PAUSED Space that moves late",
        "restart acme/demo factory-reboot=true",
        "ok",
        space(stage="PAUSED", commit=None, scripts={"restart": build(20, live=False)}),
        sent=("restart", "factory"),
    ),
    cell(
        "a factory reboot of a PAUSED Space whose restart is refused",
        "restart acme/demo factory-reboot=true",
        "denied",
        space(stage="PAUSED", commit=None, refusals={"restart": (403, "You've reached your cpu-basic quota limit, please upgrade")}),
        sent="restart",
        state={"stage": "PAUSED"},
    ),
    cell("hardware that is there, and asked for", "hardware acme/demo hardware=t4-small", "unchanged", space(hardware="t4-small")),
    cell("hardware that is asked for and not there", "hardware acme/demo hardware=t4-small", "ok", space(requested_hardware="t4-small"), sent="hardware"),
    cell("the same sleep time", "sleep-time acme/demo sleep-time=1h", "unchanged", space(**LAZY)),
    cell("pause of what is paused", "pause acme/demo", "unchanged", space(stage="PAUSED", commit=None), reads=1),
    cell("pause of what is building", "pause acme/demo", "ok", space(stage="BUILDING", commit=None), sent="pause"),
    cell("pause of what is broken", "pause acme/demo", "ok", space(stage="RUNTIME_ERROR", commit=None), sent="pause"),
]  # fmt: skip


@table([*WAKES, *QUOTA, *TOO_MANY, *LOSSES, *OTHER_LOSSES])
def test_no_write_on_old_news(cell, play):
    """What decides is a look at the Space itself, made after any waiting."""
    play(cell)
