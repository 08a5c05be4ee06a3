"""Who waits for a Space: what people use today, and the action. Each as a process of its own, and in this one.

In this process a peer can live by any clock. The action is handed one; for the others the module `time` is replaced
where they wait, and nothing else: each makes its own requests, by its own rules, over a real socket.
"""

import io
import os
import sys
import sysconfig
import types
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from enum import StrEnum
from pathlib import Path

from hf_action.clock import Clock
from hf_action.runner.github import Runner
from hf_action.runner.log import Log
from hf_action.step import StepRun
from simhub.access import Token

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "hf_TokenOfTheBenchmark"
OWNER = "acme"
TOKENS = {TOKEN: Token(name="bench", owners=frozenset({OWNER}), writes=frozenset({OWNER}))}
# Seconds that a wait may take, the same for all; no timeline here is that long.
UNREACHABLE_AFTER = 2700
# hf looks for updates of itself, and for coding agents: no peer is to wait for servers that are not there.
ENVIRON = {"HF_TOKEN": TOKEN, "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1"}


class Peer(StrEnum):
    """One way to wait. `QUIET` is the action where the Hub has no events for it."""

    HF = "hf spaces wait"
    API = "HfApi.wait_for_space"
    LOOP = "loop of 10 s"
    QUIET = "action, no events"
    ACTION = "action"


def command(peer: Peer, *spaces: str) -> list[str]:
    """Return the command that waits for Spaces, as a workflow or a shell would run it."""
    match peer:
        case Peer.HF:
            return [str(Path(sysconfig.get_path("scripts"), "hf")), "spaces", "wait", *spaces]
        case Peer.API:
            return [sys.executable, str(ROOT / "bench/api.py"), *spaces]
        case Peer.LOOP:
            return [sys.executable, str(ROOT / "bench/loop.py"), *spaces]
    return [sys.executable, "-I", str(ROOT / "entrypoint.py"), "wait", *spaces]


def prepare(endpoint: str, clock: Clock | None = None) -> None:
    """Make ready to `play`: import everything, and let everybody live by `clock` if there is one."""
    os.environ |= ENVIRON | {"HF_ENDPOINT": endpoint}
    import huggingface_hub.cli.hf
    import huggingface_hub.cli.spaces
    import huggingface_hub.hf_api

    import bench.api
    import bench.loop
    import hf_action.hub.client
    import hf_action.main  # noqa: F401

    if clock:
        time = types.SimpleNamespace(monotonic=clock.now, sleep=clock.sleep)
        for module in (huggingface_hub.hf_api, bench.loop):
            vars(module)["time"] = time


def play(
    peer: Peer, space: str, *, restart: bool = False, flags: Sequence[str] = (), clock: Clock | None = None
) -> int:
    """Wait for a Space in this process, restarted first if `restart`; return the exit status.

    `flags` are for the action alone, which may also be given a pattern.
    """
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        if peer in (Peer.QUIET, Peer.ACTION):
            words = ["restart" if restart else "wait", space, f"--timeout={UNREACHABLE_AFTER}", *flags]
            return act(words, clock) if clock else act_for_real(words)
        if restart:
            hf("spaces", "restart", space)
        if peer is Peer.HF:
            return hf("spaces", "wait", space, f"--timeout={UNREACHABLE_AFTER}s")
        from bench import api, loop

        if peer is Peer.API:
            return api.main(space, patience=UNREACHABLE_AFTER)
        return loop.main(space, patience=UNREACHABLE_AFTER)


def act(words: Sequence[str], clock: Clock) -> int:
    """Run one step of the action on a clock; return its exit status."""
    runner, began = Runner(), clock.now()
    attempt = StepRun(words, runner=runner, log=Log(clock=clock, runner=runner, began=began), began=began)
    attempt.work()
    return attempt.report(cancelled=False)


def act_for_real(words: Sequence[str]) -> int:
    """Run one step of the action as its process does; return its exit status."""
    from hf_action.main import main

    return main(list(words))


def hf(*words: str) -> int:
    """Run the `hf` command in this process; return its exit status."""
    from huggingface_hub.cli.hf import main

    sys.argv = ["hf", *words]
    try:
        main()  # type: ignore[no-untyped-call]
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
