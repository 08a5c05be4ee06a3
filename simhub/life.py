"""One Space's past and future: what it is, what it has written and what visitors meet, each at a time.

A Space's state is a piecewise-constant function of the clock. An event (a restart, a push, ...) at time t drops
what was to begin after t and appends its script instead; that is all the dynamics there is.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from math import inf

from simhub.repository import Repository
from simhub.shapes import Json
from simhub.space import Script, Space, State


@dataclass(frozen=True, slots=True)
class Log:
    """A log so far: when it began, (world seconds, line) each, and whether more may come."""

    began: float
    lines: tuple[tuple[float, str], ...]
    open: bool


@dataclass(slots=True)
class Life:
    """One Space's past and scripted future: segments as (begin, state), each lasting until the next begins."""

    space: Space
    added: float
    history: tuple[tuple[float, State], ...]
    log_began: float
    sleep_time: int | None
    deleted: float = inf
    repository: Repository = field(init=False)
    variables: dict[str, Json] = field(default_factory=dict)
    secrets: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.repository = Repository(self.space)

    @classmethod
    def begin(cls, space: Space, now: float) -> "Life":
        """Return the life of `space`, whose timeline begins `now`."""
        ends = [after for after, _ in (*space.build_log, *space.run_log)]
        life = cls(
            space=space,
            added=now,
            history=((-inf, space.first_state()),),
            log_began=now if space.timeline else now - max(ends, default=0),
            sleep_time=space.sleep_time,
        )
        life.happen(t=now, state=space.first_state(), script=space.timeline)
        return life

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

    def known(self, t: float) -> bool:
        """Tell whether the Hub knows the Space at `t`."""
        return self.added + self.space.unknown_for <= t < self.deleted

    def begins(self) -> list[float]:
        """Return the times at which something may be different from what it was before."""
        edges = [self.added + self.space.unknown_for, self.deleted]
        lags = {0.0, self.space.head_lag, self.space.events_lag}
        return edges + [begin + lag for begin, _ in self.history for lag in lags]

    def head(self, t: float) -> str:
        """Return the head of the repository as the Hub tells it at `t`, which may be late."""
        return self.at(t - self.space.head_lag).head

    def heads(self, t: float, lag: float) -> list[tuple[float, str]]:
        """Return since when which head is told, up to `t`, with so much lag."""
        told = [(begin, state.head) for begin, state in self.history if begin + lag <= t]
        return [now for before, now in pairwise([(inf, ""), *told]) if now[1] != before[1]]

    def siblings(self, t: float) -> list[str]:
        """Return the paths of the files at the head that is told at `t`."""
        repository = self.repository
        if self.space.files is None and not self.space.revisions and not repository.made:
            return [".gitattributes", "README.md", "app.py"]  # without looking, as many Spaces are described at once
        return sorted(repository.history(self.heads(t, lag=self.space.head_lag))[-1].tree.blobs)

    def moved(self, t: float) -> float:
        """Return when the head that is told at `t` was pushed; -inf for the first one."""
        moved, head = -inf, self.history[0][1].head
        for begin, state in self.history:
            if begin + self.space.head_lag <= t and state.head != head:
                moved, head = begin, state.head
        return moved

    def live_since(self, t: float) -> float:
        """Return when the app that is live at `t` took over."""
        since = self.added
        for (_, before), (begin, state) in pairwise(self.history):
            if begin <= t and state.stage == "RUNNING" and before.stage != "RUNNING":
                since = begin
        return since

    def is_held(self, t: float) -> bool:
        """Tell whether the edge still serves its holding page before the live app."""
        return t < self.live_since(t) + self.at(t).holding

    def log(self, kind: str, now: float, date: Callable[[float], datetime]) -> Log:
        """Return the log of `kind` build or run, as far as it is written."""
        space, state, began = self.space, self.at(now), self.log_began
        source = space.build_log if kind == "build" else space.run_log
        lines = [(began + after, line) for after, line in source]
        shown = date(lines[0][0] if lines and kind == "run" else began).strftime("%Y-%m-%d %H:%M:%S")
        if kind == "build" and space.sdk != "static":  # seen in samples/streams.txt
            lines.insert(0, (began, f"===== Build Queued at {shown} / Commit SHA: {self.at(began).head[:7]} ====="))
        elif lines:  # seen in public logs
            lines.insert(0, (lines[0][0], f"===== Application Startup at {shown} ====="))
        written = tuple(line for line in lines if line[0] <= now)
        active = state.stage.endswith("BUILDING") if kind == "build" else state.live and space.sdk != "static"
        return Log(began=began, lines=written, open=active or len(written) < len(lines))

    def settings(self, *, secret: bool) -> dict[str, Json]:
        """Return the variables (or the secrets, without their values) by key."""
        return self.secrets if secret else self.variables

    def set_variable(self, key: str, value: str, description: str | None, updated_at: str, *, secret: bool) -> None:
        """Set a variable or a secret; an absent description keeps the one before."""
        settings = self.settings(secret=secret)
        if description is None:
            description = settings.get(key, {}).get("description")
        shown: Mapping[str, object] = {} if secret else {"value": value}
        kept = {} if description is None else {"description": description}
        settings[key] = {**shown, **kept, "updatedAt": updated_at}
