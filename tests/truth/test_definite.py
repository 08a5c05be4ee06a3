"""4. A definite answer is taken for silence; and 5. green without looking."""

from simhub.app import AppAnswer
from simhub.faults import GONE, Kind
from simhub.world import HEAD, REQUESTED, Phase
from tests.conftest import NEW
from tests.truth.cells import build, cell, fault, gone, quota, renamed, space, spaces, table, token_for

LONG = {"scripts": {"restart": build(1, end=Phase(80, "RUNNING", commit=HEAD))}}
BUILDING = {"stage": "BUILDING", "commit": None, "timeline": (Phase(60, "RUNNING", commit=HEAD),)}
CALLS = [("wait acme/demo", BUILDING, ()), ("restart acme/demo", LONG, ("restart",)), ("hardware acme/demo hardware=t4-small", {"scripts": {"hardware": build(1, end=Phase(80, "RUNNING", hardware=REQUESTED))}}, ("hardware",))]
LOOK = "^/api/spaces/acme/demo"


def refused(status: int, *, times: int | None = None, skip: int = 3):
    """The Hub answers so from some look on."""
    return fault(path=LOOK, method="GET", status=status, times=times, skip=skip, body={"error": "no"})


DEFINITE = [
    *(cell(f"{call}: deleted meanwhile", call, "not-found", space(**about), gone(20), sent=sent, within=(30, 45), says="there is no Space") for call, about, sent in CALLS),
    *(cell(f"{call}: the token ends meanwhile", call, "denied", space(**about), token_for(20), sent=sent, within=(30, 45), says="does not accept the token") for call, about, sent in CALLS),
    *(
        cell(f"{call}: {status} that stays", call, result, space(**about), refused(status), sent=sent, within=(10, 40))
        for call, about, sent in CALLS
        for status, result in ((401, "denied"), (403, "denied"), (404, "not-found"), (410, "not-found"))
    ),
    *(
        cell(f"{call}: {status} for a moment", call, "ok", space(**about), refused(status, times=2), sent=sent, within=(75 if sent else 55, 180))
        for call, about, sent in CALLS
        for status in (401, 403, 404, 410, 500, 429)
    ),
    cell("404 and 503 by turns", "wait acme/demo", "not-found", space(**BUILDING), *(fault(path=LOOK, method="GET", status=503 if n % 2 else 404, skip=3) for n in range(40)), within=(10, 60)),
    cell("404 and answers by turns", "wait acme/demo", "ok", space(**BUILDING), *(fault(path=LOOK, method="GET", status=404, skip=3 + 2 * n) for n in range(20)), within=(60, 75)),
    cell("one of many deleted", "wait 'acme/d*'", "not-found", spaces("demo", "d-2", "d-3", **BUILDING), gone(20), each={"demo": "not-found", "d-2": "ok", "d-3": "ok"}),
    cell("all of many deleted", "restart acme/demo acme/d-2", "not-found", spaces("demo", "d-2", **LONG), gone(20), gone(20, "d-2"), sent=("restart", "restart"), within=(30, 45)),
    cell("the token of many ends", "restart 'acme/d*'", "denied", spaces("demo", "d-2", **LONG), token_for(20), sent=("restart", "restart"), within=(30, 45)),
    cell("deleted before the step", "restart acme/demo", "not-found", gone(0), within=(0, 1)),
    cell("deleted before the wait, which gives a new Space ten seconds", "wait acme/demo", "not-found", gone(0), within=(10, 11)),
    cell("new, and not known yet", "wait acme/demo", "ok", space(unknown_for=8), within=(7, 11)),
    cell("new, and not known for too long", "wait acme/demo", "not-found", space(unknown_for=15), within=(10, 11)),
    cell("deleted and made again while it is waited for", "wait acme/demo", "ok", space(**BUILDING), fault(path=LOOK, method="GET", status=404, skip=3, times=3), within=(60, 75)),
    cell("gone for all at once (410)", "info acme/demo", "not-found", lambda _, hub: hub.inject(GONE), within=(0, 1)),
    cell("renamed before the step", "info acme/demo", "ok", renamed(0, "acme/new")),
    cell("deleted between the look and the write", "restart acme/demo", "not-found", fault(path="/restart$", status=404, method="POST"), sent="restart", within=(0, 1)),
    cell("silence is silence", "wait acme/demo timeout=20m", "unreachable", space(**BUILDING), refused(503), within=(300, 340)),
    cell("silence to the end of the budget", "wait acme/demo timeout=2m", "unreachable", space(**BUILDING), refused(503), within=(119, 120)),
    cell("silence, then not found", "wait acme/demo", "not-found", space(**BUILDING), fault(path=LOOK, method="GET", status=503, skip=3, times=4), gone(30), within=(40, 90)),
    cell("no token, and private by now", "wait acme/demo", "not-found", space(**BUILDING), refused(401), token=None, says="401 without a token", within=(10, 40)),
]  # fmt: skip

