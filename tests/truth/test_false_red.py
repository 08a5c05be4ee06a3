"""6. A false red: late heads, flapping stages, logins; and the false green beside each."""

from simhub.app import AppAnswer
from simhub.faults import Kind
from simhub.world import HEAD, Phase
from tests.conftest import NEW, NEWER, OLD
from tests.truth.cells import build, cell, fault, space, table, world_has

LIVE_OLD = {"commit": OLD, "head": OLD}
MINE = "wait acme/demo commit="
BUILT = (Phase(30, "RUNNING_BUILDING"), Phase(60, "RUNNING", commit=HEAD))


def pushed(at: float = 0, lag: float = 0, **about):
    """NEW is pushed at some second, and told `lag` seconds late; then it is built."""
    return LIVE_OLD | {"timeline": (Phase(at, "RUNNING", head=NEW), *(Phase(at + one.after, one.stage, commit=one.commit) for one in BUILT)), "head_lag": lag} | about


HEADS = [
    *(cell(f"a commit of which the head is told {lag} s late, {'in full' if len(commit) == 40 else 'short'}", f"{MINE}{commit}", "ok", space(**pushed(lag=lag)), within=(59, 75)) for lag in (3, 20, 45) for commit in (NEW, NEW[:7])),
    *(cell(f"a commit that is pushed after {at} s", f"{MINE}{NEW}", "ok", space(**pushed(at=at)), within=(at + 59, at + 75)) for at in (5, 60, 100)),
    *(cell(f"a commit that is never pushed, {'in full' if len(commit) == 40 else 'short'}", f"{MINE}{commit} timeout=3m", "timed-out", space(**LIVE_OLD), says=("does not know", "not pushed yet", "another repository"), log=("does not know commit",)) for commit in (NEW, NEW[:7])),
    cell("a commit of another repository, superseded or not, is not known", f"{MINE}{NEWER} timeout=3m", "timed-out", space(**pushed()), says="does not know"),
    cell("a head that goes back for a moment", f"{MINE}{NEW}", "ok", space(**pushed()), fault(Kind.WRONG_TYPE, path="^/api/spaces/acme/demo$", skip=1, times=3, body={"id": "acme/demo", "sha": OLD}), within=(59, 75)),
    cell("a head that the repository itself knows first", f"{MINE}{NEW}", "ok", space(**pushed()), fault(Kind.WRONG_TYPE, path="^/api/spaces/acme/demo$", times=2, body={"id": "acme/demo", "sha": OLD, "sdk": "gradio", "runtime": {"stage": "RUNNING", "sha": OLD, "hardware": {"current": "cpu-basic", "requested": "cpu-basic"}}}), within=(59, 75)),
    cell("superseded, for real", f"{MINE}{NEW}", "superseded", space(**LIVE_OLD | {"timeline": (Phase(0, "RUNNING", head=NEW), Phase(10, "RUNNING_BUILDING"), Phase(20, "RUNNING_BUILDING", head=NEWER), Phase(50, "RUNNING", commit=HEAD))}), within=(50, 65), says="instead of 1111111"),
    cell("superseded, long ago", f"{MINE}{OLD}", "superseded", space(commit=NEWER, head=NEWER, past=(OLD, NEW)), within=(0, 1)),
    cell("superseded long ago, by its beginning", f"{MINE}{OLD[:8]}", "superseded", space(commit=NEWER, head=NEWER, past=(OLD, NEW)), within=(0, 1)),
    cell("superseded while its restart builds", f"restart acme/demo commit={NEW}", "superseded", space(scripts={"restart": (Phase(1, "RUNNING_BUILDING"), Phase(20, "RUNNING_BUILDING", head=NEWER), Phase(50, "RUNNING", commit=HEAD))}), sent="restart"),
    cell("superseded, and accepted", "wait acme/demo commit=head", "ok", space(**LIVE_OLD | {"timeline": (Phase(0, "RUNNING", head=NEW), Phase(10, "RUNNING_BUILDING", head=NEWER), Phase(50, "RUNNING", commit=HEAD))})),
    cell("an older build goes live first", f"{MINE}{NEW}", "ok", space(commit=OLD, head=NEW, past=(OLD,), timeline=(Phase(5, "RUNNING_BUILDING"), Phase(20, "RUNNING", commit=OLD), Phase(40, "RUNNING_BUILDING"), Phase(70, "RUNNING", commit=HEAD))), within=(70, 80)),
    cell("a newer push is building, but not live", f"{MINE}{NEW}", "ok", space(commit=NEW, head=NEWER, past=(NEW,), stage="RUNNING_BUILDING", timeline=(Phase(20, "RUNNING", commit=NEW),)), within=(20, 25)),
    cell("the running commit is not told", f"{MINE}{NEW} timeout=2m", "timed-out", space(commit=None), says="does not say which commit is running"),
]  # fmt: skip


