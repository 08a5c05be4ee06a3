"""How soon a process sends its first request, how soon it has ended, and what memory it takes, in real time.

`python -m bench.start` prints it as JSON. The Space runs already, so each peer ends with its first look. The peers take
turns, so that a busy moment of the machine falls on all of them; each is started once before, to have its bytecode.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from bench.peers import ENVIRON, OWNER, TOKENS, Peer, command
from simhub.server import Request, serve
from simhub.world import Space, World

TURNS = 21
SPACE = f"{OWNER}/runs"
SHOWN = (Peer.HF, Peer.API, Peer.LOOP, Peer.ACTION)


def main() -> int:
    """Print milliseconds to the first request, to the end, of work of the processor, and MB of memory."""
    asked: list[float] = []

    def note(request: Request) -> None:
        if SPACE in request.path:  # hf asks first which coding agents there are
            asked.append(time.monotonic())

    world = World(now=time.monotonic, tokens=TOKENS)
    world.meter.quota = 1_000_000
    world.add(Space(id=SPACE))
    found: dict[str, dict[str, list[float]]] = {
        peer: {"first request": [], "end": [], "processor": [], "memory": []} for peer in SHOWN
    }
    with serve(world, on_request=note) as hub, tempfile.TemporaryDirectory() as folder:
        environ = {"PATH": os.environ["PATH"], "HF_ENDPOINT": hub.url, "HF_HOME": folder} | ENVIRON
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):  # the action writes both, as in a workflow
            environ[name] = str(Path(folder, name))
            Path(environ[name]).touch()
        for turn in range(TURNS + 1):
            for peer in SHOWN:
                asked.clear()
                began = time.monotonic()
                status, processor, memory = run(command(peer, SPACE), environ)
                ended = time.monotonic()
                if status:
                    raise RuntimeError(f"{peer} failed with {status}")
                if turn:
                    row = found[peer]
                    row["first request"].append(1000 * (asked[0] - began))
                    row["end"].append(1000 * (ended - began))
                    row["processor"].append(1000 * processor)
                    row["memory"].append(memory)
    print(json.dumps(found))
    return 0


def run(words: list[str], environ: dict[str, str]) -> tuple[int, float, float]:
    """Run a command in silence; return its exit status, seconds of the processor, and the peak of its memory in MB."""
    with Path(os.devnull).open("r+b") as null:
        silent = [(os.POSIX_SPAWN_DUP2, null.fileno(), stream) for stream in (0, 1, 2)]
        pid = os.posix_spawn(words[0], words, environ, file_actions=silent)
    _, status, used = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
