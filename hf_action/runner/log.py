"""Lines for people."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event

from hf_action.clock import Clock
from hf_action.operations.progress import SpaceProgress
from hf_action.report.outputs import annotation, good_news, level
from hf_action.rules.results import Result, duration
from hf_action.runner.github import Runner

# Seconds without a line after which the log says that the step is alive (docs/contract.md, What the step shows).
HEARTBEAT = 55.0
# Seconds that `beat` lets pass beyond that, so as not to say what `sleep` is about to say.
MOMENT = 1.0


class Log:
    """Lines for people, and a heartbeat while there are none: from `sleep`, or from `beat` while a request takes long.

    All waiting of the step goes through `sleep`, so only requests let time pass elsewhere. `began` is when the step
    did, on `clock`.
    """

    def __init__(self, *, clock: Clock, runner: Runner, began: float) -> None:
        self._clock = clock
        self._runner = runner
        self._status = "starting"
        self._began = began
        self._last = clock.now()
        self._silent = False

    def now(self) -> float:
        """Return the seconds of the clock."""
        return self._clock.now()

    def info(self, text: str) -> None:
        """Print one line."""
        if not self._silent:
            self._runner.info(text)
            self._last = self._clock.now()

    def progress(self, progress: SpaceProgress, text: str) -> None:
        """Print a line about a Space, with the time since the step began."""
        self._runner.recognize(progress.space)
        self.info(f"[{duration(self._clock.now() - self._began)}] {progress.space}: {text}")

    def annotate(self, level: str, text: str) -> None:
        """Print one line that GitHub also shows on the run's page; `level` is error, warning or notice."""
        self._runner.annotate(level, text)
        self._last = self._clock.now()

    def conclude(self, results: Sequence[Result], *, shown_again: bool = False) -> None:  # noqa: ARG002 - for `Terminal`
        """Print what failed, as the last that is said; on GitHub all that went well share a line.

        `shown_again` tells that stdout gets all of them, and their lines here need not stay.
        """
        well = [result for result in results if not result.status]
        for result in results:
            if result.status:
                self.annotate(level(result.status), annotation(result))
        if well and self._runner.obeys_commands:
            self.annotate("notice", good_news(well))

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Print nothing meanwhile: what ends thousands of Spaces at once must not wait for a reader."""
        self._silent = True
        try:
            yield
        finally:
            self._silent = False

    def group(self, title: str, lines: Sequence[str]) -> None:
        """Print lines that belong together, folded where that is possible."""
        self._runner.group(title, lines)
        self._last = self._clock.now()

    def debug(self, text: str) -> None:
        """Print one line for runs with debug logging only."""
        self._runner.debug(text)

    def set_status(self, text: str) -> None:
        """Remember what a heartbeat would say."""
        self._status = text

    def sleep(self, seconds: float, wake: Event | None = None) -> None:
        """Let time pass, no longer than until `wake` is set, with a line at least every minute."""
        left = seconds
        while left > 0 and not (wake and wake.is_set()):
            beat = self._last + HEARTBEAT - self._clock.now()
            if beat < 0.001:  # seconds; less is rounding
                self._beat()
                continue
            part = min(left, beat)
            self._clock.sleep(part, wake)
            left -= part

    def beat(self) -> None:
        """Print a line if there was none for too long; a moment later than `sleep` would, so as not to say it twice."""
        if self._clock.now() - self._last > HEARTBEAT + MOMENT:
            self._beat()

    def _beat(self) -> None:
        self.info(f"[{duration(self._clock.now() - self._began)}] still waiting: {self._status}")
