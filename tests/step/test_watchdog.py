"""When a step ends that its main thread cannot end: to the second, on a clock that no machine slows down."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from hf_action import main
from hf_action.main import Watchdog
from hf_action.runner.github import Runner
from hf_action.runner.log import Log
from hf_action.step import StepRun
from simhub.clock import FakeClock
from tests.conftest import TOKEN

NEVER = 10.0**9


class Left(BaseException):
    """The process has ended, with this status."""


@dataclass
class Machine:
    """A clock, the moments of signals, and a step whose main thread is stuck."""

    signals: list[float] = field(default_factory=list)
    budget: float | None = None
    report_takes: float = 0.0
    writes_from: float = NEVER  # when the main thread begins a report
    writes_until: float = NEVER
    done_at: float = NEVER  # when the main thread is done
    clock: FakeClock = field(default_factory=FakeClock)
    said: list[str] = field(default_factory=list)
    timers: list[tuple[float, int]] = field(default_factory=list)

    @property
    def deadline(self) -> float | None:
        return self.budget

    @property
    def done(self) -> bool:
        return self.clock.now() >= self.done_at

    @property
    def reporting(self) -> "Machine":
        return self

    def acquire(self, *, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock on the report, or wait for the main thread, which holds it."""
        if not self.writes_from <= self.clock.now() < self.writes_until:
            return True
        left = self.writes_until - self.clock.now()
        if blocking:
            self.pass_time(left if timeout < 0 else min(left, timeout))
        return blocking and self.clock.now() >= self.writes_until

    def pass_time(self, seconds: float) -> None:
        """Let time pass; a timer whose time comes ends the process."""
        end = self.clock.now() + seconds
        for at, status in sorted(self.timers):
            if at <= end:
                self.clock.advance(at - self.clock.now())
                raise Left(status)
        self.clock.advance(end - self.clock.now())

    def give_up(self) -> None:
        self.said.append("gives up")

    def report(self, *, cancelled: bool) -> int:
        self.said.append("reports a cancelled step" if cancelled else "reports")
        self.pass_time(self.report_takes)
        return 130 if cancelled else 5

    def close(self) -> None:
        self.said.append("closes")

    def last_words(self) -> str:
        self.said.append("last words")
        return ""

    # What the watchdog asks of the machine.

    def select(self, readers, writers, errors, seconds):
        """Wait for the bell: until the next signal, or as long as is asked for."""
        at = min((one for one in self.signals if one <= self.clock.now() + seconds), default=None)
        if not readers or at is None:
            self.pass_time(seconds)
            return [], [], []
        self.signals.remove(at)
        self.pass_time(max(0.0, at - self.clock.now()))
        return readers, [], []

    def start_timer(self, seconds, end, arguments):
        self.timers.append((self.clock.now() + seconds, *arguments))
        return SimpleNamespace(start=lambda: None)

    def recv(self, size: int) -> bytes:
        return b"x"


@pytest.fixture
def ended(monkeypatch):
    """Run the watchdog on a machine: when the process ended, and with which status; None where it did not end it."""

    def leave(status: int) -> None:
        raise Left(status)

    def ended(machine: Machine) -> tuple[float, int | None]:
        monkeypatch.setattr(main, "SystemClock", machine.clock)
        monkeypatch.setattr(main, "select", SimpleNamespace(select=machine.select))
        monkeypatch.setattr(main, "os", SimpleNamespace(_exit=leave))
        monkeypatch.setattr(main, "threading", SimpleNamespace(Timer=machine.start_timer))
        watchdog = Watchdog.__new__(Watchdog)  # without the bell, which the process has one of
        watchdog._step_run = watchdog._bell = machine
        with pytest.raises(Left) as left:
            watchdog.run()
            leave(None)
        return round(machine.clock.now(), 3), left.value.args[0]

    return ended


def test_a_signal_leaves_the_main_thread_its_time(ended):
    """Then the report is written in its place."""
    machine = Machine(signals=[10.0], report_takes=0.5)
    assert ended(machine) == (10.0 + 2.5 + 0.5, 130)
    assert machine.said == ["gives up", "reports a cancelled step", "closes"]


