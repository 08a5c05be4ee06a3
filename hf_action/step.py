"""One step from its settings to its report: work that may end anywhere, and a report that is always written."""

import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from hf_action.clock import Budget, wall_time
from hf_action.inputs.settings import PostSettings, Settings, describe, parse, parse_post
from hf_action.operations.batch import Batch
from hf_action.operations.progress import verdict_of
from hf_action.operations.undo import Restore, check_room
from hf_action.report.outputs import outputs, sound
from hf_action.report.withheld import withhold
from hf_action.rules.addresses import read_address
from hf_action.rules.models import FREE_FLAVOR
from hf_action.rules.outcomes import ActionError, InvalidInput, Outcome
from hf_action.rules.results import Result, Step, conclude
from hf_action.rules.waiting import Verdict
from hf_action.runner.github import Runner, workspace_file
from hf_action.runner.log import Log
from hf_action.runner.publisher import Publisher
from hf_action.runner.states import States

if TYPE_CHECKING:
    from hf_action.hub.client import Hub
    from hf_action.hub.recorder import Recorder


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
CANCELLED = Verdict(Outcome.CANCELLED, "cancelled before anything was asked of the Hub")
# A step that had nothing to do must not look like one that did its work.
NOT_SELECTED = Verdict(Outcome.SKIPPED, "no Space was selected; nothing was sent", "Check author, patterns and filters")
NOT_FOUND = Verdict(Outcome.OK, "no Space was found", "Check author, patterns and filters")
LOGIN = (
    "The token was that of 'hf auth login'; 'hf auth whoami' tells whose it is. The variable HF_TOKEN comes before it."
)
# Spaces that are named by a process that ends at once.
MAX_TOLD = 20


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
        self._publisher = Publisher(runner=runner, log=log)
        self._idle = post and not runner.files.saved_states()  # a post step without work leaves no trace
        self._settings: Settings | PostSettings | None = None
        self._batch: Batch | None = None
        self._undo: Restore | None = None
        self._states = States(runner)
        self._hub: Hub | None = None
        self._recorder: Recorder | None = None
        self._budget: Budget | None = None  # None: nothing was asked of the Hub yet
        self._prices: Mapping[str, float] = {}
        self._mistakes: list[str] = []
        self._report_file: str | None = None
        self._ending: Verdict | None = None  # on every Space that has no verdict of its own

    @property
    def deadline(self) -> float | None:
        """When the budget ends, on the clock of the log; None before anything is asked of the Hub."""
        return self._budget.end if self._budget else None

    @property
    def _operation(self) -> str:
        if self._post:
            return "restore"
        return self._settings.operation if isinstance(self._settings, Settings) else "step"

    def work(self) -> None:
        """Read the settings and do what they say; whatever goes wrong is kept for the report."""
        if self._idle:
            return
        try:
            if self._post:
                self.restore()
            else:
                self.carry_out(self.start())
        except InvalidInput as error:
            self._runner.mask(error.token)
            self._warn(error.warnings)
            self._mistakes = error.mistakes
            self._report_file = error.report_file
        except ActionError as error:
            self._ending = verdict_of(error)
        except Exception as error:  # noqa: BLE001 - a bug, too, must leave outputs and a summary
            self._ending = Verdict(Outcome.FAILED, f"internal error: {type(error).__name__}: {error}", BUG)
            self._runner.debug_traceback(error)

    def start(self) -> Settings:
        """Read the settings; raises InvalidInput."""
        self._settings = settings = parse(
            self._words, self._runner.environ, self._runner.read_file, workspace_file, partial(_login, self._runner)
        )
        self._report_file = settings.report_file
        self._runner.mask(settings.token)  # before anything else is printed
        self._warn(settings.warnings)
        self._log.info(describe(settings))
        return settings

    def carry_out(self, settings: Settings) -> None:
        """Do what the settings say."""
        hub, budget = self._open_hub(settings)
        self._batch = batch = Batch(
            settings=settings,
            hub=hub,
            clock=self._log,
            log=self._log,
            began=self._began,
            budget=budget,
            today=wall_time(),
            save=self._states.save,
            check=check_room,
        )
        if settings.keyless:
            hub.log_in(settings.keyless, identity=settings.identity, mask=self._runner.mask)
        batch.run()
        if batch.hardware() - {FREE_FLAVOR}:
            self._prices = sound(batch.prices or hub.prices())

    def _open_hub(self, settings: Settings | PostSettings) -> "tuple[Hub, Budget]":
        self._budget = budget = Budget.begun(self._began, settings.timeout, clock=self._log)
        self._recorder = _recorder(
            settings, operation=self._operation, runner=self._runner, log=self._log, began=self._began
        )
        self._hub = hub = _hub(settings, runner=self._runner, log=self._log, budget=budget, recorder=self._recorder)
        return hub, budget

    def restore(self) -> None:
        """Undo what the step has changed; the post step needs little of the settings."""
        self._settings = settings = parse_post(self._runner.environ, workspace_file)
        self._runner.mask(settings.token)
        states, warnings = self._states.load()
        self._warn(warnings)
        if not states:
            self._idle = True
            return
        hub, budget = self._open_hub(settings)
        self._undo = undo = Restore(
            states=states,
            endpoint=settings.endpoint,
            hub=hub,
            clock=self._log,
            log=self._log,
            budget=budget,
        )
        if settings.keyless:
            hub.log_in(settings.keyless, identity=settings.identity, mask=self._runner.mask)
        undo.run()
        if any(result.changed for result in undo.results(None)):
            self._prices = sound(hub.prices())

    def beat(self) -> None:
        """Say that the step is alive, where nothing else has been said for long."""
        self._log.beat()

    def give_up(self) -> None:
        """Let what is still open end as unreachable: the main thread is stuck in a request."""
        self._ending = STUCK

    def report(self, *, cancelled: bool) -> int:
        """Write outputs, summary and annotations, or what corrects those written before; return the exit status."""
        if self._idle:
            return 0
        try:
            with self._log.silent():  # each Space that is ended here is told of below
                step = self._sum_up(cancelled=cancelled)
        except Exception as error:  # noqa: BLE001 - see `work`
            self._runner.debug_traceback(error)
            outcome = Outcome.CANCELLED if cancelled else Outcome.FAILED
            step = self._bare(Verdict(outcome, f"internal error: {type(error).__name__}: {error}", BUG))
        wants_summary = self._settings is None or self._settings.summary
        self._publisher.publish(
            step, mistakes=self._mistakes, wants_summary=wants_summary, report_file=self._report_file
        )
        if self._recorder:
            self._recorder.finish(status=step.status, outputs=lambda: outputs(step, self._runner.plain))
        self._warn(_advice(self._settings, step))
        return step.status

    def last_words(self) -> str:
        """Return what was sent, for somebody who does not wait for the report."""
        return self._runner.plain(_last_words(self._batch.sent() if self._batch else []))

    def close(self) -> None:
        """End what the last report has left open."""
        self._runner.close()

    def _sum_up(self, *, cancelled: bool) -> Step:
        results = withhold(self._results(cancelled=cancelled), self._runner.holds_secret)
        if not results:
            ending = self._ending or (NOT_FOUND if self._operation == "list" else NOT_SELECTED)
            if self._mistakes:
                ending = Verdict(Outcome.INVALID_INPUT, " ".join(self._mistakes))
            return self._bare(CANCELLED if cancelled else ending)
        return conclude(
            results,
            cancelled=cancelled,
            operation=self._operation,
            elapsed=self._log.now() - self._began,
            requests=self._hub.requests if self._hub else 0,
            prices=self._prices,
        )

    def _results(self, *, cancelled: bool) -> tuple[Result, ...]:
        if self._undo:
            return self._undo.results(NOT_UNDONE if cancelled else self._ending)
        if not self._batch:
            return ()
        if cancelled:
            self._batch.cancel()
        if self._ending:
            self._batch.end_open(self._ending)
        return self._batch.results()

    def _bare(self, ending: Verdict) -> Step:
        """Return a step without results, which ended so."""
        return Step(
            operation=self._operation,
            outcome=ending.outcome,
            message=ending.message,
            elapsed=self._log.now() - self._began,
            requests=self._hub.requests if self._hub else 0,
            prices=self._prices,
        )

    def _warn(self, warnings: Sequence[str]) -> None:
        for warning in warnings:
            self._log.annotate("warning", warning)


