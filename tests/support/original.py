"""The program of the process that `Warm` forks: `python -I original.py DOOR`, DOOR being the number of a socket.

It imports what can be imported before the environment is known, and makes a process of each message that comes. A
process that is made returns from `fork`, becomes what was asked for, and ends as any other interpreter.
"""

import fcntl
import gc
import json
import os
import random
import socket
import sys
import termios
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent


def load() -> None:
    """Import the packages and the rooms of the action, but neither huggingface_hub nor what stands on it."""
    sys.path.insert(0, str(ROOT))

    assert "huggingface_hub" not in sys.modules
    import huggingface_hub.hf_api  # noqa: PLC0415, F401 - for what it imports

    for name in [name for name in sys.modules if name.partition(".")[0] == "huggingface_hub"]:
        del sys.modules[name]
    sys.path.pop(0)
    gc.collect()
    gc.freeze()


def fork(door: socket.socket) -> dict[str, Any]:
    """Make processes, and return in each what is asked of it; end where nobody asks any more."""
    while True:
        text, fds, _, _ = socket.recv_fds(door, 1 << 20, 3)
        if not text:
            sys.exit()
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
        for number, fd in enumerate(fds):
            os.dup2(fd, number)
        return json.loads(text)


def become(asked: dict[str, Any]) -> list[str]:
    """Take on terminal, folder, environment and streams; return the words of the command."""
    if asked["terminal"]:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.closerange(3, 1 << 16)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    random.seed()
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        buffering = 1 if name == "stderr" or os.isatty(number) else -1
        stream = open(number, "w" if number else "r", buffering=buffering, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115 - a number, and for as long as the process lasts
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    return asked["command"]


def main() -> None:
    """Be the process that others are forks of, and in each of those its program."""
    load()
    door = socket.socket(fileno=int(sys.argv[1]))
    asked = fork(door)
    door.detach()
    first, *words = become(asked)
    if first == "-c":
        code, *words = words
    else:
        code = compile(Path(first).read_text(), first, "exec")
    sys.argv = [first, *words]
    exec(code, {"__name__": "__main__", "__file__": first})  # noqa: S102 - as the interpreter does


if __name__ == "__main__":
    main()