ON_T4 = {"stage": "RUNTIME_ERROR", "commit": None, "hardware": "t4-small", "runtime_extra": {"hardware": {"current": "t4-small", "requested": "t4-small"}}}
T4 = "hardware acme/demo hardware=t4-small"
GREEN = [
    cell("hardware that is there already, and broken", T4, "failed", space(**ON_T4), says="RUNTIME_ERROR instead of RUNNING", within=(60, 75)),
    cell("hardware that is there already, and paused", T4, "failed", space(**(ON_T4 | {"stage": "PAUSED"})), says="PAUSED instead of RUNNING"),
    cell("hardware that is there already, and not waited for", f"{T4} wait-for-stage=none", "unchanged", space(**ON_T4)),
    cell("hardware that is there already, and starts", T4, "unchanged", space(hardware="t4-small", stage="APP_STARTING", timeline=(Phase(20, "RUNNING", commit=HEAD),), runtime_extra=ON_T4["runtime_extra"]), within=(20, 25)),
    cell("hardware that is there already, on another commit than the named one", f"{T4} commit={'3' * 40} timeout=2m", "timed-out", space(hardware="t4-small"), says=("does not know", "not pushed yet")),
    cell("hardware that is there already, on an old commit", T4, "unchanged", space(hardware="t4-small", commit="0" * 40), says="no build of the head has begun", within=(60, 61)),
    cell("hardware that is there already, and sick", f"{T4} health-check=/ timeout=1m", "timed-out", space(hardware="t4-small", app=(AppAnswer(status=500),)), says="the app does not answer"),
    cell("hardware that is there already, but not for long", f"{T4} stable-for=30s", "failed", space(hardware="t4-small", timeline=(Phase(20, "RUNTIME_ERROR"),), runtime_extra=ON_T4["runtime_extra"]), says="RUNTIME_ERROR"),
    cell("hardware that is there already, while another is asked for", T4, "ok", space(hardware="t4-small", requested_hardware="a100-large"), sent="hardware"),
    cell("hardware that is there, but with another sleep time", f"{T4} sleep-time=15m", "ok", space(hardware="t4-small", sleep_time=3600), sent="hardware"),
    cell("a sleep time that is so, of a Space that is to run", "sleep-time acme/demo sleep-time=1h wait-for-stage=RUNNING timeout=2m", "failed", space(hardware="t4-small", sleep_time=3600, stage="BUILD_ERROR", commit=None), says="BUILD_ERROR instead of RUNNING"),
    cell("awake, and to hold", "wake acme/demo stable-for=30s", "failed", space(timeline=(Phase(20, "RUNTIME_ERROR", commit=None),)), says="RUNTIME_ERROR"),
    cell("paused, and to stay so", "pause acme/demo stable-for=60s timeout=80s", "timed-out", space(stage="PAUSED", commit=None, timeline=(Phase(20, "RUNNING", commit=HEAD),))),
    cell("a listing's word is not enough for a wait", "wait 'acme/demo*'", "ok", space(), reads=2),
    cell("an info that finds a broken Space", "info acme/demo", "ok", space(stage="BUILD_ERROR", commit=None), says="BUILD_ERROR"),
    cell("a list of nothing", "list author=nobody", "ok", says="no Space was found"),
    cell("a wait for nothing", "wait 'acme/nothing-*'", "not-found", says="nothing to wait for"),
    cell("a wait for an owner without Spaces", "wait author=nobody", "not-found", says="nothing to wait for"),
    cell("a wait whose filters leave out the Space that is named", "wait acme/demo with-stage=BUILDING", "not-found", says=("with-stage leaves it out", "nothing is left to wait for")),
    cell("a wait whose filters leave out some of those that are named", "wait acme/demo acme/d-2 with-sdk=gradio", "ok", space("d-2", sdk="docker"), each={"demo": "ok", "d-2": "skipped"}),
    cell("a bulk restart of nothing", "restart 'acme/nothing-*'", "skipped", says="no Space was selected"),
    cell("exclude that protects", "pause 'acme/d*' exclude=acme/d-2", "ok", space("d-2"), sent="pause", each={"demo": "ok"}),
    cell("few requests are left", "wait acme/demo", "ok", space(commit=None, stage="BUILDING", timeline=(Phase(60, "RUNNING", commit=HEAD),)), quota(5), within=(60, 330)),
    cell("a commit that is served, of a Space that is broken", f"wait acme/demo commit={NEW[:7]}", "failed", space(stage="RUNTIME_ERROR")),
    cell("a Space in pieces", "wait acme/demo", "unreachable", fault(Kind.MISSING_FIELDS, path=LOOK, times=None), within=(290, 350)),
]  # fmt: skip


@table(DEFINITE)
def test_a_definite_answer_is_no_silence(cell, play):
    """What is gone is gone after ten seconds, and what flaps is not; silence has five minutes."""
    play(cell)


@table(GREEN)
def test_green_is_looked_at(cell, play):
    """Where nothing needs sending, all else that was asked for is waited for all the same."""
    play(cell)
