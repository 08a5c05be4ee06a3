"""One step from its settings to its report: work that may end anywhere, and a report that is always written."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from hf_action.inputs.settings import Settings, describe, parse
from hf_action.operations.batch import Batch
from hf_action.operations.progress import SpaceProgress, verdict_of
from hf_action.operations.undo import Restore, check_room, dump, load, saved_state
from hf_action.report.outputs import bill, document, heading, level, outputs
from hf_action.report.summary import summary
from hf_action.rules.operations import FREE, SavedState
from hf_action.rules.outcomes import ActionError, InvalidInput, Outcome
from hf_action.rules.results import Result, Step, conclude
from hf_action.rules.waiting import Verdict
from hf_action.runner.github import Runner
from hf_action.runner.log import Log

if TYPE_CHECKING:
    from hf_action.hub.client import Hub


BUG = "This is a bug of the action; please report it with the log of a run with debug logging"
STUCK = Verdict(
    Outcome.UNREACHABLE,
    "a request did not end in time",
    "Check the name service and the network of this machine",
)
NOT_UNDONE = Verdict(
    Outcome.CANCELLED,
    "cancelled before it was known to be put back",
    "Look at the Space, and put back its hardware and sleep time, or pause it, by hand",
)
# Seconds that are left at least once all is loaded: however short the budget is, there is time for a look.
FIRST_LOOK = 0.25


class StepRun:
    """What `main` drives. `work` is interrupted by `Cancelled` only; `report` may be called from another thread."""

    def __init__(self, words: Sequence[str], *, runner: Runner, log: Log, began: float, post: bool = False) -> None:
        self.done = False
        self.reporting = threading.Lock()
        self._words = words
        self._runner = runner
        self._log = log
        self._began = began
        self._post = post
        self._idle = post and not runner.saved_state()  # a post step without work leaves no trace
        self._settings: Settings | None = None
        self._batch: Batch | None = None
        self._undo: Restore | None = None
        self._saved = ""
        self._hub: Hub | None = None
        self._prices: dict[str, float] = {}
        self._mistakes: list[str] = []
        self._ending: Verdict | None = None  # on every Space that has no verdict of its own

    @property
    def deadline(self) -> float | None:
        """When the budget ends, on the clock of the log; None before the settings are read."""
        if self._settings is None:
            return None
        budget = self._began + self._settings.timeout
        return max(budget, self._batch.deadline) if self._batch else budget

    def work(self) -> None:
        """Read the settings and do what they say; whatever goes wrong is kept for the report."""
        if self._idle:
            return
        try:
            self.carry_out(self.start())
        except InvalidInput as error:
            self._runner.mask(error.token)
            self._warn(error.warnings)
            self._mistakes = error.mistakes
        except ActionError as error:
            self._ending = verdict_of(error)
        except Exception as error:  # noqa: BLE001 - a bug, too, must leave outputs and a summary
            self._ending = Verdict(Outcome.FAILED, f"internal error: {type(error).__name__}: {error}", BUG)
            self._runner.debug_traceback(error)

    def start(self) -> Settings:
        """Read the settings; raises InvalidInput."""
        self._settings = settings = parse(self._words, self._inputs(), self._runner.read_file)
        self._runner.mask(settings.token)  # before anything else is printed
        self._warn(settings.warnings)
        if not self._post:
            self._log.info(describe(settings))
        return settings

    def _inputs(self) -> Mapping[str, str]:
        """Return the environment; the post step knows its Spaces, and a fleet file may be gone by then."""
        environ = self._runner.environ
        if not self._post:
            return environ
        kept = {name: value for name, value in environ.items() if name != "INPUT_FLEET-FILE"}
        return kept | {"INPUT_SPACE-ID": " ".join(state.space for state in self._states())}

    def carry_out(self, settings: Settings) -> None:
        """Do what the settings say, or undo it."""
        from hf_action.hub.client import Hub  # a third of a second that a mistake need not wait for

        least = self._log.now() + min(settings.timeout, FIRST_LOOK)
        deadline = max(self._began + settings.timeout, least)
        self._hub = hub = Hub(
            endpoint=settings.endpoint,
            token=settings.token,
            clock=self._log,
            deadline=deadline,
            info=self._log.info,
            redact=self._runner.redact,
        )
        batch = None
        if not self._post:
            self._batch = batch = Batch(
                settings=settings,
                hub=hub,
                clock=self._log,
                log=self._log,
                began=self._began,
                deadline=deadline,
                save=self._save_state,
                check=check_room,
            )
        if settings.keyless:
            hub.log_in(settings.keyless, identity=settings.identity, mask=self._runner.mask)
        if not batch:
            self._undo = undo = Restore(
                states=self._states(),
                endpoint=settings.endpoint,
                hub=hub,
                clock=self._log,
                log=self._log,
                deadline=deadline,
            )
            undo.run()
            if any(result.changed for result in undo.results(None)):
                self._prices = hub.prices()
            return
        batch.run()
        if batch.hardware() - {FREE}:
            self._prices = hub.prices()

    def _save_state(self, members: Iterable[SpaceProgress]) -> None:
        """Save what the post step needs before a change is sent, so that no kill comes between."""
        states = [saved_state(one) for one in members if one.settings.restore and one.touched]
        state = dump(states)
        if state != self._saved:
            self._saved = state
            self._runner.save_state(state)

    def _states(self) -> list[SavedState]:
        try:
            return load(self._runner.saved_state())
        except ValueError as error:
            raise ActionError(str(error)) from None

    def beat(self) -> None:
        """Say that the step is alive, where nothing else has been said for long."""
        self._log.beat()

    def give_up(self) -> None:
        """Let what is still open end as unreachable: the main thread is stuck in a request."""
        self._ending = STUCK

    def report(self, *, cancelled: bool) -> int:
        """Write annotations, outputs and summary, in place of those written before; return the exit status."""
        if self._idle:
            return 0
        step = self._runner.hidden(self._sum_up(cancelled=cancelled))
        self._log.conclude(step.results)
        if not step.results:
            for line in self._mistakes or [step.message]:
                self._log.annotate(level(step.status), line)
        if step.prices:
            self._log.info(bill(step))
        self._runner.write_outputs(outputs(step))
        self._runner.keep_document(document(step))
        if self._settings is None or self._settings.summary:
            self._runner.write_summary(summary(step))
        if len(step.results) > 1:
            self._log.info(heading(step))
        return step.status

    def close(self) -> None:
        """End what the last report has left open."""
        self._runner.close()

    def _sum_up(self, *, cancelled: bool) -> Step:
        operation = "restore" if self._post else self._settings.operation if self._settings else "step"
        elapsed = self._log.now() - self._began
        requests = self._hub.requests if self._hub else 0
        results: tuple[Result, ...] = ()
        if self._undo:
            results = self._undo.results(NOT_UNDONE if cancelled else self._ending)
        if self._batch:
            if cancelled:
                self._batch.cancel()
            if self._ending:
                self._batch.end_open(self._ending)
            results = self._batch.results()
        if results:
            return conclude(
                results,
                cancelled=cancelled,
                operation=operation,
                elapsed=elapsed,
                requests=requests,
                prices=self._prices,
            )
        if cancelled:
            ending = Verdict(Outcome.CANCELLED, "cancelled before anything was asked of the Hub")
        elif self._mistakes:
            ending = Verdict(Outcome.INVALID_INPUT, " ".join(self._mistakes))
        else:
            ending = self._ending or self._nothing()
        return Step(
            operation=operation,
            outcome=ending.outcome,
            message=ending.message,
            elapsed=elapsed,
            requests=requests,
            prices=self._prices,
        )

    def _nothing(self) -> Verdict:
        """Say that there was nothing to do, which for an action is no success that looks like work."""
        remedy = "Check author, patterns and filters"
        if self._settings and self._settings.operation == "list":
            return Verdict(Outcome.OK, "no Space was found", remedy)
        return Verdict(Outcome.SKIPPED, "no Space was selected; nothing was sent", remedy)

    def _warn(self, warnings: Sequence[str]) -> None:
        for warning in warnings:
            self._log.annotate("warning", warning)
