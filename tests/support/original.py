"""The program of the process that `Warm` forks: `python -I original.py DOOR`, DOOR being the number of a socket.

It imports the action, and makes a process of each message that comes. A process that is made returns from `fork`,
becomes what was asked for, and ends as any other interpreter.

huggingface_hub reads its environment as it is imported. It is watched which variables it reads; a process that has
another value of one of them imports it again, and the action with it. Two are another's in nearly all: HF_ENDPOINT and
HOME. What comes of them stands in constants.py of huggingface_hub and in its one `HfApi`, which are made again, and
nowhere else, which is looked for.
"""

import atexit
import fcntl
import gc
import importlib
import json
import logging
import os
import pkgutil
import random
import socket
import sys
import termios
import threading
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

ROOT = Path(__file__).parent.parent.parent
MADE_AGAIN = ("HF_ENDPOINT", "HOME")


def load() -> dict[str, str | None]:
    """Import the action and its packages; return what of the environment they have read, but for what is made again."""
    sys.path.insert(0, str(ROOT))
    import click  # noqa: PLC0415, F401 - of `hf`
    import tqdm.auto  # noqa: PLC0415, F401 - it goes through the whole environment, for names that begin with TQDM_

    own, read, get = dict(os.environ), set(), os._Environ.__getitem__

    def note(environ: Any, name: str) -> str:
        read.add(name)
        return get(environ, name)

    mark = f"nowhere-{os.getpid()}.example"
    os.environ.update(HF_ENDPOINT=f"https://{mark}", HOME=f"/{mark}")
    with mock.patch.object(os._Environ, "__getitem__", note):
        import hf_action  # noqa: PLC0415

        for module in pkgutil.walk_packages(hf_action.__path__, "hf_action."):
            importlib.import_module(module.name)
    sys.path.pop(0)
    urlsplit.cache_clear()
    gc.collect()
    constants, hub = (vars(sys.modules[f"huggingface_hub.{name}"]) for name in ("constants", "hf_api"))
    known = {id(constants), id(hub["api"]), *map(id, constants.values())}
    for holder in gc.get_objects():
        for held in gc.get_referents(holder):
            assert not (isinstance(held, str) and mark in held) or id(holder) in known, holder
    gc.freeze()
    return {name: own.get(name) for name in read.difference(MADE_AGAIN)}


def take_over(read: dict[str, str | None], *, script: bool) -> None:
    """Have all that has been imported as it would be in the environment of now; a script imports the action itself."""
    same = all(os.environ.get(name) == value for name, value in read.items())
    again = ("hf_action",) * script if same else ("hf_action", "huggingface_hub")
    for name in [name for name in sys.modules if name.partition(".")[0] in again]:
        del sys.modules[name]
    handlers = logging.getLogger("huggingface_hub").handlers
    if same:
        importlib.reload(sys.modules["huggingface_hub.constants"])
        sys.modules["huggingface_hub.hf_api"].api.__init__()
        handlers[0].setStream(sys.stderr)
    else:
        handlers.clear()


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
    read = load()
    door = socket.socket(fileno=int(sys.argv[1]))
    asked = fork(door)
    door.detach()
    first, *words = become(asked)
    take_over(read, script=first == "-c")
    if first == "-c":
        code, *words = words
    else:
        code = compile(Path(first).read_text(), first, "exec")
    sys.argv = [first, *words]
    try:
        exec(code, {"__name__": "__main__", "__file__": first})  # noqa: S102 - as the interpreter does
    except SystemExit as ended:
        leave(ended.code)
        raise


def leave(status: Any) -> None:
    """End as the interpreter does, but do not take all apart, which takes 17 ms; return where it has more to say."""
    threading._shutdown()
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream:
                stream.flush()
    except (OSError, ValueError):
        return
    if status is None or isinstance(status, int):
        os._exit((status or 0) & 0xFF)


if __name__ == "__main__":
    main()
