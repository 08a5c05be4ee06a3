"""A step in a container, and the folders that a runner shares with it."""

import os
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import Ended, read_outputs

# Seconds no step of these tests comes near; one that does is stuck.
STUCK = 60.0


def docker(*words: str) -> str:
    """Run docker, and return what it printed."""
    done = subprocess.run(["docker", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=STUCK)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass(frozen=True, slots=True)
class Files:
    """Folders and files that the runner makes for a step. Variables and mounts: actions/runner, ContainerActionHandler.

    The folders are those of the job; the files of its steps, and of a step's `stage`s, have names of their own.
    """

    root: Path
    stage: str = "main"

    def prepare(self) -> None:
        """Make the files, empty."""
        for file in (self.output, self.summary, self.state):
            file.touch(mode=0o644)
            if os.geteuid() == 0:
                os.chown(file, 1001, 1001)  # the runner's own user, who must be able to read what root wrote

    @property
    def workspace(self) -> Path:
        return self.root / "workspace"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def commands(self) -> Path:
        return self.root / "file_commands"

    @property
    def output(self) -> Path:
        return self.commands / f"set_output_{self.stage}"

    @property
    def summary(self) -> Path:
        return self.commands / f"step_summary_{self.stage}"

    @property
    def state(self) -> Path:
        return self.commands / f"save_state_{self.stage}"

    @property
    def mounts(self) -> tuple[str, ...]:
        """The folders as options of docker."""
        return tuple(
            f"--volume={folder}:/github/{folder.name}" for folder in (self.workspace, self.home, self.commands)
        )

    @property
    def environ(self) -> dict[str, str]:
        """The variables that say where they are, inside."""
        return {
            "HOME": "/github/home",
            "GITHUB_WORKSPACE": "/github/workspace",
            "GITHUB_OUTPUT": f"/github/file_commands/{self.output.name}",
            "GITHUB_STEP_SUMMARY": f"/github/file_commands/{self.summary.name}",
            "GITHUB_STATE": f"/github/file_commands/{self.state.name}",
        }


class Step:
    """A container under way."""

    def __init__(
        self, image: str, *words: str, options: Sequence[str], variables: Mapping[str, str], files: Files
    ) -> None:
        self._name = f"hf-space-test-{uuid.uuid4().hex[:12]}"
        self._files = files
        self._lines: list[str] = []
        self._came = threading.Condition()
        self._began = time.monotonic()
        command = [
            "docker",
            "run",
            "--name",
            self._name,
            "--workdir",
            "/github/workspace",
            *files.mounts,
            *options,
        ]
        command += [f"--env={name}={value}" for name, value in variables.items()]
        self.client = subprocess.Popen(
            [*command, image, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with self.client.stdout as lines:
            for line in lines:
                with self._came:
                    self._lines.append(line)
                    self._came.notify_all()

    @property
    def log(self) -> str:
        """All lines so far."""
        return "".join(self._lines)

    def until(self, text: str) -> None:
        """Wait until the log holds `text`."""
        with self._came:
            assert self._came.wait_for(lambda: text in self.log, timeout=STUCK), f"never said {text!r}:\n{self.log}"

    def kill(self, *signals: str) -> None:
        """Send signals to the container, one after the other."""
        for signal in signals:
            docker("kill", "--signal", signal, self._name)

    def end(self) -> Ended:
        """Wait for the end of the step, which must have found the bytecode of all that it imported."""
        try:
            status = self.client.wait(timeout=STUCK)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end in {STUCK:g} s:\n{self.log}") from None
        elapsed = time.monotonic() - self._began
        self._reader.join(timeout=5)
        assert not self.compiled, f"missing in the image, so that each container compiles it: {self.compiled}"
        return Ended(
            status=status,
            outputs=read_outputs(self._files.output),
            summary=self._files.summary.read_text(),
            log=self.log,
            elapsed=elapsed,
        )

    @property
    def compiled(self) -> list[str]:
        """The bytecode that the interpreter has written: of each module for which it found none."""
        changes = docker("diff", self._name).splitlines()
        return [line.removeprefix("A ") for line in changes if line.endswith(".pyc")]

    def remove(self) -> None:
        """Leave nothing behind, however the test ended."""
        command = ["docker", "rm", "--force", self._name]  # fails where the container was never made
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=STUCK)
        self.client.wait(timeout=STUCK)