def flap(*phases: Phase, **about):
    """A restart that goes through these phases."""
    return space(**{"scripts": {"restart": phases}} | about)


BUILD_FAILS = [("BUILD_ERROR", 1), ("BUILD_ERROR", 5), ("BUILD_ERROR", 9), ("RUNTIME_ERROR", 1), ("RUNTIME_ERROR", 8), ("CONFIG_ERROR", 5), ("PAUSED", 5), ("SLEEPING", 5), ("STOPPED", 9)]
STAGES = [
    *(cell(f"{stage} for {last} s, then the step's own build", "restart acme/demo", "ok", flap(Phase(2, stage), Phase(2 + last, "BUILDING"), Phase(40, "RUNNING", commit=HEAD)), sent="restart", within=(40, 50)) for stage, last in BUILD_FAILS),
    *(cell(f"a build under way fails, the step's own begins {later} s later", "restart acme/demo", "ok", space(stage="BUILDING", commit=None, scripts={"restart": (Phase(3, "BUILD_ERROR"), Phase(3 + later, "BUILDING"), Phase(60, "RUNNING", commit=HEAD))}), sent="restart", within=(60, 70)) for later in (1, 5, 9)),
    *(cell(f"{stage} that stays", "restart acme/demo", "failed", flap(Phase(2, "BUILDING"), Phase(20, stage, commit=None)), sent="restart", within=(30, 40), says=f"{stage} instead of RUNNING") for stage in ("BUILD_ERROR", "RUNTIME_ERROR", "CONFIG_ERROR", "NO_APP_FILE", "DELETING", "PAUSED", "STOPPED")),
    cell("broken, flapping for long, and well in the end", "restart acme/demo", "ok", flap(*(Phase(2 + 8 * n, "RUNTIME_ERROR" if n % 2 else "APP_STARTING") for n in range(9)), Phase(80, "RUNNING", commit=HEAD)), sent="restart", within=(80, 90)),
    cell("broken by turns with another break", "restart acme/demo", "failed", flap(Phase(2, "BUILDING"), *(Phase(20 + 4 * n, "RUNTIME_ERROR" if n % 2 else "BUILD_ERROR", commit=None) for n in range(30))), sent="restart", within=(140, 160)),
    cell("broken after it was live, within stable-for", "restart acme/demo stable-for=30s", "failed", flap(*build(1), Phase(30, "RUNTIME_ERROR", commit=None)), sent="restart", within=(40, 50)),
    cell("live, a hiccup within stable-for, and live", "restart acme/demo stable-for=30s", "ok", flap(*build(1), Phase(30, "RUNTIME_ERROR"), Phase(33, "RUNNING")), sent="restart", within=(63, 75)),
    cell("the old RUNNING for long", "restart acme/demo", "ok", flap(*build(45)), sent="restart", within=(65, 75)),
    cell("the old BUILD_ERROR for long", "restart acme/demo", "ok", space(stage="BUILD_ERROR", commit=None, scripts={"restart": build(45, live=False)}), sent="restart", within=(65, 75)),
    cell("the old PAUSED for long", "restart acme/demo", "ok", space(stage="PAUSED", commit=None, scripts={"restart": build(45, live=False)}), sent="restart", within=(65, 75)),
    cell("with a short settle, a flap is shorter", "restart acme/demo settle=3s", "failed", flap(Phase(1, "BUILDING"), Phase(5, "BUILD_ERROR", commit=None), Phase(12, "BUILDING"), Phase(60, "RUNNING")), sent="restart", within=(8, 12)),
    cell("a stage that nobody knows", "restart acme/demo", "ok", flap(Phase(1, "DEFROSTING"), Phase(30, "RUNNING", commit=HEAD)), sent="restart", within=(30, 40)),
    cell("broken is what is waited for", "wait acme/demo wait-for-stage=BUILD_ERROR commit=any", "ok", space(stage="BUILD_ERROR", commit=None), within=(60, 61)),
]  # fmt: skip

