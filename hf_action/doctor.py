"""`hf-space doctor`: an examination from its words to its lines, which are printed whatever ends it.

`main` drives it as it drives a step, so that a signal and a name service that is stuck end it in the same way.
Source: docs/contract.md, "Beside the operations".
"""

import shutil
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from hf_action.clock import Budget, Clock, wall_time
from hf_action.inputs.doctor import Visit, parse_visit
from hf_action.operations.examining import Examining
from hf_action.report import checkup as shown
from hf_action.rules.checkup import judge_endpoint, judge_proxies, judge_trust
from hf_action.rules.findings import Finding, Mark, ok, problem, status_of, unknown
from hf_action.rules.outcomes import Cancelled, InvalidInput, Outcome
from hf_action.rules.sanitize import unmatched
from hf_action.runner.github import Runner
from hf_action.runner.surroundings import own_versions, surroundings

if TYPE_CHECKING:
    from hf_action.hub.examination import Examination

# The part of the time that one question may take, so that one without an answer leaves time for the others.
SHARE = 6.0
STUCK = "a request did not end in time"
BUG = "This is a bug of the doctor; please report it with what it has printed"


class DoctorRun:
    """What `main` drives. `work` is interrupted by `Cancelled` only; `report` may be called from another thread."""

    def __init__(
        self,
        words: Sequence[str],
        *,
        runner: Runner,
        clock: Clock,
        began: float,
        wall: Callable[[], float] = wall_time,
    ) -> None:
        self.done = False
        self.reporting = threading.Lock()
        self.deadline: float | None = None
        self._runner = runner
        self._words = words
        self._clock = clock
        self._began = began
        self._wall = wall
        self._visit: Visit | None = None
        self._findings: list[Finding] = []
        self._mistakes: list[str] = []

    def work(self) -> None:
        """Look at everything; whatever goes wrong is kept for the report."""
        try:
            self._visit = visit = self._read()
            self._findings += [ok("program", own_versions()), ok("place", surroundings(self._runner))]
            self._examine(visit)
        except InvalidInput as error:
            self._runner.mask(error.token)
            self._warn(error.warnings)
            self._mistakes = error.mistakes
        except Exception as error:  # noqa: BLE001 - a bug must not cost what has been found
            self._findings.append(unknown("the rest", f"internal error: {type(error).__name__}: {error}", BUG))
            self._runner.debug_traceback(error)

    def _read(self) -> Visit:
        visit = parse_visit(self._words, self._runner.environ, partial(_login, self._runner))
        for token in visit.tokens:  # before anything else is printed
            self._runner.mask(token.value)
        self._runner.mask(visit.keyless.identity or None)
        self._warn(visit.warnings)
        if visit.space:
            self._runner.recognize(visit.space)
        return visit

    def _examine(self, visit: Visit) -> None:
        from hf_action.hub import examination  # a third of a second that a mistake need not wait for
        from hf_action.hub.login import stored_token

        self._findings.append(ok("library", examination.versions()))
        self._findings.append(
            judge_endpoint(visit.endpoint, source=visit.endpoint_source, mistake=visit.endpoint_mistake)
        )
        way = examination.proxies()
        named = [f"{name}={address}" for name, address in way.shown.items()]
        self._findings.append(judge_proxies(named, exceptions=way.exceptions, wrong=way.wrong, remedy=way.remedy))
        trust = examination.trust(self._runner.environ)
        self._findings.append(
            judge_trust(variable=trust.variable, path=trust.path, wrong=trust.wrong, unread=trust.unread)
        )
        examining = Examining(
            visit=visit,
            questions=self._questions(visit) if visit.endpoint else None,
            wall=self._wall,
            mask=self._runner.mask,
            stored=not visit.tokens and bool(stored_token()),
        )
        for finding in examining.findings():
            self._findings.append(finding)

    def _questions(self, visit: Visit) -> "Examination":
        from hf_action.hub.client import Hub
        from hf_action.hub.transport import REQUEST_TIMEOUT

        budget = Budget.begun(self._began, visit.timeout, clock=self._clock)
        self.deadline = budget.end
        hub = Hub(
            endpoint=visit.endpoint,
            token=visit.token,
            clock=self._clock,
            budget=budget,
            redact=self._runner.redact,
            request_timeout=min(REQUEST_TIMEOUT, visit.timeout / SHARE),
        )
        return hub.examination(self._clock, self._wall)

    # ---- what `main` asks of a run ----

    def beat(self) -> None:
        """Be silent: it is over soon."""

    def last_words(self) -> str:
        """Return what was sent, which is nothing."""
        return ""

    def give_up(self) -> None:
        """Tell that the main thread is stuck in a request."""
        remedy = "Check the name service and the network of this machine"
        self._findings.append(problem("connection", STUCK, remedy))

    def report(self, *, cancelled: bool) -> int:
        """Print what was found until now; return the exit status."""
        findings = tuple(self._findings)
        if self._mistakes:
            for mistake in self._mistakes:
                self._runner.annotate("error", mistake)
            return Cancelled.status if cancelled else Outcome.INVALID_INPUT.status
        if self._runner.answers_json:
            space = self._visit.space if self._visit else None
            text = shown.document(findings, self._runner.plain, space=space, cancelled=cancelled)
        else:
            text = self._text(findings, "cancelled" if cancelled else shown.counts(findings))
        self._runner.keep_answer(text)
        return Cancelled.status if cancelled else status_of(findings)

    def close(self) -> None:
        """Print what is kept."""
        self._runner.close()

    def _text(self, findings: Sequence[Finding], end: str) -> str:
        """Return the lines as their reader takes them: a person, the log of GitHub, or a program."""
        runner = self._runner
        if runner.answers_person or runner.wants_colours:
            width = shutil.get_terminal_size(fallback=(100, 0)).columns
            return f"{_painted(shown.screen(findings, runner.plain, width=width))}\n{end}"
        if runner.obeys_commands:
            lines = [unmatched(line) for _, line in shown.screen(findings, runner.plain, width=0)]
            return "\n".join([*lines, end])
        runner.info(end)  # which a program does not get
        return "\n".join(shown.pipe(findings, runner.plain))

    def _warn(self, warnings: Sequence[str]) -> None:
        for warning in warnings:
            self._runner.annotate("warning", warning)


def _painted(lines: Sequence[tuple[Mark, str]]) -> str:
    try:
        from hf_action.runner.terminal import paint
    except ImportError:  # rich is not there, as in the container
        return "\n".join(line for _, line in lines)
    return paint(lines)


def _login(runner: Runner) -> str:
    """Return the token of `hf auth login` where a person sees that it is used; it is not refreshed here."""
    if not runner.is_terminal:
        return ""
    from hf_action.hub.login import stored_token  # of a package that takes long to load

    return stored_token()
