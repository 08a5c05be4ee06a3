"""A fake clock, a world that lives by it, and that world behind a socket."""

import pytest
from huggingface_hub.utils import set_client_factory
from huggingface_hub.utils._http import default_client_factory

from simhub.clock import FakeClock
from simhub.server import serve
from simhub.world import World


@pytest.fixture(autouse=True)
def the_clients_own_client():
    """The action gives huggingface_hub a client of its own, for the whole process; here it is to have its usual one."""
    set_client_factory(default_client_factory)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def world(clock):
    return World(now=clock.now)


@pytest.fixture
def hub(world):
    with serve(world) as server:
        yield server
