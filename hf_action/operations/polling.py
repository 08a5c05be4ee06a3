"""Looks at one Space at a time, and keeps what was seen of it.

No usable answer is an observation, too. `rounds` makes rounds of looks at many.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from hf_action.clock import Budget, Clock
from hf_action.operations.progress import SpaceProgress, state
from hf_action.rules import waiting
from hf_action.rules.models import SpaceInfo, SpaceRuntime
from hf_action.rules.outcomes import ActionError, Denied, NotFound
from hf_action.rules.results import Moment
from hf_action.rules.stages import Kind, kind_of
from hf_action.rules.waiting import REFUSED_FOR, Observation

if TYPE_CHECKING:
    from hf_action.hub.client import Hub
    from hf_action.runner.log import Log

# Seconds after which the repository's head is read again while another commit than the wanted one is live.
HEAD_AGE = 60.0
# Requests that a careful pause takes: a look before, the write, and a look after.
REQUESTS_OF_A_PAUSE = 3
# Seconds between looks at a Space that the Hub does not know yet.
NEW_SPACE_INTERVAL = 2.5
# Where the servers of an SDK say whether they are well: `health-check: auto` asks there, and for / elsewhere.
HEALTH_PATHS = {"gradio": "/config", "streamlit": "/_stcore/health"}
# What the Hub calls a hot reload that took place.
HOT_RELOADED = "created"


class Poller:
    """Looks for a batch, within its budget."""

    def __init__(self, *, hub: "Hub", clock: Clock, log: "Log", began: float, budget: Budget) -> None:
        self._hub = hub
        self._clock = clock
        self._log = log
        self._began = began
        self._budget = budget
        self.owned: dict[str, int] = {}  # how many Spaces an owner's listing has

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
                return not settings.may_roll_back  # what is served now may be put back
            case "pause":
                quota = self._hub.quota()
                wanted = REQUESTS_OF_A_PAUSE * self.owned.get(owner_of(progress), 0)
                paused = progress.listed is not None and progress.listed.runtime.stage == "PAUSED"
                harmful = settings.restore or paused or not settings.filters.by_name
                return quota is not None and quota.left < wanted and not harmful
        return False

    def note_listing(self, owner: str, count: int) -> None:
        """Remember how many Spaces the listing of an owner has."""
        self.owned[owner.lower()] = count

    def _space_info(self, progress: SpaceProgress) -> SpaceInfo:
        """Ask for a Space until there is an answer. A wait gives one that is not known ten seconds: it may be new."""
        until = self._clock.now() + (REFUSED_FOR if progress.settings.operation == "wait" else 0.0)
        while True:
            try:
                space = self._hub.space_info(progress.space)
            except NotFound:
                left = min(until, self._budget.end) - self._clock.now()
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
            return unanswered(error, now)
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
        if (address := health_address(progress)) is None:
            return "the Hub reports no address of the app"
        contains = progress.settings.health_check_contains or ""
        return self._hub.probe(address, progress.latest, contains=contains) if address else ""

    # ---- what was seen ----

    def observation(self, progress: SpaceProgress, at: float) -> Observation:
        """Return what is known of a Space as a look, with the health of its app where that is what is missing."""
        look = self.seen(progress, at)
        if progress.goal and progress.goal.health and waiting.reached(progress.goal, look):
            return replace(look, health_problem=self.health_problem(progress))
        return look

    def seen(self, progress: SpaceProgress, at: float) -> Observation:
        """Return what is known of a Space as a look, its health aside."""
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


def unanswered(error: ActionError, now: float) -> Observation:
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


def health_address(progress: SpaceProgress) -> str | None:
    """Return where the app is asked how it is; empty where nobody wants to know, None where there is no host."""
    path = progress.settings.health_check or ""
    if path == "auto":
        path = HEALTH_PATHS.get(progress.latest.sdk or "", "/")
    if not path.startswith("/"):
        return path
    return progress.latest.host.rstrip("/") + path if progress.latest.host else None


def _why_no_build(space: SpaceInfo) -> str:
    """Return why a push to a Space leads to no build whose commit the Hub would name; nothing where it does."""
    if space.sdk == "static":
        return "the Hub names no commit of a static Space"
    if space.runtime.dev_mode:
        return "Dev Mode is on, in which a push rebuilds nothing; turn it off in the Space's settings"
    if space.runtime.hot_reloading == HOT_RELOADED:
        return "new files were hot-reloaded without a build, and the Hub does not say which commit that makes"
    return ""


def owner_of(progress: SpaceProgress) -> str:
    """Return the owner of a Space, in lower case."""
    return progress.space.partition("/")[0].lower()


def _misses(progress: SpaceProgress, runtime: SpaceRuntime) -> bool:
    """Whether another commit is running than the one that was named."""
    return _names_commit(progress) and not (runtime.commit or "").startswith(progress.settings.commit)


def _names_commit(progress: SpaceProgress) -> bool:
    return progress.settings.commit not in ("auto", "head", "any")


def _identity(runtime: SpaceRuntime) -> tuple[str | None, ...]:
    return runtime.stage, runtime.commit
