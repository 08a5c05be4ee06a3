"""A recording, played to the whole action."""

import json
import random
import re
from contextlib import contextmanager

import pytest

from hf_action.hub import streams
from hf_action.hub.client import Hub
from simhub.replay import replay
from tests.support.network import logs_end_at_once, taken_in


@pytest.fixture
def quick_replay(monkeypatch):
    """Requests that stall cost a fraction of a second, and so does the end of a log."""
    monkeypatch.setitem(Hub.__init__.__kwdefaults__, "request_timeout", 0.3)
    monkeypatch.setattr(streams, "LOG_PAUSE", 0.4)


@pytest.fixture
def again(run, clock):
    """Run the step of a recording against that; yield how it ended, and the server."""

    @contextmanager
    def again(recording, *, token: str | None, env: dict[str, str] | None = None, tls=None, **more: str):
        with replay(recording, clock.now, tls=tls) as server, logs_end_at_once(server), taken_in(server.player.pulse):
            clock.next_change, clock.settled = server.player.next_change, server.player.pulse.settled
            inputs = {name.replace("-", "_"): server.leads_here(text) for name, text in recording.inputs.items()}
            random.seed(1)  # looks come at moments that differ by chance
            given = {name: text.replace("{url}", server.url) for name, text in (env or {}).items()}
            yield run(token=token, env={"HF_ENDPOINT": server.url} | given, **(inputs | more)), server

    return again


def told(outputs: dict[str, str]) -> dict[str, object]:
    """Return outputs as they can be compared.

    Without ids of requests: which of several refusals is quoted depends on the moments of the looks.

    Without times and the number of requests: an event may come a moment before or after a look. Spaces by their ids:
    they are sorted by name, and in an anonymous recording names are others.
    """
    outputs = {name: re.sub(r" ?Request id: [\w=-]+\.?", "", value) for name, value in outputs.items()}
    found: dict[str, object] = {name: value for name, value in outputs.items() if name not in ("elapsed", "requests")}
    spaces = [space | {"timeline": [moment["stage"] for moment in space.get("timeline", ())], "elapsed": 0} for space in json.loads(outputs["spaces"])]
    found["spaces"] = sorted(spaces, key=lambda space: space["id"])
    found["matrix"] = sorted(map(str, json.loads(outputs["matrix"])["include"]))
    return found
