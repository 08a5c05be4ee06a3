"""Processes of the action that start in a third of the time: forks of one that has imported what it needs.

That one has no threads, is isolated as the container is, and has not read its environment: it has imported the packages
and the rooms of the action, but not huggingface_hub, which reads variables as it is imported, nor what stands on it. A
test of how a process starts, or of its coverage, starts a real one.
"""

import atexit
import ctypes
import fcntl
import json
import os
import socket
import subprocess
import sys
import termios
import threading
from functools import cache
from pathlib import Path
from typing import Any

from tests.support import leftovers

ROOT = Path(__file__).parent.parent.parent
PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>

ORIGINAL = """
import sys
sys.path.insert(0, {root!r})
import array, fcntl, gc, json, os, random, socket, termios
import hf_action.main, hf_action.step
assert "huggingface_hub" not in sys.modules
import huggingface_hub.hf_api
for name in [name for name in sys.modules if name.partition(".")[0] == "huggingface_hub"]:
    del sys.modules[name]
del name
sys.path.pop(0)
gc.collect()
gc.freeze()

def fork(door):
    # Return in each process that is asked for: the words of its command.
    while True:
        text, fds, _, _ = socket.recv_fds(door, 1 << 20, 3)
        if not text:
            os._exit(0)
        told, tell = os.pipe()
        middle = os.fork()  # which ends at once, so that the new one becomes a child of who asked
        if middle:
            os.close(tell)
            for fd in fds:
                os.close(fd)
            door.send(os.read(told, 20))
            os.close(told)
            os.waitpid(middle, 0)
            door.send(b"it is yours")
            continue
        made = os.fork()
        if made:
            os.write(tell, str(made).encode())
            os._exit(0)
        asked = json.loads(text)
        if asked["terminal"]:
            os.setsid()
        for number, fd in enumerate(fds):
            os.dup2(fd, number)
        if asked["terminal"]:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        os.closerange(3, 1 << 16)
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["env"])
        random.seed()
        return asked["command"]

door = socket.socket(fileno=int(sys.argv[1]))
command = fork(door)
door.detach()
for number, mode in enumerate("rww"):
    stream = open(number, mode, buffering=1 if number == 2 or os.isatty(number) else -1, encoding="utf-8", errors="surrogateescape", closefd=False)
    setattr(sys, ("stdin", "stdout", "stderr")[number], stream)
    setattr(sys, ("__stdin__", "__stdout__", "__stderr__")[number], stream)
if command[0] == "-c":
    code, sys.argv = command[1], ["-c", *command[2:]]
else:
    __file__, sys.argv = command[0], command
    code = compile(open(__file__).read(), __file__, "exec")
for name in ("array", "door", "fork", "number", "mode", "stream", "command", "random", "json", "gc", "fcntl", "termios", "socket"):
    globals().pop(name)
exec(code)
"""


class Original:
    """The process that others are forks of; started with the first."""

    def __init__(self) -> None:
        self._door, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", ORIGINAL.format(root=str(ROOT)), str(inside.fileno())], pass_fds=[inside.fileno()], env={"PATH": os.environ["PATH"]}
        )
        inside.close()
        leftovers.lent[self._process.pid] = "session"
        atexit.register(self.end)

    def end(self) -> None:
        """Let it end, as nothing more is asked for."""
        self._door.close()
        self._process.wait()

    def fork(self, asked: dict[str, Any], fds: list[int]) -> int:
        """Return the id of a new process, which is a child of this one."""
        with self._lock:
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


def original() -> Original:
    """Return the one of this process."""
    with _beginning:
        return _only()


@cache
def _only() -> Original:
    return Original()


class Warm(subprocess.Popen):
    """A process of `[sys.executable, "-I", …]`; with `terminal`, that of its stdin is its own.

    Where coverage is measured, and elsewhere than on Linux, it is started as any other.
    """

    def __init__(self, args: list[Any], *, env: dict[str, str], terminal: bool = False, **rest: Any) -> None:
        assert args[:2] == [sys.executable, "-I"]
        self._command = [str(word) for word in args[2:]]
        self._terminal = terminal
        self._warm = sys.platform == "linux" and not env.get("COVERAGE_PROCESS_CONFIG")
        super().__init__(args, env=env, start_new_session=terminal, preexec_fn=take_terminal if terminal and not self._warm else None, **rest)

    def _execute_child(
        self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, startupinfo, creationflags, shell,
        p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, *rest,
    ) -> None:  # fmt: skip
        if not self._warm:
            more = (close_fds, pass_fds, cwd, env, startupinfo, creationflags, shell, p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)
            return super()._execute_child(args, executable, preexec_fn, *more, *rest)
        fds = [fd if fd != -1 else number for number, fd in enumerate((p2cread, c2pwrite, errwrite))]
        asked = {"command": self._command, "env": env, "cwd": str(cwd or Path.cwd()), "terminal": self._terminal}
        self.pid = original().fork(asked, fds)
        self._child_created = True
        for ours, theirs in ((p2cwrite, p2cread), (c2pread, c2pwrite), (errread, errwrite)):
            if theirs != -1 and ours != -1:
                os.close(theirs)
        self._closed_child_pipe_fds = True


def take_terminal() -> None:
    """Make the terminal of stdin the one of this session."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def run(args: list[Any], *, timeout: float, **rest: Any) -> subprocess.CompletedProcess[Any]:
    """Run such a process to its end, as subprocess.run does; what it prints is returned."""
    with Warm(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **rest) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(args, process.returncode, out, err)