@pytest.mark.parametrize(
    "about",
    [{"report_takes": 60.0}, {"writes_from": 10.1}, {"writes_from": 5.0}],
    ids=["nobody reads it", "the main thread writes it", "it was being written"],
)
def test_a_signalled_process_has_gone_in_five_seconds(about, ended):
    """Whatever holds up its report (docs/contract.md, What the step shows)."""
    at, status = ended(Machine(signals=[10.0], **about))
    assert (10 <= at <= 10 + 5, status) == (True, 130)


def test_who_is_done_in_time_ends_the_process_itself(ended):
    """The watchdog has nothing to add."""
    machine = Machine(signals=[10.0], writes_from=10.1, writes_until=12.6, done_at=12.6)
    assert (ended(machine)[1], machine.said) == (None, ["closes"])  # its bell


@pytest.mark.parametrize("second", [10.5, 11.0, 12.4])
def test_a_second_signal_ends_it_at_once(second, ended):
    """Nothing is written any more, but what was sent is said."""
    machine = Machine(signals=[10.0, second], report_takes=60.0)
    assert (ended(machine), machine.said) == ((second, 130), ["last words"])


def test_the_last_words_are_what_was_sent(hub, clock, monkeypatch, capfd):
    """They go to stderr, and the process is gone."""
    ends = []
    monkeypatch.setattr("os._exit", ends.append)
    for name, value in {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN}.items():
        monkeypatch.setenv(name, value)
    runner = Runner()
    step_run = StepRun(["pause", "acme/demo"], runner=runner, log=Log(clock=clock, runner=runner, began=0.0), began=0.0)
    said = []
    for work in (lambda: None, step_run.work):
        work()
        capfd.readouterr()
        main.leave(step_run.last_words)
        said.append(capfd.readouterr().err)
    assert said == [
        f"\nended at once; sent, and going on at the Hub: {sent}\n" for sent in ("nothing", "pause acme/demo")
    ]
    assert ends == [130, 130]


@pytest.mark.parametrize("second", [10.0, 10.2, 10.49])
def test_two_signals_within_half_a_second_are_one(second, ended):
    """A shell and what supervises it may both send it (docs/contract.md, What the step shows)."""
    machine = Machine(signals=[10.0, second])
    assert (ended(machine), machine.said) == ((12.5, 130), ["gives up", "reports a cancelled step", "closes"])


@pytest.mark.parametrize("budget", [4.0, 59.9, 1800.0])
def test_the_budget_ends_within_two_seconds(budget, ended):
    """The main thread has had a moment to see it for itself."""
    machine = Machine(budget=budget)
    at, status = ended(machine)
    assert (budget + 1.25 < at <= budget + 2, status) == (True, 5)
    assert machine.said == ["gives up", "reports", "closes"]


def test_a_report_at_the_end_of_the_budget_has_half_a_minute(ended):
    """There is time for it; but not for ever."""
    assert ended(Machine(budget=4.0, report_takes=20.0))[0] == pytest.approx(4 + 1.5 + 20.0, abs=0.3)
    at, status = ended(Machine(budget=4.0, report_takes=3600.0))
    assert (at == pytest.approx(4 + 1.5 + 30.0, abs=0.3), status) == (True, 5)


def test_a_report_that_is_being_written_at_the_end_of_the_budget_is_waited_for(ended):
    """And a signal is heard meanwhile."""
    machine = Machine(budget=4.0, writes_from=4.1, writes_until=9.0, done_at=9.0)
    assert (ended(machine)[1], machine.clock.now() >= 9.0) == (None, True)
    assert ended(Machine(signals=[7.0], budget=4.0, writes_from=4.1)) == (7.0 + 2.5 + 1.0, 130)


def test_nobody_is_ended_without_a_reason(ended):
    """Neither budget nor signal: before anything is asked of the Hub there is no budget."""
    machine = Machine(signals=[100_000.0])
    assert ended(machine) == (100_002.5, 130)
