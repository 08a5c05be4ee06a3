"""Where a step starts and ends: signals, the last resort, the exit status.

The rest of the action is imported only once the signal handlers stand: a container has no init, so a process without
handlers cannot be cancelled, and GitHub kills it some seconds later with nothing written.
"""

import gc
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from hf_action.clock import SystemClock
from hf_action.rules.outcomes import Cancelled, Outcome

if TYPE_CHECKING:
    from hf_action.doctor import DoctorRun
    from hf_action.inputs.doors import OwnFlags
    from hf_action.runner.github import Runner
    from hf_action.runner.log import Log
    from hf_action.step import StepRun

    # What `main` drives.
    Run = StepRun | DoctorRun

# Seconds after a signal in which the main thread must have come to its end; then the watchdog reports in its place.
GRACE = 2.5
# Seconds after the end of the budget in which it must have.
LATE = 1.25
# Seconds that a report may take after a signal.
REPORT = 1.0
# Seconds that a report may take where there is time.
SLOW_REPORT = 30.0
# Seconds after the first signal in which another one is the same: a shell and a supervisor may both send it.
SAME_SIGNAL = 0.5
# Bytes that a pipe takes without being waited for, once it takes any (PIPE_BUF).
LAST_WORDS = 4096
# Seconds between looks at whether the log has been silent for too long.
BEAT = 1.0
# Objects that may be added before the interpreter looks for garbage. Modules add some 65,000 while they are loaded, and
# none is garbage. With 700, as the interpreter has it, a twentieth of the time to the first request goes into looking.
YOUNG = 100_000


class Cancellation:
    """SIGINT and SIGTERM: the first ends the work but not the report, a second one ends everything at once."""

    def __init__(self) -> None:
        self.came = False
        self.shielded = True  # outside of the work itself a signal is only remembered
        self._first = 0.0
        self.last_words: Callable[[], str] = str
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)
        # A handler may be called inside of what passes no exception on, as a callback of the import system. What is
        # raised there is lost, and Python shows it; the watchdog ends the step all the same.
        shown = sys.unraisablehook
        sys.unraisablehook = lambda lost: None if issubclass(lost.exc_type, Cancelled) else shown(lost)

    def _handle(self, *_: object) -> None:
        if self.came:
            if SystemClock.now() - self._first >= SAME_SIGNAL:
                leave(self.last_words)
            return
        self._first = SystemClock.now()  # before `came`: another signal may be handled between the two
        self.came = True
        if not self.shielded:
            raise Cancelled


def leave(last_words: Callable[[], str]) -> NoReturn:
    """End the process at once, and say what was sent, if somebody reads that without being waited for."""
    with suppress(Exception):
        said = last_words()
        text = f"\n{said}\n".encode()[:LAST_WORDS] if said else b""
        if text and select.select([], [2], [], 0)[1]:
            os.write(2, text)
    os._exit(Cancelled.status)


class Heartbeat(threading.Thread):
    """Has the log say that the step is alive while a request takes long; the watchdog must never wait for a reader."""

    def __init__(self, step_run: "Run") -> None:
        super().__init__(name="heart", daemon=True)
        self._step_run = step_run

    def run(self) -> None:
        """Beat until the process ends."""
        while True:
            time.sleep(BEAT)
            self._step_run.beat()


class Watchdog(threading.Thread):
    """Reports and ends the process when the main thread cannot.

    While that is stuck in a call of the C library, such as the look-up of a host's name, Python runs no signal
    handler there, and no timeout of ours counts.
    """

    def __init__(self, step_run: "Run") -> None:
        super().__init__(name="watchdog", daemon=True)
        self._step_run = step_run
        # A pair of sockets, since Windows can wait for nothing else.
        self._bell, ring = socket.socketpair()
        ring.settimeout(0.0)
        # Rung at once, wherever the main thread is, and as long as the process lives.
        signal.set_wakeup_fd(ring.detach(), warn_on_full_buffer=False)

    def run(self) -> None:
        """Wait for a signal or for the end of the budget, leave the main thread its time, then act for it."""
        while not (signalled := self._rings(0.25)):
            # A report that is being written already is left its time, and a signal is heard meanwhile.
            if self._is_late() and self._step_run.reporting.acquire(blocking=False):
                break
        if signalled and self._rings_again():
            leave(self._step_run.last_words)
        status = Cancelled.status if signalled else Outcome.UNREACHABLE.status
        patience = REPORT if signalled else SLOW_REPORT
        if signalled and not self._step_run.reporting.acquire(timeout=patience):
            os._exit(status)  # the report is being written already, to a disk that does not answer
        if self._step_run.done:
            self._bell.close()
            return
        with suppress(RuntimeError):  # a pipe without a reader must not hold up this process either
            threading.Timer(patience, os._exit, [status]).start()
        self._step_run.give_up()
        status = self._step_run.report(cancelled=signalled)
        self._step_run.close()
        os._exit(status)

    def _is_late(self) -> bool:
        deadline = self._step_run.deadline
        return deadline is not None and SystemClock.now() > deadline + LATE

    def _rings_again(self) -> bool:
        """Leave the main thread its time after a signal; return whether a second one came."""
        began = SystemClock.now()
        while (left := began + GRACE - SystemClock.now()) > 0:
            if self._rings(left) and SystemClock.now() - began >= SAME_SIGNAL:
                return True
        return False

    def _rings(self, seconds: float) -> bool:
        """Wait for a signal; return whether one came."""
        rung = bool(select.select([self._bell], [], [], seconds)[0])
        if rung:
            self._bell.recv(1)
        return rung


