"""Looks at Spaces, one by one or many with one listing, and keeps what was seen in their tracks.

A listing may lag behind, so it is only a hint: what it says of a Space is taken when it is what the Space's own
runtime said last; any news, and whatever would end the wait, is read from the runtime itself.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from threading import Thread
from typing import Protocol, TypeVar

from hf_action import waiting
from hf_action.errors import ActionError, Outcome, Unreachable
from hf_action.facts import Description, Runtime
from hf_action.gantt import Moment
from hf_action.report import plain
from hf_action.selection import Query
from hf_action.settings import Settings
from hf_action.stages import STAGES, Kind, kind_of
from hf_action.waiting import Clock, Goal, Observation, Quota, Verdict

# Seconds after which the repository's head is read again while another commit than the wanted one is live.
HEAD_AGE = 60.0
# Requests that are left for waiting when many writes are sent, and for a round of listings when many looks are.
RESERVE_OF_WRITES = 60
RESERVE_OF_LOOKS = 30
# What counts as the number of Spaces of an owner whose listing is refused: so many pages are never worth it.
NO_LISTING = 10**9
# Characters of the Space's own error message that are shown.
LONGEST_ERROR = 300

Item = TypeVar("Item")


class Hub(Protocol):
    """The questions and requests that operations need; see hub.py for what each raises."""

    def describe(self, space: str, *, patient: bool = True) -> Description: ...
    def spaces(self, query: Query, *, patient: bool = True) -> list[Description]: ...
    def look(self, space: str) -> Runtime: ...
    def head(self, space: str) -> str | None: ...
    def probe(self, url: str, space: Description) -> str: ...
    def log_tail(self, space: str, *, build: bool, lines: int) -> list[str]: ...
    def prices(self) -> dict[str, float]: ...
    def restart(self, space: str, *, factory_reboot: bool) -> Runtime | None: ...
    def pause(self, space: str) -> Runtime | None: ...
    def request_hardware(self, space: str, *, flavor: str, sleep_time: int | None) -> Runtime | None: ...
    def set_sleep_time(self, space: str, *, seconds: int) -> Runtime | None: ...
    def quota_wait(self, reserve: int) -> float: ...
    def quota(self) -> Quota | None: ...
    def listen(self, space: str, notice: Callable[[], bool]) -> None: ...


class Log(Protocol):
    """Where a line goes that people read while they wait."""

    def say(self, text: str) -> None: ...
    def tell(self, track: "Track", text: str) -> None: ...
    def status(self, text: str) -> None: ...
    def debug(self, text: str) -> None: ...
    def group(self, title: str, lines: Sequence[str]) -> None: ...


@dataclass(slots=True)
class Track:
    """All that one Space went through in this step."""

    space: str
    settings: Settings
    listed: Description | None = None  # by the listing it was chosen from; None: it was named
    before: Description | None = None
    after: Description | None = None
    head_read: float = 0.0
    goal: Goal | None = None
    history: list[Observation] = field(default_factory=list)
    timeline: list[Moment] = field(default_factory=list)
    touched: bool = False  # whether a change is about to be sent, or was
    sent: bool = False  # whether a change may have reached the Hub
    changed: bool = False
    verdict: Verdict | None = None
    ended: float = 0.0
    tail: list[str] = field(default_factory=list)

    @property
    def found(self) -> Description:
        """The Space as the first look found it; there is none before that look."""
        assert self.before
        return self.before

    @property
    def latest(self) -> Description:
        """The Space as it was seen last; there is none before the first look."""
        assert self.after
        return self.after

    @property
    def stage(self) -> str:
        """The stage seen last."""
        return self.latest.runtime.stage


def spread(items: Iterable[Item], work: Callable[[Item], None], *, width: int) -> None:
    """Do `work` on each item, at most `width` at once; raises the first error that `work` raised.

    The threads are daemons: a cancelled step does not wait for them.
    """
    waiting_items = list(items)
    errors: list[Exception] = []
    if len(waiting_items) < 2:
        for item in waiting_items:
            work(item)
        return
    waiting_items.reverse()

    def toil() -> None:
        while not errors:
            try:
                item = waiting_items.pop()
            except IndexError:  # nothing is left
                return
            try:
                work(item)
            except Exception as error:  # noqa: BLE001 - raised again in the main thread
                errors.append(error)

    threads = [Thread(target=toil, daemon=True) for _ in range(min(width, len(waiting_items)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        waiting_items.clear()  # cancelled: nothing more is begun
    if errors:
        raise errors[0]


class Lookout:
    """Looks for a campaign, until its deadline."""

    def __init__(self, *, hub: Hub, clock: Clock, log: Log, began: float, deadline: float, width: int) -> None:
        self._hub = hub
        self._clock = clock
        self._log = log
        self._began = began
        self._deadline = deadline
        self._width = width
        self._owned: dict[str, int] = {}  # how many Spaces an owner's listing has

    def first(self, track: Track) -> None:
        """Look at a Space for the first time, unless the listing it was chosen from did; raises ActionError."""
        self._log.status(f"{track.space}: first look")
        track.before = track.listed or self._hub.describe(track.space)
        track.head_read = self._clock.now()
        self._notice(track, track.before, track.head_read)

    def look(self, track: Track) -> Observation:
        """Look at the runtime of a Space once; no usable answer is an observation too."""
        now = self._clock.now()
        silent = bool(track.history) and track.history[-1].stage is None
        try:
            seen = self._ask(track)
        except ActionError as error:
            if not silent:
                self.say(track, f"no usable answer: {error} — going on")
            return Observation(at=now, problem=str(error), retry_after=getattr(error, "retry_after", None))
        if silent:
            self.say(track, "the Hub answers again")
        runtime = seen.runtime
        moved = _identity(runtime) != _identity(track.latest.runtime)
        if self._wants_head(track, runtime, moved=moved, now=now):
            # Without an answer an older head is no reason to call a commit superseded; see judge.
            seen = seen.at_head(self._head(track) or (None if _misses(track, runtime) else seen.head))
        if moved:
            self._notice(track, seen, now)
        track.after = seen
        return self.observation(track, now)

    def _ask(self, track: Track) -> Description:
        """Return the Space as it is now.

        What a mere wait was told by a listing may be from before it began, so its own first look begins it anew.
        """
        goal = track.goal
        if not goal or goal.acted or track.before is not track.listed:
            return track.latest.now(self._hub.look(track.space))
        track.before = whole = self._hub.describe(track.space, patient=False)
        track.goal = replace(goal, before=whole.runtime.stage, head=whole.head)
        track.history.clear()
        return whole

    def observe(self, tracks: Sequence[Track]) -> dict[str, Observation]:
        """Look at all `tracks` once: by one listing an owner where that is cheaper, else one by one."""
        looks: dict[str, Observation] = {}
        alone: list[Track] = []
        for owner, group in groupby(sorted(tracks, key=_owner), key=_owner):
            some = list(group)
            if len(some) > self._pages(owner):
                alone += self._by_listing(owner, some, looks)
            else:
                alone += some

        def one(track: Track) -> None:
            if self._clock.now() < self._deadline and not self.quota_wait():
                looks[track.space] = self.look(track)

        spread(alone, one, width=self._width)
        return looks

    def quota_wait(self) -> float:
        """Return the seconds until there are requests again, where a round of listings is all that is left."""
        return self._hub.quota_wait(
            RESERVE_OF_LOOKS + sum(self._pages(owner) for owner, owned in self._owned.items() if owned < NO_LISTING)
        )

    def requests(self, tracks: Sequence[Track]) -> int:
        """Return how many requests it takes to look at all `tracks` once."""
        counts = Counter(map(_owner, tracks))
        return sum(min(count, self._pages(owner)) for owner, count in counts.items())

    def _pages(self, owner: str) -> int:
        return -(-self._owned.get(owner, 1) // 100)

    def _by_listing(self, owner: str, tracks: Sequence[Track], looks: dict[str, Observation]) -> list[Track]:
        """Add the observations that one listing gives; return the Spaces that need a look of their own."""
        now = self._clock.now()
        try:
            spaces = self._hub.spaces(Query(author=owner, search=None), patient=False)
        except Unreachable as error:
            problem = Observation(at=now, problem=str(error), retry_after=error.retry_after)
            looks.update({track.space: problem for track in tracks})
            return []
        except ActionError:  # this Hub, or this token, has no listing: it is not asked for again
            self._owned[owner] = NO_LISTING
            return list(tracks)
        listed = {space.id.lower(): space for space in spaces}
        self._owned[owner] = len(listed) or NO_LISTING
        alone = []
        for track in tracks:
            hint = listed.get(track.space.lower())
            look = self._believe(track, hint.runtime, now) if hint else None
            if look:
                looks[track.space] = look
            else:
                alone.append(track)
        return alone

    def _believe(self, track: Track, hint: Runtime, now: float) -> Observation | None:
        """Return what a listing says where that is no news and ends nothing; None: look at the runtime itself."""
        known = track.latest.runtime
        if track.settings.operation == "pause" and track.sent and hint.stage == "PAUSED":
            # The answer to the write said so, too, and a stage from before the write would be that of `before`.
            self._notice(track, track.latest.now(hint), now)
            return self.observation(track, now)
        if not track.goal or hint.requested_hardware != known.requested_hardware:
            return None
        last = next((look for look in reversed(track.history) if look.stage), None)
        same = hint.stage == known.stage and hint.commit in (None, known.commit)
        moving = kind_of(hint.stage) is Kind.MOVING
        if same:  # what is as before the action proves nothing, and so harms nothing; a move may be one from before it
            credible = last is not None or not moving or not track.goal.acted
        else:
            credible = last is not None and last.kind is Kind.MOVING and moving
        look = self._seen(track, now)
        decides = waiting.judge(track.goal, [*track.history, look], now)
        asks = track.goal.health and waiting.reached(track.goal, look)  # the app, which no listing does
        return look if credible and not decides and not asks else None

    def observation(self, track: Track, at: float) -> Observation:
        """Return what is known of a Space as a look, with the health of its app where that is what is missing."""
        look = self._seen(track, at)
        address = track.settings.health_check
        if address and track.goal and track.goal.health and waiting.reached(track.goal, look):
            return replace(look, ailment=self._probe(track, address))
        return look

    def _seen(self, track: Track, at: float) -> Observation:
        runtime = track.latest.runtime
        return Observation(
            at=at,
            stage=runtime.stage,
            commit=runtime.commit,
            head=track.latest.head,
            hardware=runtime.hardware,
            requested_hardware=runtime.requested_hardware,
        )

    def _probe(self, track: Track, address: str) -> str:
        """Return what the app answers instead of what it should; nothing when it is well."""
        if address.startswith("/"):
            if not track.latest.host:
                return "the Hub reports no address of the app"
            address = track.latest.host.rstrip("/") + address
        return self._hub.probe(address, track.latest)

    def _wants_head(self, track: Track, runtime: Runtime, *, moved: bool, now: float) -> bool:
        """Whether the head must be read again, to tell a newer push from an older build."""
        if track.settings.commit == "any" or kind_of(runtime.stage) is not Kind.LIVE or not runtime.commit:
            return False
        other = runtime.commit != track.latest.head or _misses(track, runtime)
        return other and (moved or now - track.head_read >= HEAD_AGE)

    def _head(self, track: Track) -> str | None:
        track.head_read = self._clock.now()
        try:
            return self._hub.head(track.space)
        except ActionError:
            return None  # the next look asks again

    def _notice(self, track: Track, seen: Description, now: float) -> None:
        """Keep and show a change of stage or commit."""
        track.after = seen
        if not track.timeline or track.timeline[-1].stage != seen.runtime.stage:
            track.timeline.append(Moment(at=now - self._began, stage=seen.runtime.stage))
        self.say(track, state(seen.runtime))

    def say(self, track: Track, text: str) -> None:
        """Tell what has become of a Space."""
        self._log.tell(track, text)


def _owner(track: Track) -> str:
    return track.space.partition("/")[0].lower()


def _misses(track: Track, runtime: Runtime) -> bool:
    """Whether another commit is running than the one that was named."""
    named = track.settings.commit not in ("auto", "head", "any")
    return named and not (runtime.commit or "").startswith(track.settings.commit)


def _identity(runtime: Runtime) -> tuple[str | None, ...]:
    return runtime.stage, runtime.commit


def state(runtime: Runtime) -> str:
    """Return the stage with what else is known: commit, hardware, the Space's own error message."""
    known = "" if runtime.stage in STAGES else " (a stage this version does not know; it counts as moving)"
    commit = f" on commit {runtime.commit[:7]}" if runtime.commit else ""
    hardware = f", {runtime.hardware}" if runtime.hardware else ""
    if runtime.requested_hardware and runtime.hardware and runtime.requested_hardware != runtime.hardware:
        hardware += f" ({runtime.requested_hardware} asked for)"
    error = f": {plain(runtime.error)[:LONGEST_ERROR]}" if runtime.error else ""
    return f"{runtime.stage}{known}{commit}{hardware}{error}"


def verdict_of(error: ActionError) -> Verdict:
    """Return the verdict that an error of the action means."""
    return Verdict(error.outcome, str(error.args[0]).removesuffix("."), error.remedy)


NO_TOKEN = Verdict(
    Outcome.DENIED,
    "a token with write access is needed",
    "Set HF_TOKEN (in a workflow: env: HF_TOKEN: ${{ secrets.HF_TOKEN }}), made at "
    "https://huggingface.co/settings/tokens",
)
