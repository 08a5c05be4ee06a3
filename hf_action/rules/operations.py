"""What each operation is: one row an operation, and the writes that they send.

A row says all that is particular to an operation; inputs, help, batch and the post step ask it. Everything here is a
value or a pure function: a `Write` names the function of huggingface_hub that sends it, and what shows its effect.

Source: docs/contract.md, "Operations".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hf_action.rules.models import FREE_FLAVOR, NEVER, SpaceRuntime
from hf_action.rules.stages import Kind, kind_of


@dataclass(frozen=True, slots=True)
class Wish:
    """What a step may ask of a Space, stages aside, by the names of Settings. Times are in seconds, NEVER for never."""

    hardware: str | None = None
    sleep_time: int | None = None
    factory_reboot: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """One request that changes a Space.

    `function` of huggingface_hub's HfApi gets the Space and the `arguments`. `has_effect` tells from the runtime before
    and the runtime now whether the write has had its own effect, and not only another one.
    """

    name: str
    function: str
    has_effect: Callable[[SpaceRuntime, SpaceRuntime], bool]
    arguments: Mapping[str, object] = field(default_factory=dict)
    detail: str = ""  # what of its name people want to know besides


# How far a Space has come on its way to serving. One that has gone back has been restarted; one that has only gone on
# may have done so by itself.
_WAY = {
    "BUILDING": 0,
    "RUNNING_BUILDING": 0,
    "APP_STARTING": 1,
    "RUNNING_APP_STARTING": 1,
    "RUNNING": 2,
}
# What a Space becomes when a build is begun and fails, and never by itself.
_ENDS_OF_BUILDS = frozenset({"BUILD_ERROR", "CONFIG_ERROR", "NO_APP_FILE"})


def has_restarted(before: SpaceRuntime, now: SpaceRuntime) -> bool:
    """Whether a Space shows the effect of a restart, which its own way from stage to stage does not explain."""
    if kind_of(before.stage) is Kind.MOVING:
        there, here = _WAY.get(before.stage), _WAY.get(now.stage)
        return there is not None and here is not None and here < there
    came = kind_of(now.stage) in (Kind.MOVING, Kind.LIVE) or now.stage in _ENDS_OF_BUILDS
    return now.stage != before.stage and came


def restart(*, factory_reboot: bool = False) -> Write:
    """Return the write that restarts a Space."""
    arguments = {"factory_reboot": True} if factory_reboot else {}
    detail = "without cache" if factory_reboot else ""
    return Write("restart", "restart_space", arguments=arguments, has_effect=has_restarted, detail=detail)


def pause() -> Write:
    """Return the write that pauses a Space."""
    return Write("pause", "pause_space", has_effect=lambda _, now: now.stage == "PAUSED")


def request_hardware(flavor: str, sleep_time: int | None = None) -> Write:
    """Return the write that asks for other hardware, and with it maybe for a sleep time."""
    arguments: dict[str, object] = {"hardware": flavor}
    detail = flavor
    if sleep_time is not None:
        arguments["sleep_time"] = sleep_time
        detail += f" with sleep-time {sleep_text(sleep_time)}"

    def has_effect(_: SpaceRuntime, now: SpaceRuntime) -> bool:
        return now.requested_hardware == flavor and sleep_time in (None, now.sleep_time)

    return Write("hardware", "request_space_hardware", arguments=arguments, has_effect=has_effect, detail=detail)


def set_sleep_time(seconds: int) -> Write:
    """Return the write that sets the sleep time."""
    return Write(
        "sleep-time",
        "set_space_sleep_time",
        arguments={"sleep_time": seconds},
        has_effect=lambda _, now: now.sleep_time == seconds,
        detail=sleep_text(seconds),
    )


# ---- what undoes a write, after the job ----


@dataclass(frozen=True, slots=True)
class SavedState:
    """How a Space was before the step, and what the step asked for. Times are in seconds, NEVER for never."""

    space: str
    operation: str
    paused: bool
    hardware: str | None = None
    sleep_time: int | None = None  # None: the Hub did not say
    asked_hardware: str | None = None
    asked_sleep_time: int | None = None


@dataclass(frozen=True, slots=True)
class Undo:
    """One thing that puts a Space back, or the reason why it is left alone."""

    note: str
    write: Write | None = None


UndoPart = Callable[[SavedState, SpaceRuntime], Undo | None]


def hardware_back(saved: SavedState, now: SpaceRuntime) -> Undo | None:
    """Put the hardware back, with the sleep time that it had: other hardware begins with one of its own."""
    current = now.requested_hardware or now.hardware
    if not saved.hardware or saved.hardware == saved.asked_hardware:
        return sleep_time_back(saved, now)
    if current == saved.hardware:
        return Undo(f"the hardware is {current} again already")
    if current != saved.asked_hardware:
        return Undo(f"hardware left alone: it is {current} by now, not {saved.asked_hardware}")
    sleep_time = None if saved.hardware == FREE_FLAVOR else saved.sleep_time
    return Undo(f"hardware back to {saved.hardware}", request_hardware(saved.hardware, sleep_time))


def sleep_time_back(saved: SavedState, now: SpaceRuntime) -> Undo | None:
    """Put the sleep time back."""
    if saved.asked_sleep_time is None or saved.sleep_time in (None, saved.asked_sleep_time):
        return None
    if now.sleep_time == saved.sleep_time:
        return Undo("the sleep time is as it was already")
    if now.sleep_time != saved.asked_sleep_time:
        return Undo("sleep time left alone: somebody has changed it")
    return Undo(f"sleep time back to {sleep_text(saved.sleep_time)}", set_sleep_time(saved.sleep_time))


def pause_again(saved: SavedState, now: SpaceRuntime) -> Undo | None:
    """Pause a Space that was paused. One that slept is left to fall asleep by itself."""
    if not saved.paused or kind_of(now.stage) is Kind.RESTING or now.stage == "DELETING":
        return None
    return Undo("paused again", pause())


# ---- when nothing needs sending: what holds already, for people; empty where something has to be sent ----


def _never(_: Wish, __: SpaceRuntime) -> str:
    return ""


def _is_paused(_: Wish, now: SpaceRuntime) -> str:
    return "PAUSED" if now.stage == "PAUSED" else ""


def _runs_on(wish: Wish, now: SpaceRuntime) -> str:
    on = now.hardware == wish.hardware and now.requested_hardware in (None, wish.hardware)
    return f"{now.stage} on {wish.hardware}" if on and wish.sleep_time in (None, now.sleep_time) else ""


def _sleeps_so(wish: Wish, now: SpaceRuntime) -> str:
    return f"the sleep time is {sleep_text(wish.sleep_time)}" if now.sleep_time == wish.sleep_time else ""


# ---- what is sent ----


def _nothing(_: Wish, __: SpaceRuntime) -> tuple[Write, ...]:
    return ()


def _restart(wish: Wish, now: SpaceRuntime) -> tuple[Write, ...]:
    """A factory reboot alone was seen to leave a PAUSED Space paused (docs/contract.md, "Operations")."""
    if not wish.factory_reboot:
        return (restart(),)
    factory = restart(factory_reboot=True)
    return (restart(), factory) if now.stage == "PAUSED" else (factory,)


def _pause(_: Wish, __: SpaceRuntime) -> tuple[Write, ...]:
    return (pause(),)


def _hardware(wish: Wish, __: SpaceRuntime) -> tuple[Write, ...]:
    assert wish.hardware  # the operation has one, see inputs.settings
    return (request_hardware(wish.hardware, wish.sleep_time),)


def _sleep_time(wish: Wish, __: SpaceRuntime) -> tuple[Write, ...]:
    assert wish.sleep_time is not None  # the operation has one, see inputs.settings
    return (set_sleep_time(wish.sleep_time),)


@dataclass(frozen=True, slots=True)
class Operation:
    """All that is particular to one operation."""

    name: str
    help: str
    writes: bool = False  # whether it always needs the right to change the Space
    changes: bool = False  # whether it may change the Space
    waits_for: str = ""  # the stage that is waited for by default
    any_commit: bool = False  # whether it does not matter which commit is there in the end
    needs: str = ""  # the input it cannot do without
    selected_leaves: frozenset[str] = frozenset()  # stages in which a Space that nobody named is left alone
    deploys: bool = False  # whether it waits for a new commit, in place of which the one before can be put back
    retried: bool = False  # whether it is worth a restart where the Hub is to blame for a failure
    heals: bool = False  # whether it restarts a Space whose app does not answer, as long as it waits for it
    synonyms: str = ""  # other words for it, to name the right one to whoever writes them
    verb: str = ""  # "a static Space has no runtime to …"
    holds_already: Callable[[Wish, SpaceRuntime], str] = _never
    sends: Callable[[Wish, SpaceRuntime], tuple[Write, ...]] = _nothing
    undo: tuple[UndoPart, ...] = ()  # empty: it cannot be undone, and `restore` is refused


OPERATIONS = {
    row.name: row
    for row in (
        Operation(
            "info",
            "Look at each Space once and report it.",
            synonyms="status state stat stats show get describe inspect look check view health",
        ),
        Operation(
            "wait",
            "Wait until each Space is in the stage asked for; change nothing.",
            synonyms="watch await until",
            waits_for="RUNNING",
            deploys=True,
        ),
        Operation(
            "restart",
            "Restart each Space, then wait until the new build runs.",
            synonyms="reboot reload rebuild factory-reboot",
            writes=True,
            changes=True,
            waits_for="RUNNING",
            deploys=True,
            retried=True,
            selected_leaves=frozenset({"PAUSED"}),
            verb="restart",
            sends=_restart,
            undo=(pause_again,),
        ),
        Operation(
            "pause",
            "Pause each Space that is not paused yet, then wait until it is.",
            synonyms="stop suspend shutdown halt",
            writes=True,
            changes=True,
            waits_for="PAUSED",
            any_commit=True,
            verb="pause",
            holds_already=_is_paused,
            sends=_pause,
        ),
        Operation(
            "wake",
            "Make each Space serve: visit it, and restart it only where a visit does not help.",
            synonyms="start resume unpause up",
            changes=True,
            waits_for="RUNNING",
            retried=True,
            heals=True,
            selected_leaves=frozenset(
                {"PAUSED", "STOPPED", "BUILD_ERROR", "RUNTIME_ERROR", "CONFIG_ERROR", "NO_APP_FILE", "DELETING"}
            ),
            verb="wake",
            sends=_restart,
            undo=(pause_again,),
        ),
        Operation(
            "hardware",
            "Ask for other hardware, then wait until each Space runs on it.",
            synonyms="upgrade gpu flavor",
            writes=True,
            changes=True,
            waits_for="RUNNING",
            retried=True,
            needs="hardware",
            verb="put on other hardware",
            holds_already=_runs_on,
            sends=_hardware,
            undo=(hardware_back, pause_again),
        ),
        Operation(
            "sleep-time",
            "Set how long each Space must go without a visit before it sleeps.",
            synonyms="sleep",
            writes=True,
            changes=True,
            needs="sleep-time",
            verb="let sleep",
            holds_already=_sleeps_so,
            sends=_sleep_time,
            undo=(sleep_time_back,),
        ),
        Operation("list", "List the selected Spaces; change nothing.", synonyms="ls ps find search"),
    )
}


def sleep_text(seconds: int | None) -> str:
    """Return a sleep time for people."""
    return "never" if seconds in (None, NEVER) else f"{seconds} s"
