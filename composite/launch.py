"""Starts the action on a runner without Docker: in an environment of its own, made of the pinned packages.

It runs before anything is installed, so it imports only the standard library. composite/action.yml has made sure of the
interpreter's version.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "requirements" / "image.txt"
HELP = "Put actions/setup-python before this step, or see docs/runners.md for what a runner needs"
# The pins of the container, which leave out what packages name but the action never imports: so --no-deps.
INSTALL = ("install", "--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes", "--no-deps")


class NoEnvironment(Exception):
    """Why there is no environment to run in, in one line."""


def main() -> int:
    """Run the action with the words of the command; return its exit status."""
    try:
        python = environment()
    except NoEnvironment as problem:
        report(f"{problem}. {HELP}")
        return 1
    os.environ.pop("GITHUB_STATE", None)  # what is kept there is for a post step, and a composite action has none
    command = [str(python), "-I", str(ROOT / "entrypoint.py"), *sys.argv[1:]]
    if os.name == "nt":  # there, exec ends at once for the waiting step, which then has no exit status of the action
        return subprocess.call(command)
    os.execv(python, command)  # so that signals of the runner reach the action itself


def report(message: str) -> None:
    """Tell later steps, too, that the action could not start; there is nothing yet that writes all of its outputs."""
    print(f"::error::{message}", flush=True)
    if os.environ.get("GITHUB_OUTPUT"):
        with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
            file.write(f"result=failed\nmessage={message}\n")


def environment() -> Path:
    """Return the interpreter of the environment, which is made unless an earlier step of this runner has made it."""
    mistakes = []
    for folder in folders():
        ready = folder / key()
        if not interpreter(ready).is_file():
            try:
                make(ready)
            except OSError as error:  # such as a tool cache that is only to be read
                mistakes.append(f"{folder}: {error}")
                continue
        return interpreter(ready)
    raise NoEnvironment(f"No folder for the packages of the action can be written to ({'; '.join(mistakes)})")


def folders() -> Iterator[Path]:
    """Yield where environments may be kept: what a runner keeps for later jobs comes first."""
    for name in ("RUNNER_TOOL_CACHE", "RUNNER_TEMP"):
        if os.environ.get(name):
            yield Path(os.environ[name]) / "hf-space"
    yield Path(tempfile.gettempdir()) / f"hf-space-{os.environ.get('USER') or os.environ.get('USERNAME') or 'runner'}"


def key() -> str:
    """Return a name that changes with the pins, and with the interpreter that runs them."""
    made_of = (sys.version, sys.base_prefix, sysconfig.get_platform(), *platform.libc_ver(), PINS.read_text("utf-8"))
    return hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:16]


def interpreter(folder: Path) -> Path:
    """Return where the interpreter of an environment is."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make(ready: Path) -> None:
    """Make an environment; it appears under its name only once it is complete, so that no other job sees half of it."""
    ready.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="making-", dir=ready.parent))
    try:
        attempt("An environment", lambda: venv.create(folder, with_pip=True, symlinks=os.name != "nt"))
        run = [str(interpreter(folder)), "-I", "-m", "pip", *INSTALL, "--requirement", str(PINS)]
        attempt("The packages of the action", lambda: subprocess.run(run, cwd=folder, check=True, capture_output=True))
        try:
            folder.rename(ready)
        except OSError:
            if not interpreter(ready).is_file():  # unless another job has just made the same one
                raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def attempt(what: str, work: Callable[[], object]) -> None:
    """Do what starts another process; its last line says why it failed.

    Raises:
        NoEnvironment: it did.
    """
    try:
        work()
    except subprocess.CalledProcessError as error:
        said = ((error.stderr or b"") + (error.stdout or b"")).decode(errors="replace").split("\n")
        print("\n".join(line for line in said if line.strip()), file=sys.stderr, flush=True)
        last = next((line.strip() for line in reversed(said) if line.strip()), f"exit status {error.returncode}")
        raise NoEnvironment(f"{what} could not be installed: {last}") from None


if __name__ == "__main__":
    sys.exit(main())
