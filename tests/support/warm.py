"""Processes of the action that start in no time: forks of one that has imported it.

That one (original.py) has no threads and is isolated as the container is. It has imported huggingface_hub, which reads
variables as it is imported: a process that has others imports it again. A script may change the action before that is
imported, so it always imports it itself.
"""

import atexit
import ctypes
import fcntl
import json
import os
import socket
import subprocess
import sys
import sysconfig
import termios
import threading
from functools import cache
from pathlib import Path
from typing import Any

from tests.support import leftovers

ROOT = Path(__file__).parent.parent.parent
ORIGINAL = Path(__file__).with_name("original.py")
HF = Path(sysconfig.get_path("scripts")) / "hf"
PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
# Variables of many processes that are read as huggingface_hub is imported: there is an original for each set of values.
SHARED = ("HF_DEBUG", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_UPDATE_CHECK")


def command(*words: str, script: str | None = None) -> list[str]:
    """Return the command of the action, or of a script that ends in `sys.exit(main())`, isolated as the container is."""
    program = ["-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{script}"] if script else [str(ROOT / "entrypoint.py")]
    return [sys.executable, "-I", *program, *words]


def hf(*words: str) -> list[str]:
    """Return the command of huggingface_hub."""
    return [sys.executable, "-I", str(HF), *words]


class Original:
    """The process that others are forks of; started with the first."""

    def __init__(self, shared: frozenset[tuple[str, str]]) -> None:
        self._door, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environ = {"PATH": os.environ["PATH"]} | dict(shared)
        with leftovers.births:
            self._process = subprocess.Popen([sys.executable, "-I", ORIGINAL, str(inside.fileno())], pass_fds=[inside.fileno()], env=environ)
            leftovers.lent[self._process.pid] = "session"
        inside.close()
        atexit.register(self.end)

    def end(self) -> None:
        """Let it end, as nothing more is asked for."""
        self._door.close()
        self._process.wait()

    def fork(self, asked: dict[str, Any], fds: list[int]) -> int:
        """Return the id of a new process, which is a child of this one."""
        with leftovers.births:
            adopt(orphans=True)
            try:
                socket.send_fds(self._door, [json.dumps(asked).encode()], fds)
                made = int(self._door.recv(20))
                if threading.current_thread() is not threading.main_thread():  # so it is no single test's
                    leftovers.lent[made] = "module"
                self._door.recv(20)
            finally:
                adopt(orphans=False)
        return made


def adopt(*, orphans: bool) -> None:
    """Become the parent of what the children of this process leave behind, or do not."""
    assert ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, int(orphans), 0, 0, 0) == 0


_beginning = threading.Lock()


def original(environ: dict[str, str]) -> Original:
    """Return the one of this process for those that have such an environment."""
    with _beginning:
        return _only(frozenset((name, environ[name]) for name in SHARED if name in environ))


_only = cache(Original)


class Warm(subprocess.Popen):
    """A process of a `command`; with `terminal`, that of its stdin is its own.

    One that is `cold` is started as any other is, and so are another program, one whose coverage is measured, and all
    elsewhere than on Linux.
    """

    def __init__(self, args: list[str], *, env: dict[str, str], terminal: bool = False, cold: bool = False, **rest: Any) -> None:
        self._words = args[2:]
        self._terminal = terminal
        self._warm = sys.platform == "linux" and args[:2] == [sys.executable, "-I"] and not (cold or env.get("COVERAGE_PROCESS_CONFIG"))
        before = take_terminal if terminal and not self._warm else None
        super().__init__(args, env=env, start_new_session=terminal, preexec_fn=before, **rest)

    def _execute_child(
        self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, startupinfo, creationflags, shell,
        p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, *rest,
    ) -> None:  # fmt: skip
        if not self._warm:
            more = (close_fds, pass_fds, cwd, env, startupinfo, creationflags, shell, p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)
            return super()._execute_child(args, executable, preexec_fn, *more, *rest)
        fds = [fd if fd != -1 else number for number, fd in enumerate((p2cread, c2pwrite, errwrite))]
        self.pid = original(env).fork({"command": self._words, "env": env, "cwd": str(cwd or Path.cwd()), "terminal": self._terminal}, fds)
        self._child_created = True
        for ours, theirs in ((p2cwrite, p2cread), (c2pread, c2pwrite), (errread, errwrite)):
            if theirs != -1 and ours != -1:
                os.close(theirs)
        self._closed_child_pipe_fds = True


def take_terminal() -> None:
    """Make the terminal of stdin the one of this session."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def run(args: list[str], *, timeout: float, stderr: int = subprocess.PIPE, **rest: Any) -> subprocess.CompletedProcess[Any]:
    """Run such a process to its end, as subprocess.run does; what it prints is returned."""
    with Warm(args, stdout=subprocess.PIPE, stderr=stderr, **rest) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(args, process.returncode, out, err)