def _hub(
    settings: Settings | PostSettings, *, runner: Runner, log: Log, budget: Budget, recorder: "Recorder | None"
) -> "Hub":
    from hf_action.hub.client import Hub  # a third of a second that a mistake need not wait for

    return Hub(
        endpoint=settings.endpoint,
        token=settings.token,
        clock=log,
        budget=budget,
        info=log.info,
        redact=runner.redact,
        recorder=recorder,
    )


def _recorder(
    settings: Settings | PostSettings, *, operation: str, runner: Runner, log: Log, began: float
) -> "Recorder | None":
    """Return what writes a recording, which has begun; None where none is asked for."""
    recording = settings.recording
    if not recording:
        return None
    # Few steps are recorded, and the others need not wait for this.
    from hf_action.hub.recorder import Recorder
    from hf_action.rules.anonymity import Pseudonyms
    from hf_action.rules.recording import Redaction
    from hf_action.runner.recording import RecordingFile

    file = RecordingFile(workspace_file(recording.file), warn=lambda trouble: log.annotate("warning", trouble))
    if isinstance(settings, Settings):
        runner.recognize(*settings.spaces)  # an id may look like a secret
    names = Pseudonyms(endpoint=read_address(settings.endpoint).host) if recording.anonymous else None
    recorder = Recorder(
        write=file.write,
        now=lambda: log.now() - began,
        endpoint=settings.endpoint,
        redaction=Redaction(redact=runner.redact, secrets=lambda: runner.secrets, names=names),
    )
    recorder.start(
        operation=operation,
        wall=wall_time() - recorder.now(),
        access="keyless" if settings.keyless else "token" if settings.token else "none",
        inputs=recording.inputs,
    )
    return recorder


def _login(runner: Runner) -> str:
    """Return the token of `hf auth login` where a person sees that it is used."""
    if not runner.is_terminal:
        return ""
    from hf_action.hub.login import token_of_login  # of a package that takes long to load

    return token_of_login()


def _advice(settings: Settings | PostSettings | None, step: Step) -> list[str]:
    """Return what to say of a token that nobody has named, where it was refused."""
    denied = Outcome.DENIED in {step.outcome, *(one.outcome for one in step.results)}
    return [LOGIN] if isinstance(settings, Settings) and settings.logged_in and denied else []


def _last_words(sent: Sequence[str]) -> str:
    more = f"; and {len(sent) - MAX_TOLD} more" if len(sent) > MAX_TOLD else ""
    return f"ended at once; sent, and going on at the Hub: {'; '.join(sent[:MAX_TOLD]) or 'nothing'}{more}"
