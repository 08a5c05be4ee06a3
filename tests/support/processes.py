"""The action as a process, which tests start, read and signal."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.conftest import TOKEN, clean_environ
from tests.support.obeying import read_file_command

ROOT = Path(__file__).parent.parent.parent
BOTH = [signal.SIGINT, signal.SIGTERM]
# Seconds in which a signalled process must have gone: contract, "What the step shows".
GONE = 5.0

# The name service of the C library waits for a lock that never comes: no signal handler of Python runs meanwhile.
STUCK = """
import ctypes, socket
from hf_action.main import main
library = ctypes.CDLL(None)
lock = ctypes.create_string_buffer(64)
library.pthread_mutex_lock(lock)
def resolve(*words, **more):
    print("the name service is stuck", flush=True)
    library.pthread_mutex_lock(lock)
socket.getaddrinfo = resolve
sys.exit(main())
"""


def start(*words: str, url: str, script: str | None = None, before: Callable[[], None] | None = None, **environ: str) -> subprocess.Popen[str]:
    """Start the action, or a script that ends in `sys.exit(main())`, isolated as the container does."""
    program = ["-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{script}"] if script else [ROOT / "entrypoint.py"]
    return subprocess.Popen(
        [sys.executable, "-I", *program, *words],
        env=clean_environ() | {"HF_ENDPOINT": url, "GITHUB_ACTIONS": "true", "HF_TOKEN": TOKEN} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=before,  # noqa: PLW1509 - sets limits only, and takes no lock
    )


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Read the log until a line has `text`."""
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"ended before {text!r}: {seen}")


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.005)


def cancelled(process: subprocess.Popen[str], number: int, files: dict[str, str], *, seen: str = "") -> tuple[dict[str, str], float]:
    """Signal a process and check all that is promised of one that is cancelled; return outputs and seconds."""
    began = time.monotonic()
    process.send_signal(number)
    text = seen + process.communicate(timeout=15)[0]
    took = time.monotonic() - began
    outputs = dict(read_file_command(Path(files["GITHUB_OUTPUT"]).read_text()))
    assert (process.returncode, outputs.get("result")) == (130, "cancelled"), text
    assert "cancelled" in Path(files["GITHUB_STEP_SUMMARY"]).read_text()
    assert "Traceback" not in text and "internal error" not in text
    assert took < GONE, text
    return outputs, took
