"""What every Space is at a time: pure, so that a test can play an hour of builds in a moment.

A Space's state is a piecewise-constant function of the clock. An event (a restart, a push, ...) at time t drops
what was to begin after t and appends its script instead; that is all the dynamics there is.
"""

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from math import inf
from typing import Final, Literal

from simhub import access, answers
from simhub.access import Meter, Token
from simhub.answers import Json

COMMIT = "3d2e3a67dc686c9c3abc3aaede5f66cd1fa7434c"
EPOCH = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
FREE_SLEEP_TIME = 172_800  # seconds; fixed on free hardware: huggingface_hub, set_space_sleep_time

TOKENS = {
    "hf_simulatedwrite": Token(name="demo", owners=frozenset({"demo"}), writes=frozenset({"demo"})),
    "hf_simulatedread": Token(name="reader", kind="read", owners=frozenset({"demo"})),
}


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


class ListingSha(Enum):
    """When the runtimes in a listing tell the commit being served."""

    NEVER = "never"
    EXPANDED = "only when expand=runtime is asked for"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Phase:
    """From `after` seconds past the event, the Space is so. `error` is what the Hub says of a broken stage."""

    after: float
    stage: str | Keep
    commit: str | Keep | Head | None = KEEP
    head: str | Keep = KEEP
    hardware: str | Keep | Requested | None = KEEP
    requested_hardware: str | Keep = KEEP
    error: str | None = None

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
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A Space as it is before anything happens.

    `timeline` plays by itself from the moment the Space is added; `scripts` says what an event leads to where
    the default isn't wanted. `build_log` and `run_log` are (seconds after the build began, line). `commit` is
    what the app serves, `head` the repository's; `sleep_time` is in seconds, None for never. `runtime_extra` are
    fields of the runtime to show besides the usual ones, or instead.
    """

    id: str
    sdk: str = "gradio"
    sdk_version: str = "5.29.0"
    private: bool = False
    likes: int = 0
    title: str = ""
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
    build_log: tuple[tuple[float, str], ...] = ()
    run_log: tuple[tuple[float, str], ...] = ()
    runtime_extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """Return the user or organization of the Space."""
        return self.id.partition("/")[0]

    @property
    def tags(self) -> list[str]:
        """Return what a listing can be filtered by."""
        return [self.sdk, "region:us"]

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
        )

    def script(self, event: Event, state: State) -> Script:
        """Return what `event` leads to when the Space is in `state`."""
        if event is Event.FACTORY and event not in self.scripts:
            return self.script(Event.RESTART, state)
        if event in self.scripts:
            return self.scripts[event]
        match event:
            case Event.PAUSE:
                return (Phase(0, "PAUSED"),)
            case Event.VISIT:
                return WAKE
            # "This is the only way to programmatically restart a Space if you've put it on Pause": restart_space
            case Event.PUSH | Event.HARDWARE if state.stage == "PAUSED" or self.sdk == "static":
                return ()
            case _:
                return REBUILD if state.live else BUILD


@dataclass(slots=True)
class Life:
    """One Space's past and scripted future: segments as (begin, state), each lasting until the next begins."""

    space: Space
    history: tuple[tuple[float, State], ...]
    log_began: float
    sleep_time: int | None
    variables: dict[str, Json] = field(default_factory=dict)
    secrets: dict[str, Json] = field(default_factory=dict)

    def at(self, t: float) -> State:
        """Return the state at `t`."""
        history = self.history  # replaced as a whole by happen(), maybe in another thread
        return history[bisect_right(history, t, key=lambda segment: segment[0]) - 1][1]

    def happen(self, t: float, state: State, script: Script) -> None:
        """Become `state` at `t`, follow `script` from there, and forget what was to come."""
        segments = [segment for segment in self.history if segment[0] <= t]
        if state != segments[-1][1]:
            segments.append((t, state))
        for phase in sorted(script, key=lambda phase: phase.after):
            segments.append((t + phase.after, segments[-1][1].then(phase)))
        self.history = tuple(segments)

    def moved(self, t: float) -> float:
        """Return when the head of time `t` was pushed; -inf for the first one."""
        moved, head = -inf, self.history[0][1].head
        for begin, state in self.history:
            if begin <= t and state.head != head:
                moved, head = begin, state.head
        return moved


@dataclass(frozen=True, slots=True)
class Log:
    """A log so far: when it began, (world seconds, line) each, and whether more may come."""

    began: float
    lines: tuple[tuple[float, str], ...]
    open: bool


