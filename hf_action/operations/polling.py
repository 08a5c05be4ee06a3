"""Looks at Spaces, one by one or many with one listing, and keeps what was seen in their members.

A listing may lag behind, so it is only a hint: what it says of a Space is taken when it is what the Space's own
runtime said last; any news, and whatever would end the wait, is read from the runtime itself.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from hf_action.clock import Clock
from hf_action.operations.progress import SpaceProgress, run_parallel, state
from hf_action.rules import waiting
from hf_action.rules.models import SpaceInfo, SpaceRuntime
from hf_action.rules.outcomes import ActionError, Unreachable
from hf_action.rules.results import Moment
from hf_action.rules.selection import Query
from hf_action.rules.stages import Kind, kind_of
from hf_action.rules.waiting import Observation

if TYPE_CHECKING:
    from hf_action.hub.client import Hub
    from hf_action.runner.log import Log

# Seconds after which the repository's head is read again while another commit than the wanted one is live.
HEAD_AGE = 60.0
# Requests that are left for waiting when many writes are sent, and for a round of listings when many looks are.
RESERVE_OF_WRITES = 60
RESERVE_OF_LOOKS = 30
# What counts as the number of Spaces of an owner whose listing is refused: so many pages are never worth it.
NO_LISTING = 10**9


class Poller:
    """Looks for a batch, until its deadline."""

    def __init__(self, *, hub: "Hub", clock: Clock, log: "Log", began: float, deadline: float, width: int) -> None:
        self._hub = hub
        self._clock = clock
        self._log = log
        self._began = began
        self._deadline = deadline
        self._width = width
        self._owned: dict[str, int] = {}  # how many Spaces an owner's listing has

    def first(self, progress: SpaceProgress) -> None:
        """Look at a Space for the first time, unless the listing it was chosen from did; raises ActionError."""
        self._log.set_status(f"{progress.space}: first look")
        progress.before = progress.listed or self._hub.space_info(progress.space)
        progress.head_read = self._clock.now()
        self._notice(progress, progress.before, progress.head_read)

    def look(self, progress: SpaceProgress) -> Observation:
        """Look at the runtime of a Space once; no usable answer is an observation too."""
        now = self._clock.now()
        silent = bool(progress.history) and progress.history[-1].stage is None
        try:
            seen = self._ask(progress)
        except ActionError as error:
            if not silent:
                self.info(progress, f"no usable answer: {error} — going on")
            return Observation(at=now, problem=str(error), retry_after=getattr(error, "retry_after", None))
        if silent:
            self.info(progress, "the Hub answers again")
        runtime = seen.runtime
        moved = _identity(runtime) != _identity(progress.latest.runtime)
        if self._wants_head(progress, runtime, moved=moved, now=now):
            # Without an answer an older head is no reason to call a commit superseded; see judge.
            seen = seen.at_head(self._head(progress) or (None if _misses(progress, runtime) else seen.head))
        if moved:
            self._notice(progress, seen, now)
        progress.after = seen
        return self.observation(progress, now)

    def _ask(self, progress: SpaceProgress) -> SpaceInfo:
        """Return the Space as it is now.

        What a mere wait was told by a listing may be from before it began, so its own first look begins it anew.
        """
        goal = progress.goal
        if not goal or goal.acted or progress.before is not progress.listed:
            return progress.latest.now(self._hub.runtime(progress.space))
        progress.before = whole = self._hub.space_info(progress.space, patient=False)
        progress.goal = replace(goal, before=whole.runtime.stage, head=whole.head)
        progress.history.clear()
        return whole

    def observe(self, members: Sequence[SpaceProgress]) -> dict[str, Observation]:
        """Look at all `members` once: by one listing an owner where that is cheaper, else one by one."""
        looks: dict[str, Observation] = {}
        alone: list[SpaceProgress] = []
        for owner, group in groupby(sorted(members, key=_owner), key=_owner):
            some = list(group)
            if len(some) > self._pages(owner):
                alone += self._by_listing(owner, some, looks)
            else:
                alone += some

        def one(progress: SpaceProgress) -> None:
            if self._clock.now() < self._deadline and not self.quota_wait():
                looks[progress.space] = self.look(progress)

        run_parallel(alone, one, width=self._width)
        return looks

    def quota_wait(self) -> float:
        """Return the seconds until there are requests again, where a round of listings is all that is left."""
        return self._hub.quota_wait(
            RESERVE_OF_LOOKS + sum(self._pages(owner) for owner, owned in self._owned.items() if owned < NO_LISTING)
        )

    def requests(self, members: Sequence[SpaceProgress]) -> int:
        """Return how many requests it takes to look at all `members` once."""
        counts = Counter(map(_owner, members))
        return sum(min(count, self._pages(owner)) for owner, count in counts.items())

    def _pages(self, owner: str) -> int:
        return -(-self._owned.get(owner, 1) // 100)

    def _by_listing(
        self, owner: str, members: Sequence[SpaceProgress], looks: dict[str, Observation]
    ) -> list[SpaceProgress]:
        """Add the observations that one listing gives; return the Spaces that need a look of their own."""
        now = self._clock.now()
        try:
            spaces = self._hub.list_spaces(Query(author=owner, search=None), patient=False)
        except Unreachable as error:
            problem = Observation(at=now, problem=str(error), retry_after=error.retry_after)
            looks.update({progress.space: problem for progress in members})
            return []
        except ActionError:  # this Hub, or this token, has no listing: it is not asked for again
            self._owned[owner] = NO_LISTING
            return list(members)
        listed = {space.id.lower(): space for space in spaces}
        self._owned[owner] = len(listed) or NO_LISTING
        alone = []
        for progress in members:
            hint = listed.get(progress.space.lower())
            look = self._believe(progress, hint.runtime, now) if hint else None
            if look:
                looks[progress.space] = look
            else:
                alone.append(progress)
        return alone

    def _believe(self, progress: SpaceProgress, hint: SpaceRuntime, now: float) -> Observation | None:
        """Return what a listing says where that is no news and ends nothing; None: look at the runtime itself."""
        known = progress.latest.runtime
        if progress.settings.operation == "pause" and progress.sent and hint.stage == "PAUSED":
            # The answer to the write said so, too, and a stage from before the write would be that of `before`.
            self._notice(progress, progress.latest.now(hint), now)
            return self.observation(progress, now)
        if not progress.goal or hint.requested_hardware != known.requested_hardware:
            return None
        last = next((look for look in reversed(progress.history) if look.stage), None)
        same = hint.stage == known.stage and hint.commit in (None, known.commit)
        moving = kind_of(hint.stage) is Kind.MOVING
        if same:  # what is as before the action proves nothing, and so harms nothing; a move may be one from before it
            credible = last is not None or not moving or not progress.goal.acted
        else:
            credible = last is not None and last.kind is Kind.MOVING and moving
        look = self._seen(progress, now)
        decides = waiting.judge(progress.goal, [*progress.history, look], now)
        asks = progress.goal.health and waiting.reached(progress.goal, look)  # the app, which no listing does
        return look if credible and not decides and not asks else None

    def observation(self, progress: SpaceProgress, at: float) -> Observation:
        """Return what is known of a Space as a look, with the health of its app where that is what is missing."""
        look = self._seen(progress, at)
        address = progress.settings.health_check
        if address and progress.goal and progress.goal.health and waiting.reached(progress.goal, look):
            return replace(look, health_problem=self._probe(progress, address))
        return look

    def _seen(self, progress: SpaceProgress, at: float) -> Observation:
        runtime = progress.latest.runtime
        return Observation(
            at=at,
            stage=runtime.stage,
            commit=runtime.commit,
            head=progress.latest.head,
            hardware=runtime.hardware,
            requested_hardware=runtime.requested_hardware,
        )

    def _probe(self, progress: SpaceProgress, address: str) -> str:
        """Return what the app answers instead of what it should; nothing when it is well."""
        if address.startswith("/"):
            if not progress.latest.host:
                return "the Hub reports no address of the app"
            address = progress.latest.host.rstrip("/") + address
        return self._hub.probe(address, progress.latest)

    def _wants_head(self, progress: SpaceProgress, runtime: SpaceRuntime, *, moved: bool, now: float) -> bool:
        """Whether the head must be read again, to tell a newer push from an older build."""
        if progress.settings.commit == "any" or kind_of(runtime.stage) is not Kind.LIVE or not runtime.commit:
            return False
        other = runtime.commit != progress.latest.head or _misses(progress, runtime)
        return other and (moved or now - progress.head_read >= HEAD_AGE)

    def _head(self, progress: SpaceProgress) -> str | None:
        progress.head_read = self._clock.now()
        try:
            return self._hub.head(progress.space)
        except ActionError:
            return None  # the next look asks again

    def _notice(self, progress: SpaceProgress, seen: SpaceInfo, now: float) -> None:
        """Keep and show a change of stage or commit."""
        progress.after = seen
        if not progress.timeline or progress.timeline[-1].stage != seen.runtime.stage:
            progress.timeline.append(Moment(at=now - self._began, stage=seen.runtime.stage))
        self.info(progress, state(seen.runtime))

    def info(self, progress: SpaceProgress, text: str) -> None:
        """Tell what has become of a Space."""
        self._log.progress(progress, text)


def _owner(progress: SpaceProgress) -> str:
    return progress.space.partition("/")[0].lower()


def _misses(progress: SpaceProgress, runtime: SpaceRuntime) -> bool:
    """Whether another commit is running than the one that was named."""
    named = progress.settings.commit not in ("auto", "head", "any")
    return named and not (runtime.commit or "").startswith(progress.settings.commit)


def _identity(runtime: SpaceRuntime) -> tuple[str | None, ...]:
    return runtime.stage, runtime.commit
