"""`make demo`: the action's main job on a simulated Hub, and what the `hf` command makes of the same moment.

A Space is restarted whose Hub goes on saying RUNNING, with the old commit, for some seconds. Everything but the Hub
is real: the entry point of the container, the files of the runner, the `hf` command.
"""

import html
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from simhub.scenarios import showcase  # noqa: E402
from simhub.server import serve  # noqa: E402
from simhub.world import World  # noqa: E402

SPACE, TWIN = "demo/stale-running", "demo/stale-twin"
SHOWN = ("result", "stage", "previous-stage", "commit", "elapsed", "requests", "message")


def main() -> int:
    """Run the demonstration; return the exit status of the action."""
    world = World(now=time.monotonic)
    (space,) = (space for space in showcase() if space.id == SPACE)
    world.add(space)
    world.add(replace(space, id=TWIN))
    with serve(world) as hub, tempfile.TemporaryDirectory() as folder:
        outputs, summary = Path(folder, "outputs"), Path(folder, "summary")
        outputs.touch()
        summary.touch()
        environ = {
            **os.environ,
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": "hf_simulatedwrite",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_STEP_SUMMARY": str(summary),
        }
        before = world.describe(SPACE)
        served, head, stage = before["runtime"]["sha"][:7], before["sha"][:7], before["runtime"]["stage"]
        title(f"{SPACE} is {stage} on commit {served}; {head} was pushed. It says so until 10 s after a restart")
        title(f"hf-space restart {SPACE}")
        restart = [sys.executable, "-I", str(ROOT / "entrypoint.py"), "restart", SPACE]
        status = subprocess.run(restart, env=environ, check=False).returncode
        title(f"exit status {status}; what a later step reads from the outputs")
        show_outputs(outputs.read_text())
        title("the job summary, as Markdown")
        print(html.unescape(summary.read_text()))
        show_hf(environ)
    return status


def title(text: str) -> None:
    """Print a heading."""
    print(f"\n\033[1m── {text}\033[0m" if sys.stdout.isatty() else f"\n── {text}", flush=True)


def show_outputs(text: str) -> None:
    """Print some of the outputs."""
    for name, _, value in re.findall(r"^([\w-]+)<<(\S+)\n(.*?)\n?\2$", text, re.DOTALL | re.MULTILINE):
        if name in SHOWN:
            print(f"  {name:<15} {value}")


def show_hf(environ: dict[str, str]) -> None:
    """Restart the Space once more, and wait for it with the `hf` command."""
    title("for comparison: `hf spaces restart` and `hf spaces wait` on a Space in the same state")
    hf = str(Path(sysconfig.get_path("scripts"), "hf"))
    for command in ("restart", "wait"):
        began = time.monotonic()
        words = [hf, "spaces", command, TWIN]
        done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
        said = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", done.stdout).split())
        print(f"  hf spaces {command:<8} exit {done.returncode} after {time.monotonic() - began:.1f}s: {said}")


if __name__ == "__main__":
    sys.exit(main())