def answer(words: list[str]) -> tuple[int, str] | None:
    """Return the exit status and the answer to what is asked of the command itself; None: there is a step to run."""
    if {"-h", "--help"} & set(words):
        from shutil import get_terminal_size

        from hf_action.inputs.commands import ALIASES, COMMANDS
        from hf_action.inputs.table import OPERATIONS
        from hf_action.inputs.usage import usage, usage_of

        width = get_terminal_size(fallback=(100, 0)).columns
        meant = (ALIASES.get(word, word) for word in words)
        named = next((word for word in meant if word in (*OPERATIONS, *COMMANDS)), "")
        return 0, f"{usage_of(named, width=width) if named else usage(width=width)}\n"
    if "--version" in words:
        from hf_action import VERSION

        return 0, f"hf-space {VERSION}\n"
    if words[:1] == ["--completion"]:
        from hf_action.inputs.completion import SHELLS

        if len(words) == 2 and words[1] in SHELLS:
            return 0, SHELLS[words[1]]()
        return 2, f"hf-space: write --completion and one of {', '.join(SHELLS)}\n"
    return None


def open_log(clock: SystemClock, runner: "Runner", *, began: float) -> "Log":
    """Return the log that suits who reads it: lines that move in a terminal, else lines that stay."""
    from hf_action.runner.log import Log

    kind: type[Log] = Log
    if (runner.is_terminal or runner.wants_colours) and not runner.is_quiet:
        with suppress(ImportError):  # rich is not there, as in the container
            from hf_action.runner.terminal import Terminal

            kind = Terminal
    return kind(clock=clock, runner=runner, began=began)


def open_run(own: "OwnFlags", clock: SystemClock, *, began: float, post: bool) -> "tuple[Runner, Run]":
    """Return what is to be run: a step, its post step, or an examination; and the machine that it runs on."""
    from hf_action.inputs.doors import calls_doctor
    from hf_action.runner.github import Runner

    if calls_doctor(own.rest) and not post:
        from hf_action.doctor import DoctorRun

        runner = Runner(answers_json=own.json, answers=True, quiet=own.quiet)
        return runner, DoctorRun(own.rest, runner=runner, clock=clock, began=began)
    from hf_action.step import StepRun

    runner = Runner(answers_json=own.json, quiet=own.quiet)
    log = open_log(clock, runner, began=began)
    return runner, StepRun(own.rest, runner=runner, log=log, began=began, post=post)


def main(argv: list[str] | None = None, *, post: bool = False) -> int:
    """Run one step, or its post step, from flags and variables; return its exit status."""
    gc.set_threshold(YOUNG)
    clock = SystemClock()
    began = clock.now()
    cancellation = Cancellation()
    words = list(sys.argv[1:] if argv is None else argv)
    from hf_action.runner.streams import finish, open_streams

    open_streams()
    answered = answer(words)
    if answered is not None:
        status, text = answered
        finish(sys.stderr if status else sys.stdout, text)
        return status

    from hf_action.inputs.doors import read_own_flags

    own = read_own_flags(words)
    runner, step_run = open_run(own, clock, began=began, post=post)
    for thread in (Watchdog(step_run), Heartbeat(step_run)):
        with suppress(RuntimeError):  # the machine has no more of them; the step goes on
            thread.start()
    cancellation.last_words = step_run.last_words
    if not own.rest and not post and runner.is_shell:
        from hf_action.inputs.usage import hint

        finish(sys.stdout, f"{hint()}\n")  # which is stderr here
    try:
        cancellation.shielded = False
        if not cancellation.came:
            step_run.work()
        cancellation.shielded = True
    except Cancelled:
        cancellation.shielded = True
    with step_run.reporting:
        status = step_run.report(cancelled=cancellation.came)
        if cancellation.came and status != Cancelled.status:  # the signal came while the report was written
            status = step_run.report(cancelled=True)
        step_run.close()
        step_run.done = True
    if cancellation.came:
        os._exit(status)  # threads may be in a request still, and the end of the interpreter would trip over them
    return status
