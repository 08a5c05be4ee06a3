"""What a Space is made of: its state, its script, and what an event leads to. Pure, and knows of nothing else here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from math import inf
from typing import Final, Literal

from simhub.app import App
from simhub.files import Files

COMMIT = "3d2e3a67dc686c9c3abc3aaede5f66cd1fa7434c"
FREE_SLEEP_TIME = 172_800  # seconds; fixed on free hardware: huggingface_hub, set_space_sleep_time
# What the Hub says of a Space that it stopped or refuses to start: tests/samples/evidence.json.
FREE_QUOTA_EXCEEDED = "Quota exceeded for flavor cpu-basic (requested=1): current=0, limit=0"
BLOCKED = "Blocked by abuse-handler by rule: Cloudflare"
COLLISION = "Collision on variables and secrets names."


class Mark(Enum):
    """Values of a Phase that are known only once it begins."""

    KEEP = "as before"
    HEAD = "the repository's head of that moment"
    REQUESTED = "the hardware requested at that moment"


KEEP: Final = Mark.KEEP
HEAD: Final = Mark.HEAD
REQUESTED: Final = Mark.REQUESTED
Keep = Literal[Mark.KEEP]
Head = Literal[Mark.HEAD]
Requested = Literal[Mark.REQUESTED]


class Event(StrEnum):
    """What can happen to a Space from outside."""

    RESTART = "restart"
    FACTORY = "factory"
    PAUSE = "pause"
    PUSH = "push"
    VISIT = "visit"
    HARDWARE = "hardware"


class StatusEvents(Enum):
    """What the stream of a Space's status events is worth."""

    TRUE = "the stage is told as it opens, and each change"
    TERSE = "each change is told, and nothing as it opens"
    SILENT = "it opens, and tells nothing but that it lives"
    LYING = "it goes on telling changes that are none, and none that is"
    ENDING = "it ends at once"
    MISSING = "there is none: 404"


@dataclass(frozen=True, slots=True)
class Phase:
    """From `after` seconds past the event, the Space is so.

    `error` is what the Hub says of a stage, `runtime` what else its runtime shows while it lasts. Once the app is live,
    the edge goes on serving its holding page for `holding` seconds.
    """

    after: float
    stage: str | Keep
    commit: str | Keep | Head | None = KEEP
    head: str | Keep = KEEP
    hardware: str | Keep | Requested | None = KEEP
    requested_hardware: str | Keep = KEEP
    error: str | None = None
    holding: float | Keep = KEEP
    runtime: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.after >= 0:
            raise ValueError(f"a phase begins with or after its event, not {self.after} s")


Script = tuple[Phase, ...]

