"""The container: how large it is, and how long `docker run` takes for `info`, next to its bare base image.

`python -m bench.container` prints it as JSON, or null where no Docker engine answers.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from bench.figures import ROOT
from bench.peers import ENVIRON, OWNER, TOKENS
from simhub.server import serve
from simhub.world import Space, World

TURNS = 11
SPACE = f"{OWNER}/runs"


def main() -> int:
    """Print sizes in MB, and milliseconds."""
    if not shutil.which("docker") or run("docker", "info").returncode:
        print("null")
        return 0
    image = run("make", "--no-print-directory", "image").stdout.decode().split()[-1]
    base = re.findall("^FROM (.*) AS interpreter$", Path(ROOT, "Dockerfile").read_text(), re.MULTILINE)[0]
    sizes = {name: int(run("docker", "image", "inspect", "--format={{.Size}}", name).stdout) for name in (image, base)}
    packed = run("docker", "run", "--rm", "--entrypoint=tar", image, "-czf-", "/action").stdout
    found = {
        "image": sizes[image] / 1e6,
        "base": sizes[base] / 1e6,
        "own": (sizes[image] - sizes[base]) / 1e6,
        "packed": len(packed) / 1e6,
        "milliseconds": milliseconds(image, base),
    }
    print(json.dumps(found))
    return 0


def milliseconds(image: str, base: str) -> dict[str, list[float]]:
    """Return how long containers took from `docker run` to its end; the three take turns."""
    world = World(now=time.monotonic, tokens=TOKENS)
    world.add(Space(id=SPACE))
    found: dict[str, list[float]] = {"base, `true`": [], "base, `python3 -c pass`": [], "action, `info`": []}
    with serve(world) as hub:
        environ = [f"--env={name}={value}" for name, value in (ENVIRON | {"HF_ENDPOINT": hub.url}).items()]
        commands = (
            ("--entrypoint=true", base),
            ("--entrypoint=python3", base, "-I", "-c", "pass"),
            (*environ, image, "info", SPACE),
        )
        for _ in range(TURNS):
            for name, words in zip(found, commands, strict=True):
                began = time.monotonic()
                done = run("docker", "run", "--rm", "--network=host", *words)
                found[name].append(1000 * (time.monotonic() - began))
                if done.returncode:
                    raise RuntimeError(f"{name} failed: {done.stderr.decode()}")
    return found


def run(program: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program from the folder of the repository."""
    return subprocess.run([shutil.which(program) or program, *words], cwd=ROOT, capture_output=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