@dataclass(slots=True)
class World:
    """All Spaces, at the time that `now` tells in seconds.

    `tokens` maps the secret to what it may do. `listing_lag` is how many seconds listings are behind,
    `listing_sha` when they tell the commit being served. `epoch` is the date of second 0.
    Methods that name a Space raise KeyError for one that isn't there (admit refuses as the Hub does), and
    Refusal where the Hub would refuse. `hardware` is what GET /api/spaces/hardware answers.
    """

    now: Callable[[], float]
    tokens: Mapping[str, Token] = field(default_factory=lambda: dict(TOKENS))
    hardware: list[Json] = field(default_factory=lambda: [dict(flavor) for flavor in answers.HARDWARE])
    meter: Meter = field(default_factory=Meter)
    listing_lag: float = 0.0
    listing_sha: ListingSha = ListingSha.EXPANDED
    epoch: datetime = EPOCH
    _lives: dict[str, Life] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, space: Space) -> None:
        """Let `space` exist from now on; its timeline begins."""
        now = self.now()
        ends = [after for after, _ in (*space.build_log, *space.run_log)]
        life = Life(
            space=space,
            history=((-inf, space.first_state()),),
            log_began=now if space.timeline else now - max(ends, default=0),
            sleep_time=space.sleep_time,
        )
        life.happen(t=now, state=space.first_state(), script=space.timeline)
        self._lives[space.id] = life

    def date(self, t: float) -> datetime:
        """Return the date of world second `t`."""
        return self.epoch + timedelta(seconds=t)

    def authenticate(self, secret: str | None) -> Token | None:
        """Return the token of `secret`, None for an anonymous caller; raises Refusal for an unknown one."""
        if secret is not None and secret not in self.tokens:
            raise access.bad_credentials()
        return self.tokens[secret] if secret is not None else None

    def sees(self, id: str, token: Token | None) -> bool:
        """Tell whether the Space exists for the holder of `token`."""
        life = self._lives.get(id)
        return life is not None and (not life.space.private or (token is not None and life.space.owner in token.owners))

    def admit(self, id: str, token: Token | None, *, write: bool = False) -> None:
        """Raise Refusal unless the holder of `token` may see the Space, and change it if `write`."""
        if not self.sees(id, token):
            raise access.login_wanted() if token is None else access.not_found()
        if not write:
            return
        if token is None:
            raise access.login_wanted()
        if not token.may_write(self._lives[id].space.owner):
            raise access.forbidden()

    def state(self, id: str) -> State:
        """Return what the Space is now."""
        return self._lives[id].at(self.now())

    def next_change(self) -> float:
        """Return the world second at which a Space will be another next; inf where all stays as it is."""
        now = self.now()
        begins = (begin for life in list(self._lives.values()) for begin, _ in life.history)
        return min((begin for begin in begins if begin > now), default=inf)

    def runtime(self, id: str, ahead: float = 0.0) -> Json:
        """Return the runtime as the Hub shows it, now or `ahead` seconds later."""
        life = self._lives[id]
        return answers.runtime(space=life.space, state=life.at(self.now() + ahead), sleep_time=life.sleep_time)

    def describe(self, id: str, endpoint: str = "", expand: Iterable[str] = ()) -> Json:
        """Return the whole Space as the Hub shows it, or only the `expand`ed properties; raises Refusal."""
        return answers.expanded(self._description(id=id, t=self.now(), endpoint=endpoint), expand=tuple(expand))

    def entry(self, id: str, endpoint: str = "", expand: Iterable[str] = (), *, full: bool = False) -> Json:
        """Return the Space as a listing shows it; raises Refusal."""
        expand = tuple(expand)
        description = self._description(id=id, t=self.now() - self.listing_lag, endpoint=endpoint)
        if self.listing_sha is ListingSha.NEVER or (self.listing_sha is ListingSha.EXPANDED and not expand):
            description["runtime"].pop("sha", None)
        if expand:
            return answers.expanded(description, expand=expand)
        entry = answers.entry(space=self._lives[id].space, description=description)
        return description | entry if full else entry

    def select(
        self,
        token: Token | None = None,
        author: str | None = None,
        search: str | None = None,
        filters: Iterable[str] = (),
        sort: str = "trendingScore",
        *,
        ascending: bool = False,
    ) -> list[str]:
        """Return the ids of the Spaces that a listing shows, in its order; raises Refusal for an unknown sort."""
        wanted, needle = frozenset(filters), (search or "").lower()
        found = [
            life
            for id, life in list(self._lives.items())  # a copy, as another thread may add
            if self.sees(id, token)
            and author in (None, life.space.owner)
            and needle in f"{id} {life.space.title}".lower()
            and wanted <= set(life.space.tags)
        ]
        keys = {
            "trendingScore": lambda _: 0,  # nothing trends here: the order of adding
            "likes": lambda life: life.space.likes,
            "createdAt": lambda life: life.space.created_at,
            "lastModified": lambda life: self._last_modified(life, t=self.now() - self.listing_lag),
        }
        if sort not in keys:
            raise access.bad_request(f"Invalid sort parameter: {sort}")
        found.sort(key=keys[sort], reverse=not ascending)
        return [life.space.id for life in found]

    def logs(self, id: str, kind: str) -> Log:
        """Return the log of `kind` build or run, as far as it is written."""
        life, now = self._lives[id], self.now()
        space, state, began = life.space, life.at(now), life.log_began
        source = space.build_log if kind == "build" else space.run_log
        lines = [(began + after, line) for after, line in source]
        date = self.date(lines[0][0] if lines and kind == "run" else began).strftime("%Y-%m-%d %H:%M:%S")
        if kind == "build" and space.sdk != "static":  # seen in samples/streams.txt
            lines.insert(0, (began, f"===== Build Queued at {date} / Commit SHA: {life.at(began).head[:7]} ====="))
        elif lines:  # seen in public logs
            lines.insert(0, (lines[0][0], f"===== Application Startup at {date} ====="))
        written = tuple(line for line in lines if line[0] <= now)
        active = state.stage.endswith("BUILDING") if kind == "build" else state.live and space.sdk != "static"
        return Log(began=began, lines=written, open=active or len(written) < len(lines))

    def restart(self, id: str, *, factory: bool = False) -> Json:
        """Restart the Space and return its runtime; raises Refusal for a static one.

        The answer shows where the script leads first, even while later looks still show the old stage.
        """
        script = self._happen(id, event=Event.FACTORY if factory else Event.RESTART)
        return self.runtime(id, ahead=min((phase.after for phase in script), default=0.0))

    def pause(self, id: str) -> Json:
        """Pause the Space and return its runtime; raises Refusal for a static one."""
        self._happen(id, event=Event.PAUSE)
        return self.runtime(id)

    def push(self, id: str, sha: str) -> Json:
        """Make `sha` the head of the repository and return the runtime."""
        self._happen(id, event=Event.PUSH, head=sha)
        return self.runtime(id)

    def visit(self, id: str) -> State:
        """Visit the app, which wakes a sleeping one; return what the Space is now."""
        if self.state(id).stage == "SLEEPING":
            self._happen(id, event=Event.VISIT)
        return self.state(id)

    def request_hardware(
        self, id: str, flavor: str, sleep_time_seconds: int | None = None, *, can_pay: bool = True
    ) -> Json:
        """Ask for other hardware and return the runtime; raises Refusal when it cannot be had."""
        free = self._is_free(flavor)
        if not free and not can_pay:
            raise access.payment_wanted()
        if free and sleep_time_seconds is not None:
            raise access.bad_request(f"Cannot change the sleep time for {flavor} Spaces")
        self._happen(id, event=Event.HARDWARE, requested_hardware=flavor)
        self._lives[id].sleep_time = FREE_SLEEP_TIME if free else _never_if_negative(sleep_time_seconds)
        return self.runtime(id)

    def set_sleep_time(self, id: str, seconds: int) -> Json:
        """Let the Space sleep after so many idle seconds (-1: never) and return the runtime; raises Refusal."""
        flavor = self.state(id).requested_hardware
        if self._lives[id].space.sdk == "static" or self._is_free(flavor):
            raise access.bad_request(f"Cannot change the sleep time for {flavor} Spaces")
        self._lives[id].sleep_time = _never_if_negative(seconds)
        return self.runtime(id)

    def variables(self, id: str, *, secret: bool = False) -> dict[str, Json]:
        """Return the variables (or the secrets, without their values) by key."""
        life = self._lives[id]
        return life.secrets if secret else life.variables

    def set_variable(self, id: str, key: str, value: str, description: str | None, *, secret: bool = False) -> None:
        """Set a variable or a secret; an absent description keeps the one before."""
        settings = self.variables(id, secret=secret)
        if description is None:
            description = settings.get(key, {}).get("description")
        shown = {} if secret else {"value": value}
        shown |= {} if description is None else {"description": description}
        settings[key] = shown | {"updatedAt": answers.iso(self.date(self.now()))}

    def delete_variable(self, id: str, key: str, *, secret: bool = False) -> None:
        """Delete a variable or a secret; one that isn't there is no mistake."""
        self.variables(id, secret=secret).pop(key, None)

    def _happen(self, id: str, event: Event, **changes: str) -> Script:
        life = self._lives[id]
        if life.space.sdk == "static" and event is not Event.PUSH:
            raise access.bad_request("Static Spaces cannot be restarted or paused")
        with self._lock:
            now = self.now()
            before = life.at(now)
            script = life.space.script(event=event, state=before)
            life.happen(t=now, state=replace(before, **changes), script=script)
            if script and event is not Event.PAUSE:
                life.log_began = now
        return script

    def _is_free(self, flavor: str) -> bool:
        for known in self.hardware:
            if known["name"] == flavor:
                return not known["unitCostMicroUSD"]
        raise access.bad_request(f"Invalid hardware flavor: {flavor}")  # wording not seen

    def _last_modified(self, life: Life, t: float) -> str:
        moved = life.moved(t)
        return life.space.last_modified if moved == -inf else answers.iso(self.date(moved))

    def _description(self, id: str, t: float, endpoint: str) -> Json:
        life = self._lives[id]
        state = life.at(t)
        return answers.description(
            space=life.space,
            state=state,
            runtime=answers.runtime(space=life.space, state=state, sleep_time=life.sleep_time),
            last_modified=self._last_modified(life, t=t),
            endpoint=endpoint,
        )


def _never_if_negative(seconds: int | None) -> int | None:
    return None if seconds is None or seconds < 0 else seconds