LOGIN = AppAnswer(status=302, headers={"Location": "https://login.example.com/"}, body="")
HEALTH = "restart acme/demo health-check=/"
RESTARTED = {"scripts": {"restart": build(1)}}
APPS = [
    *(cell(f"an app that answers {status}", f"{HEALTH} timeout=1m", "timed-out", space(**RESTARTED, app=(AppAnswer(status=status),)), sent="restart", says=str(status)) for status in (400, 404, 500, 502, 503)),
    *(cell(f"an app that answers {status}, well", HEALTH, "ok", space(**RESTARTED, app=(AppAnswer(status=status),)), sent="restart") for status in (200, 201, 204)),
    cell("an app that leads to another path of its own", HEALTH, "ok", space(**RESTARTED, app=(AppAnswer(path="/", status=307, headers={"Location": "in"}),)), sent="restart"),
    cell("an app that needs a while", HEALTH, "ok", space(**RESTARTED, app=(AppAnswer(status=502, until=30),)), sent="restart", within=(51, 60)),
    cell("an app that fails during stable-for", f"{HEALTH} stable-for=30s", "ok", space(**RESTARTED, app=(AppAnswer(status=500, after=10, until=20),)), sent="restart", within=(71, 90)),
    cell("an app that fails during stable-for, for good", f"{HEALTH} stable-for=30s timeout=90s", "timed-out", space(**RESTARTED, app=(AppAnswer(status=500, after=10),)), sent="restart", says="the app does not answer"),
    cell("a path that is not there", "restart acme/demo health-check=/healthz timeout=1m", "timed-out", space(**RESTARTED, app=(AppAnswer(path="/healthz", status=404),)), sent="restart"),
    cell("an app that is not asked", "restart acme/demo", "ok", space(**RESTARTED, app=(AppAnswer(status=500),)), sent="restart"),
]  # fmt: skip

STILL = [
    cell("Dev Mode, in which a push rebuilds nothing", f"{MINE}{NEW}", "failed", space(commit=OLD, dev_mode=True, past=(OLD,)), says=("Dev Mode", "commit: any"), within=(60, 62)),
    cell("Dev Mode, and a restart", "restart acme/demo", "ok", space(dev_mode=True, **RESTARTED), sent="restart"),
    cell("Dev Mode, and any commit", "wait acme/demo commit=any", "ok", space(commit=OLD, dev_mode=True), within=(60, 61)),
    cell("a static Space, and a commit", f"{MINE}{NEW}", "failed", space(sdk="static", hardware=None), says=("static", "commit: any"), within=(60, 62)),
    cell("a static Space", "wait acme/demo", "ok", space(sdk="static", hardware=None), within=(60, 61)),
    cell("a static Space, restarted", "restart acme/demo", "failed", space(sdk="static", hardware=None), says="a static Space has no runtime to restart", within=(0, 1)),
    cell("a static Space, selected and paused", "pause 'acme/demo*'", "skipped", space(sdk="static", hardware=None)),
    cell("a static Space, woken", "wake acme/demo", "unchanged", space(sdk="static", hardware=None)),
    cell("a static Space, on other hardware", "hardware acme/demo hardware=t4-small", "failed", space(sdk="static", hardware=None), says="static"),
    *(
        cell(f"hot-reloaded, with {'the new' if sha else 'the old'} commit told", "wait acme/demo", "ok",
             space(commit=OLD, head=OLD, hot_reload_sha=sha), lambda world, _: world.push("acme/demo", NEW, hot_reload=True), within=(0, 62))
        for sha in (True, False)
    ),
    cell("hot-reloaded, and the commit named, which the Hub does not tell", f"{MINE}{NEW}", "failed", space(commit=OLD, head=OLD, hot_reload_sha=False), lambda world, _: world.push("acme/demo", NEW, hot_reload=True), says=("hot-reloaded", "commit: any"), within=(60, 62)),
    cell("hot-reloaded, and the commit named and told", f"{MINE}{NEW}", "ok", space(commit=OLD, head=OLD), lambda world, _: world.push("acme/demo", NEW, hot_reload=True), within=(0, 62)),
    cell("replicas of an odd shape", "wait acme/demo", "ok", space(runtime_extra={"replicas": {"current": None}}), world_has(listing_bare=True)),
]  # fmt: skip


@table([*HEADS, *STAGES, *APPS, *STILL])
def test_red_is_true(cell, play):
    """A stage counts once it has stayed, a head once the repository says so, and what will never come ends the wait."""
    play(cell)
