"""The container: how large it is, and how long `docker run` takes for `info`, on two bases and without our bytecode.

`python -m bench.container` prints a table; with `--json`, all figures. The official image has the standard library
without bytecode; what stands for it where no registry can be reached may have some. So the action is measured on a base
without and on the one that is there, next to itself without the bytecode that it brings along.
"""

import json
import shutil
import subprocess
import sys
import time
from statistics import median
from typing import Any

from bench.figures import ROOT, cell, table
from bench.peers import ENVIRON, OWNER, TOKENS
from simhub.server import serve
from simhub.world import Space, World

TURNS = 7
SPACE = f"{OWNER}/runs"
BEFORE = "action without bytecode of the standard library, `info`"
AFTER = "action, `info`"
# Removes what that is: all bytecode that is not below /action.
REMOVE = "find / -xdev -path /action -prune -o -name __pycache__ -prune -exec rm -r {} +"
# Prints to the standard output, packed, what is ours in an image on a base without bytecode.
PACK = "find / -xdev -name '*.pyc' -not -path '/action/*' | tar -czf - -T - /action"


def main() -> int:
    """Print what was measured, in words for people or all of it."""
    found = measure()
    print(json.dumps(found) if "--json" in sys.argv else shown(found))
    return 0


def shown(found: dict[str, Any] | None) -> str:
    """Return a table of times, with ratios to the action without its bytecode, and of sizes."""
    if found is None:
        return "The container was NOT MEASURED: no Docker engine answers."
    times = found["milliseconds"]
    rows = [
        [f"`docker run` to its end: {name}", cell(taken, base=median(times[BEFORE]), unit="ms", digits=0)]
        for name, taken in times.items()
    ]
    rows += [
        ["size of the image", f"{found['image']:.1f} MB"],
        ["of which the base image", f"{found['base']:.1f} MB"],
        ["of which our one layer", f"{found['own']:.1f} MB, {found['packed']:.1f} MB packed"],
    ]
    return table(["container", ""], rows)


def measure() -> dict[str, Any] | None:
    """Return sizes in MB, and milliseconds; None where no Docker engine answers."""
    if not shutil.which("docker") or run("docker", "info").returncode:
        return None
    base, image = last("make", "base"), last("make", "image", "BASE=hf-space-base")
    before = last("docker", "build", "--quiet", "-", given=f"FROM hf-space\nRUN {REMOVE}\n")
    there = last("make", "image")
    own, below = (int(last("docker", "image", "inspect", "--format={{.Size}}", name)) for name in (image, base))
    return {
        "image": own / 1e6,
        "base": below / 1e6,
        "own": (own - below) / 1e6,
        "packed": len(run("docker", "run", "--rm", "--entrypoint=sh", image, "-c", PACK).stdout) / 1e6,
        "milliseconds": milliseconds(
            {
                "base, `true`": ("--entrypoint=true", base),
                "base, `python3 -c pass`": ("--entrypoint=python3", base, "-I", "-c", "pass"),
                BEFORE: (before, "info", SPACE),
                AFTER: (image, "info", SPACE),
                f"{AFTER}, on the base as it is here": (there, "info", SPACE),
            }
        ),
    }


def milliseconds(commands: dict[str, tuple[str, ...]]) -> dict[str, list[float]]:
    """Return how long containers took from `docker run` to its end; they take turns."""
    world = World(now=time.monotonic, tokens=TOKENS)
    world.add(Space(id=SPACE))
    found: dict[str, list[float]] = {name: [] for name in commands}
    with serve(world) as hub:
        environ = [f"--env={name}={value}" for name, value in (ENVIRON | {"HF_ENDPOINT": hub.url}).items()]
        for _ in range(TURNS):
            for name, words in commands.items():
                began = time.monotonic()
                done = run("docker", "run", "--rm", "--network=host", *environ, *words)
                found[name].append(1000 * (time.monotonic() - began))
                if done.returncode:
                    raise RuntimeError(f"{name} failed: {done.stderr.decode()}")
    return found


def last(*words: str, given: str = "") -> str:
    """Run a program that must not fail, with `given` as its input; return the last word of what it prints."""
    done = run(*words, given=given)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} failed: {done.stderr.decode()}")
    return done.stdout.decode().split()[-1]


def run(program: str, *words: str, given: str = "") -> subprocess.CompletedProcess[bytes]:
    """Run a program from the folder of the repository."""
    command = [shutil.which(program) or program, *words]
    return subprocess.run(command, cwd=ROOT, input=given.encode(), capture_output=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
