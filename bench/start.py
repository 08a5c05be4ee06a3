"""How soon a process sends its first request, how soon it has ended, and what memory it takes, in real time.

`python -m bench.start` prints medians, the quarters around them and ratios to hf; with `--json`, all figures. The Space
runs already, so each peer ends with its first look. The peers take turns, so that a busy moment of the machine falls on
all of them; each is started once before, to have its bytecode.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.figures import cell, launch, launched, table
from bench.peers import ENVIRON, OWNER, TOKENS, Peer, command
from simhub.server import Request, serve
from simhub.world import Space, World

TURNS = 21
SPACE = f"{OWNER}/runs"
SHOWN = (Peer.HF, Peer.API, Peer.LOOP, Peer.ACTION)


def main() -> int:
    """Print what was measured, in words for people or all of it."""
    found = measure()
    print(json.dumps(found) if "--json" in sys.argv else shown(found))
    return 0


def shown(found: dict[str, dict[str, list[float]]]) -> str:
    """Return a table with a column for each peer."""
    rows = []
    for key in found[Peer.HF]:
        base, unit = median(found[Peer.HF][key]), "MB" if key == "memory" else "ms"
        rows.append([key, *(cell(found[peer][key], base=base, unit=unit, digits=0) for peer in SHOWN)])
    return table(["process start to", *SHOWN], rows)


def measure() -> dict[str, dict[str, list[float]]]:
    """Return milliseconds to the first request, to the end, of work of the processor, and MB of memory."""
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
        environ = ENVIRON | {"HF_ENDPOINT": hub.url, "HF_HOME": folder}
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):  # the action writes both, as in a workflow
            environ[name] = str(Path(folder, name))
            Path(environ[name]).touch()
        for turn in range(TURNS + 1):
            for peer in SHOWN:
                asked.clear()
                took = launched(launch(command(peer, SPACE), environ))
                if took["exit"]:
                    raise RuntimeError(f"{peer} failed with {took['exit']}")
                if turn:
                    row = found[peer]
                    row["first request"].append(1000 * (asked[0] - took["began"]))
                    row["end"].append(1000 * (took["ended"] - took["began"]))
                    row["processor"].append(1000 * took["processor"])
                    row["memory"].append(took["memory"])
    return found


if __name__ == "__main__":
    sys.exit(main())
