"""The action as a process, which tests start, read and signal.

How fast a machine is decides nothing here: a condition ends each wait, and `PATIENCE` only a test that hangs. What is
promised in seconds is tried on a fake clock in tests/step/test_watchdog.py. Here it is told apart who ended a process:
with `PATIENT` no watchdog will, so its main thread was interrupted where it was.
"""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.conftest import TOKEN, clean_environ
from tests.support.obeying import read_file_command
from tests.support.warm import Warm, command

BOTH = [signal.SIGINT, signal.SIGTERM]
# Real seconds after which a test gives up what never comes.
PATIENCE = 120.0

# A watchdog that acts in no test's time, nor does one signal count as two.
PATIENT = """
import hf_action.main as steps
steps.GRACE = steps.LATE = steps.SAME_SIGNAL = 3600.0
"""
MAIN = "\nfrom hf_action.main import main\nsys.exit(main())\n"

# Another signal is another one at once. What it ends prints that it has heard the first, and has no watchdog either.
TOLD = """
import os
import hf_action.main as steps
steps.GRACE, steps.SAME_SIGNAL = 3600.0, 0.0
handle, wait = steps.Cancellation._handle, steps.Watchdog._rings_again
def told(self, *about):
    first = not self.came
    try:
        handle(self, *about)
    finally:
        os.write(1, b"the handler has heard it\\n" * first)
def wait_told(self):
    os.write(1, b"the watchdog has heard it\\n")
    return wait(self)
steps.Cancellation._handle, steps.Watchdog._rings_again = told, wait_told
"""

# The name service of the C library waits for a lock that never comes: no signal handler of Python runs meanwhile.
STUCK_AND = """
import ctypes, socket
from hf_action.main import main
library = ctypes.CDLL(None)
lock = ctypes.create_string_buffer(64)
library.pthread_mutex_lock(lock)
def resolve(*words, **more):
    print("the name service is stuck at", ctypes.addressof(lock), flush=True)
    {meanwhile}
    library.pthread_mutex_lock(lock)
socket.getaddrinfo = resolve
sys.exit(main())
"""
STUCK = STUCK_AND.format(meanwhile="pass")
# The budget ends while it is.
STUCK_TOO_LONG = "from hf_action.step import StepRun" + STUCK_AND.format(meanwhile="StepRun.deadline = 0.001")


def start(*words: str, url: str, script: str | None = None, cold: bool = False, pipesize: int = -1, **environ: str) -> subprocess.Popen[str]:
    """Start the action, or a script that ends in `sys.exit(main())`, isolated as the container does; with `cold`, from nothing.

    What it prints goes to a pipe of `pipesize` bytes, or of as many as is usual.
    """
    return Warm(
        command(*words, script=script),
        cold=cold,
        env=clean_environ() | {"HF_ENDPOINT": url, "GITHUB_ACTIONS": "true", "HF_TOKEN": TOKEN} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pipesize=pipesize,
    )


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Read the log until a line has `text`."""
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"ended before {text!r}: {seen}")


def wait_until_stuck(process: subprocess.Popen[str]) -> None:
    """Read the log until the name service is stuck, and wait until the main thread is: it says so just before."""
    address = int(read_until(process, "the name service is stuck").split()[-1])
    wait_for(lambda: f" {address:#x} " in Path(f"/proc/{process.pid}/syscall").read_text())


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.005)


def cancelled(process: subprocess.Popen[str], number: int, files: dict[str, str], *, seen: str = "") -> dict[str, str]:
    """Signal a process and check all that is promised of one that is cancelled; return its outputs."""
    process.send_signal(number)
    text = seen + process.communicate(timeout=PATIENCE)[0]
    outputs = dict(read_file_command(Path(files["GITHUB_OUTPUT"]).read_text()))
    assert (process.returncode, outputs.get("result")) == (130, "cancelled"), text
    assert "cancelled" in Path(files["GITHUB_STEP_SUMMARY"]).read_text()
    assert "Traceback" not in text and "internal error" not in text
    return outputs