REBUILD: Script = (
    Phase(1, "RUNNING_BUILDING"),
    Phase(12, "RUNNING_APP_STARTING"),
    Phase(20, "RUNNING", commit=HEAD, hardware=REQUESTED),
)
BUILD: Script = (
    Phase(0, "BUILDING"),
    Phase(12, "APP_STARTING"),
    Phase(20, "RUNNING", commit=HEAD, hardware=REQUESTED),
)
WAKE: Script = (
    Phase(1, "APP_STARTING"),
    Phase(10, "RUNNING", commit=HEAD, hardware=REQUESTED),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a Space is during one segment of its history."""

    stage: str
    commit: str | None
    head: str
    hardware: str | None
    requested_hardware: str
    error: str | None = None
    holding: float = 0.0
    runtime: Mapping[str, object] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        """Tell whether the app answers: in RUNNING, RUNNING_BUILDING, and whatever else may begin so."""
        return self.stage.startswith("RUNNING")

    def then(self, phase: Phase) -> "State":
        """Return the state that `phase` turns this one into."""
        head = self.head if phase.head is KEEP else phase.head
        requested = self.requested_hardware if phase.requested_hardware is KEEP else phase.requested_hardware
        commit = head if phase.commit is HEAD else phase.commit
        hardware = requested if phase.hardware is REQUESTED else phase.hardware
        return State(
            stage=self.stage if phase.stage is KEEP else phase.stage,
            commit=self.commit if commit is KEEP else commit,
            head=head,
            hardware=self.hardware if hardware is KEEP else hardware,
            requested_hardware=requested,
            error=self.error if phase.stage is KEEP else phase.error,
            holding=self.holding if phase.holding is KEEP else phase.holding,
            runtime=dict(self.runtime if phase.stage is KEEP else {}) | dict(phase.runtime),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A Space as it is before anything happens.

    Its history: `timeline` plays by itself from the moment the Space is added; `scripts` says what an event leads to
    where the default isn't wanted, `refusals` which event is refused with what (status, message). `commit` is what
    the app serves, `head` the repository's, which is told `head_lag` seconds late. In `dev_mode` a push rebuilds
    nothing. A hot reload changes the served commit if `hot_reload_sha`. The Hub does not know the Space for its first
    `unknown_for` seconds.

    Its repository: `past` are the commits before the head, oldest first, `revisions` the files of commits by sha.
    A commit that is not among them has `files` (or a few usual ones), and an app.py that is its own.

    What it shows: `build_log` and `run_log` are (seconds after the build began, line). `sleep_time` is in seconds,
    None for never. `runtime_extra` are fields of the runtime to show besides the usual ones, or instead.
    `listing_lag` is how many seconds listings are behind in this Space, or in each named property of it; None: as the
    World says. `app` is what the app answers; the edge serves its holding page for `holding` seconds before it.

    Its streams: status events come `events_lag` seconds late, and no more than `events_told` changes are told; then the
    stream only lives. The stream of the build log closes with the build, if `log_closes`.
    """

    id: str
    sdk: str = "gradio"
    sdk_version: str = "5.29.0"
    private: bool = False
    likes: int = 0
    title: str = ""
    card_tags: tuple[str, ...] = ()
    last_modified: str = "2026-07-21T13:20:06.000Z"
    created_at: str = "2025-08-22T02:55:22.000Z"
    stage: str = "RUNNING"
    commit: str | Head | None = HEAD
    head: str = COMMIT
    hardware: str | None = "cpu-basic"
    requested_hardware: str | Keep = KEEP
    sleep_time: int | None = FREE_SLEEP_TIME
    error: str | None = None
    timeline: Script = ()
    scripts: Mapping[str, Script] = field(default_factory=dict)
    refusals: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    build_log: tuple[tuple[float, str], ...] = ()
    run_log: tuple[tuple[float, str], ...] = ()
    runtime_extra: Mapping[str, object] = field(default_factory=dict)
    app: App = ()
    holding: float = 0.0
    dev_mode: bool = False
    hot_reload_sha: bool = True
    head_lag: float = 0.0
    unknown_for: float = 0.0
    listing_lag: float | Mapping[str, float] | None = None
    status_events: StatusEvents = StatusEvents.TRUE
    events_lag: float = 0.0
    events_told: float = inf
    log_closes: bool = True
    past: tuple[str, ...] = ()
    files: Files | None = None
    revisions: Mapping[str, Files] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """Return the user or organization of the Space."""
        return self.id.partition("/")[0]

    @property
    def tags(self) -> list[str]:
        """Return what a listing can be filtered by."""
        return [*self.card_tags, self.sdk, "region:us"]

    def first_state(self) -> State:
        """Return the state before anything happens."""
        requested = self.requested_hardware
        return State(
            stage=self.stage,
            commit=self.head if self.commit is HEAD else self.commit,
            head=self.head,
            hardware=self.hardware,
            requested_hardware=(self.hardware or "cpu-basic") if requested is KEEP else requested,
            error=self.error,
            holding=self.holding,
        )

    def script(self, event: Event, state: State) -> Script:
        """Return what `event` leads to when the Space is in `state`."""
        if event in self.scripts:
            return self.scripts[event]
        match event:
            case Event.FACTORY if state.stage == "PAUSED":
                return ()  # seen once: it answered well and left the Space paused
            case Event.FACTORY:
                return self.script(Event.RESTART, state)
            case Event.PAUSE:
                return (Phase(0, "PAUSED"),)
            case Event.VISIT:
                return WAKE
            # "This is the only way to programmatically restart a Space if you've put it on Pause": restart_space
            case Event.PUSH if self.dev_mode:
                return ()
            case Event.PUSH | Event.HARDWARE if state.stage == "PAUSED" or self.sdk == "static":
                return ()
            case _:
                return REBUILD if state.live else BUILD
