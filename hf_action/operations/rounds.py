"""Looks at many Spaces in rounds, by one listing an owner where that is cheaper than a look at each.

A listing may lag behind, so it is only a hint: what it says of a Space is taken when it is what the Space's own runtime
said last. Any news, and whatever would end the wait, is read from the Space itself.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from hf_action.clock import Budget, Clock
from hf_action.operations.polling import Poller, owner_of, unanswered
from hf_action.operations.progress import SpaceProgress, run_parallel
from hf_action.rules import waiting
from hf_action.rules.models import SpaceRuntime
from hf_action.rules.outcomes import ActionError, Unreachable
from hf_action.rules.selection import Query
from hf_action.rules.stages import Kind, kind_of
from hf_action.rules.waiting import Observation

if TYPE_CHECKING:
    from hf_action.hub.client import Hub

# Requests that are left for a round of listings when many looks are made.
RESERVE_OF_LOOKS = 30
# Seconds after which a Space is looked at itself, whatever a listing says: it may be stuck.
OWN_LOOK_EVERY = 60.0
# So many in a round at most, the longest unseen first; one fewer for each hundred Spaces, whose rounds are the dearest.
OWN_LOOKS = 10
# What counts as the number of Spaces of an owner whose listing is refused: so many pages are never worth it.
NO_LISTING = 10**9


class Rounds:
    """Makes rounds of looks for a batch, `width` at once, within the budget on `clock`."""

    def __init__(self, *, hub: "Hub", poller: Poller, clock: Clock, budget: Budget, width: int) -> None:
        self._hub = hub
        self._poller = poller
        self._clock = clock
        self._budget = budget
        self._width = width

    def observe(self, members: Sequence[SpaceProgress]) -> dict[str, Observation]:
        """Look at all `members` once: by one listing an owner where that is cheaper, else one by one."""
        looks: dict[str, Observation] = {}
        alone: list[SpaceProgress] = []
        for owner, group in groupby(sorted(members, key=owner_of), key=owner_of):
            some = list(group)
            if len(some) > self._pages(owner):
                alone += self._by_listing(owner, some, looks)
            else:
                alone += some

        def one(progress: SpaceProgress) -> None:
            if self._clock.now() < self._budget.end and not self.quota_wait():
                looks[progress.asked] = self._poller.look(progress)

        run_parallel(alone, one, width=self._width)
        return looks

    def quota_wait(self) -> float:
        """Return the seconds until there are requests again, where a round of listings is all that is left."""
        return self._hub.quota_wait(
            RESERVE_OF_LOOKS
            + sum(self._pages(owner) for owner, owned in self._poller.owned.items() if owned < NO_LISTING)
        )

    def requests(self, members: Sequence[SpaceProgress]) -> int:
        """Return how many requests it takes to look at all `members` once."""
        counts = Counter(map(owner_of, members))
        return sum(min(count, self._pages(owner)) for owner, count in counts.items())

    def _pages(self, owner: str) -> int:
        return self._hub.pages(self._poller.owned.get(owner, 1))

    def _by_listing(
        self, owner: str, members: Sequence[SpaceProgress], looks: dict[str, Observation]
    ) -> list[SpaceProgress]:
        """Add the observations that one listing gives; return the Spaces that need a look of their own."""
        now = self._clock.now()
        try:
            spaces = self._hub.list_spaces(Query(author=owner, search=None), patient=False)
        except Unreachable as error:
            looks.update({progress.asked: unanswered(error, now) for progress in members})
            return []
        except ActionError:  # this Hub, or this token, has no listing: it is not asked for again
            self._poller.owned[owner] = NO_LISTING
            return list(members)
        listed = {space.id.lower(): space for space in spaces}
        self._poller.owned[owner] = len(listed) or NO_LISTING
        quiet: dict[str, Observation] = {}
        for progress in members:
            hint = listed.get(progress.space.lower())
            look = self._no_news(progress, hint.runtime, now) if hint else None
            if look:
                quiet[progress.asked] = look
        for progress in self._unseen([one for one in members if one.asked in quiet], now):
            del quiet[progress.asked]
        looks.update(quiet)
        return [progress for progress in members if progress.asked not in quiet]

    def _unseen(self, members: Sequence[SpaceProgress], now: float) -> list[SpaceProgress]:
        """Return those to look at themselves although a listing has no news: it may be stuck."""
        ending = now >= self._budget.end - waiting.LAST_LOOK
        due = [progress for progress in members if ending or now - progress.looked_at >= OWN_LOOK_EVERY]
        most = max(OWN_LOOKS - len(members) // 100, 0)
        return sorted(due, key=lambda progress: progress.looked_at)[:most]

    def _no_news(self, progress: SpaceProgress, hint: SpaceRuntime, now: float) -> Observation | None:
        """Return what a listing says where that is no news and ends nothing; None: look at the Space itself.

        A listing may lag, so it only decides what to look at next. An unchanged stage is safe to take from it; a moving
        one may be from before the step acted, unless a look since has seen the Space move.
        """
        known, goal = progress.latest.runtime, progress.goal
        if not goal or hint.requested_hardware != known.requested_hardware:
            return None
        last = next((look for look in reversed(progress.history) if look.stage), None)
        moving = kind_of(hint.stage) is Kind.MOVING
        if hint.stage == known.stage and hint.commit in (None, known.commit):
            credible = last is not None or not moving or not goal.acted
        else:
            credible = last is not None and last.kind is Kind.MOVING and moving
        look = self._poller.seen(progress, now)
        decides = waiting.judge(goal, [*progress.history, look], now)
        asks = goal.health and waiting.reached(goal, look)  # the app, which no listing does
        return look if credible and not decides and not asks else None
