"""Looks at Spaces, one by one or many with one listing, and keeps what was seen of them.

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
from hf_action.rules.outcomes import ActionError, Denied, NotFound, Unreachable
from hf_action.rules.results import Moment
from hf_action.rules.selection import Query
from hf_action.rules.stages import Kind, kind_of
from hf_action.rules.waiting import REFUSED_FOR, Observation

if TYPE_CHECKING:
    from hf_action.hub.client import Hub
    from hf_action.runner.log import Log

# Seconds after which the repository's head is read again while another commit than the wanted one is live.
HEAD_AGE = 60.0
# Requests that are left for a round of listings when many looks are made.
RESERVE_OF_LOOKS = 30
# Requests that a careful pause takes: a look before, the write, and a look after.
REQUESTS_OF_A_PAUSE = 3
# Seconds after which a Space is looked at itself, whatever a listing says: it may be stuck.
OWN_LOOK_EVERY = 60.0
# So many in a round at most, the longest unseen first; one fewer for each hundred Spaces, whose pages cost requests.
OWN_LOOKS = 10
# Seconds between looks at a Space that the Hub does not know yet.
NEW_SPACE_INTERVAL = 2.5
# Where the servers of an SDK say whether they are well: `health-check: auto` asks there, and for / elsewhere.
HEALTH_PATHS = {"gradio": "/config", "streamlit": "/_stcore/health"}
# What the Hub calls a hot reload that took place.
HOT_RELOADED = "created"
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

    def extend(self, deadline: float) -> None:
        """Go on looking until `deadline`."""
        self._deadline = deadline

    # ---- the first look ----

    def first(self, progress: SpaceProgress) -> None:
        """Look at a Space for the first time; raises ActionError.

        What a listing told is taken only where nothing depends on it: see `_takes_listing`.
        """
        self._log.set_status(f"{progress.space}: first look")
        # An answer may take long, and be old when it is here.
        progress.looked_at = progress.head_read = self._clock.now()
        if progress.listed and self._takes_listing(progress):
            progress.before, progress.is_hint = progress.listed, True
        else:
            progress.before = self._space_info(progress)
        self._notice(progress, progress.before, self._clock.now())
        self._ask_for_commit(progress)
        progress.before = progress.latest

    def _takes_listing(self, progress: SpaceProgress) -> bool:
        """Whether what a listing told may stand for a first look.

        A list shows what it was told. A wait begins again with its own first look before it ends. A pause does no harm
        to a Space that is paused already, so it may be sent by a listing where the quota has no room for a look at each
        Space, and where nothing that changes chose the Spaces; what it leads to is looked at all the same.
        """
        settings = progress.settings
        match settings.operation:
            case "list" | "wait":
                return True
            case "pause":
                quota = self._hub.quota()
                wanted = REQUESTS_OF_A_PAUSE * self._owned.get(_owner(progress), 0)
                paused = progress.listed is not None and progress.listed.runtime.stage == "PAUSED"
                harmful = settings.restore or paused or not settings.filters.by_name
                return quota is not None and quota.left < wanted and not harmful
        return False

    def note_listing(self, owner: str, count: int) -> None:
        """Remember how many Spaces the listing of an owner has."""
        self._owned[owner.lower()] = count

    def _space_info(self, progress: SpaceProgress) -> SpaceInfo:
        """Ask for a Space until there is an answer. A wait gives one that is not known ten seconds: it may be new."""
        until = self._clock.now() + (REFUSED_FOR if progress.settings.operation == "wait" else 0.0)
        while True:
            try:
                space = self._hub.space_info(progress.space)
            except NotFound:
                left = min(until, self._deadline) - self._clock.now()
                if left <= 0:
                    raise
                self.info(progress, "not known to the Hub; a new Space may not be known yet")
                self._clock.sleep(min(NEW_SPACE_INTERVAL, left))
            else:
                self._rename(progress, space.id)
                return space

    def _rename(self, progress: SpaceProgress, name: str) -> None:
        """Go on with the name that a Space has by now, and tell it once; case makes no difference to the Hub."""
        if name.lower() != progress.space.lower():
            self.info(progress, f"is called {name} by now")
            progress.space = name

    def _ask_for_commit(self, progress: SpaceProgress) -> None:
        """Ask whether the repository knows the commit that was named, where that is not plain to see."""
        commit, space = progress.settings.commit, progress.latest
        if not _names_commit(progress) or not progress.settings.stages or progress.is_hint:
            return
        if any((known or "").startswith(commit) for known in (space.head, space.runtime.commit)):
            progress.knows_commit = True
        elif head := self._head(progress):
            progress.after = space.at_head(head)

    # ---- looks at one Space ----

    def look(self, progress: SpaceProgress) -> Observation:
        """Look at the runtime of a Space once; no usable answer is an observation too."""
        now = self._clock.now()
        silent = bool(progress.history) and progress.history[-1].stage is None
        try:
            seen = self._ask(progress)
        except ActionError as error:
            if not silent:
                self.info(progress, f"no usable answer: {error} — going on")
            return _unanswered(error, now)
        if silent:
            self.info(progress, "the Hub answers again")
        runtime = seen.runtime
        moved = _identity(runtime) != _identity(progress.latest.runtime)
        if self._wants_head(progress, runtime, moved=moved, now=now):
            # Without an answer an older head is no reason to call a commit superseded; see judge.
            seen = seen.at_head(self._head(progress) or (None if _misses(progress, runtime) else seen.head))
        if moved:
            self._notice(progress, seen, now)
        progress.after, progress.looked_at = seen, now
        return self.observation(progress, now)

    def _ask(self, progress: SpaceProgress) -> SpaceInfo:
        """Return the Space as it is now.

        What was told by a listing may be from before the step, so a wait begins again with its own first look.
        """
        goal = progress.goal
        if not goal or goal.acted or not progress.is_hint:
            runtime = self._hub.runtime(progress.space)
            if runtime.moved_to:
                self._rename(progress, runtime.moved_to)
            return progress.latest.now(runtime)
        whole = self._hub.space_info(progress.space, patient=False)
        self._rename(progress, whole.id)
        progress.before, progress.is_hint = whole, False
        progress.goal = replace(goal, before=whole.runtime.stage, head=whole.head)
        progress.history.clear()
        progress.after = whole
        self._ask_for_commit(progress)
        return progress.latest

    def health_problem(self, progress: SpaceProgress) -> str:
        """Return what the app answers instead of what it should; nothing when it is well, or not asked for."""
        address = progress.settings.health_check
        return self._probe(progress, address) if address else ""

    # ---- looks at many ----

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
                looks[progress.asked] = self.look(progress)

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
            looks.update({progress.asked: _unanswered(error, now) for progress in members})
            return []
        except ActionError:  # this Hub, or this token, has no listing: it is not asked for again
            self._owned[owner] = NO_LISTING
            return list(members)
        listed = {space.id.lower(): space for space in spaces}
        self._owned[owner] = len(listed) or NO_LISTING
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
        ending = now >= self._deadline - waiting.LAST_LOOK
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
        look = self._seen(progress, now)
        decides = waiting.judge(goal, [*progress.history, look], now)
        asks = goal.health and waiting.reached(goal, look)  # the app, which no listing does
        return look if credible and not decides and not asks else None

    # ---- what was seen ----

    def observation(self, progress: SpaceProgress, at: float) -> Observation:
        """Return what is known of a Space as a look, with the health of its app where that is what is missing."""
        look = self._seen(progress, at)
        if progress.goal and progress.goal.health and waiting.reached(progress.goal, look):
            return replace(look, health_problem=self.health_problem(progress))
        return look

    def _seen(self, progress: SpaceProgress, at: float) -> Observation:
        space, runtime = progress.latest, progress.latest.runtime
        return Observation(
            at=at,
            stage=runtime.stage,
            commit=runtime.commit,
            head=space.head,
            hardware=runtime.hardware,
            requested_hardware=runtime.requested_hardware,
            error=runtime.error,
            no_build=_why_no_build(space),
            hot_reloaded=runtime.hot_reloading == HOT_RELOADED,
            knows_commit=progress.knows_commit,
        )

    def _probe(self, progress: SpaceProgress, address: str) -> str:
        """Return what the app answers instead of what it should; nothing when it is well."""
        if address == "auto":
            address = HEALTH_PATHS.get(progress.latest.sdk or "", "/")
        if address.startswith("/"):
            if not progress.latest.host:
                return "the Hub reports no address of the app"
            address = progress.latest.host.rstrip("/") + address
        contains = progress.settings.health_check_contains or ""
        return self._hub.probe(address, progress.latest, contains=contains)

    def _wants_head(self, progress: SpaceProgress, runtime: SpaceRuntime, *, moved: bool, now: float) -> bool:
        """Whether the head must be read again, to tell a newer push from an older build."""
        if progress.settings.commit == "any" or kind_of(runtime.stage) is not Kind.LIVE or not runtime.commit:
            return False
        other = runtime.commit != progress.latest.head or _misses(progress, runtime)
        return other and (moved or now - progress.head_read >= HEAD_AGE)

    def _head(self, progress: SpaceProgress) -> str | None:
        """Return the repository's head; where a commit was named, by the list of commits.

        What the Hub says of a Space may name an older head for a while, also after it has named the newer one.
        """
        progress.head_read = self._clock.now()
        try:
            if not _names_commit(progress):
                return self._hub.head(progress.space)
            history = self._hub.history(progress.space)
        except ActionError:
            return None  # the next look asks again
        commit, before = progress.settings.commit, progress.knows_commit
        progress.knows_commit = any(one.startswith(commit) for one in history)
        if not progress.knows_commit and before is None:
            unknown = f"its repository does not know commit {commit[:7]}: not pushed yet, or of another repository"
            self.info(progress, unknown)
        return history[0] if history else None

    def _notice(self, progress: SpaceProgress, seen: SpaceInfo, now: float) -> None:
        """Keep and show a change of stage or commit."""
        progress.after = seen
        if not progress.timeline or progress.timeline[-1].stage != seen.runtime.stage:
            progress.timeline.append(Moment(at=now - self._began, stage=seen.runtime.stage))
        self.info(progress, state(seen.runtime))

    def info(self, progress: SpaceProgress, text: str) -> None:
        """Tell what has become of a Space."""
        self._log.progress(progress, text)


def _unanswered(error: ActionError, now: float) -> Observation:
    """Return a look that brought no stage, and why."""
    definite = isinstance(error, Denied | NotFound)
    return Observation(
        at=now,
        problem=str(error.args[0]) if definite or getattr(error, "final", False) else str(error),
        remedy=error.remedy,
        refusal=error.outcome if definite else None,
        final=getattr(error, "final", False),
        retry_after=getattr(error, "retry_after", None),
    )


def _why_no_build(space: SpaceInfo) -> str:
    """Return why a push to a Space leads to no build whose commit the Hub would name; nothing where it does."""
    if space.sdk == "static":
        return "the Hub names no commit of a static Space"
    if space.runtime.dev_mode:
        return "Dev Mode is on, in which a push rebuilds nothing; turn it off in the Space's settings"
    if space.runtime.hot_reloading == HOT_RELOADED:
        return "new files were hot-reloaded without a build, and the Hub does not say which commit that makes"
    return ""


def _owner(progress: SpaceProgress) -> str:
    return progress.space.partition("/")[0].lower()


def _misses(progress: SpaceProgress, runtime: SpaceRuntime) -> bool:
    """Whether another commit is running than the one that was named."""
    return _names_commit(progress) and not (runtime.commit or "").startswith(progress.settings.commit)


def _names_commit(progress: SpaceProgress) -> bool:
    return progress.settings.commit not in ("auto", "head", "any")


def _identity(runtime: SpaceRuntime) -> tuple[str | None, ...]:
    return runtime.stage, runtime.commit
