"""The listener of status events: what it hears, and how it hangs up."""

import ssl
import threading

import pytest

from live.connection import Connection
from live.reference import NO_CERTIFICATES
from live.streams import Listener
from simhub.server import Certificates
from simhub.world import StatusEvents
from tests.conftest import TOKEN

EVENTS = "/api/spaces/acme/demo/events"
# Seconds of this machine; no event takes so long.
LONG = 60.0


@pytest.fixture(params=["http", "https"])
def listening(request, place, tmp_path):
    """Return what opens a Hub, plain and over TLS, and listens to it; after its first sign of life it is silent."""
    tls = Certificates(tmp_path) if request.param == "https" else None
    trusted = ssl.create_default_context(cafile=tls.ca_file) if tls else NO_CERTIFICATES

    def listening(**space):
        there = place(tls=tls, keep_alive=3600, **space)
        connection = Connection(endpoint=there.hub.url, token=TOKEN, clock=there.clock, trusted=trusted)
        return there, connection, Listener(connection, EVENTS, now=0.0)

    return listening


def test_hanging_up_ends_the_thread(listening):
    """Also over TLS, where the thread waits for what never comes."""
    there, connection, listener = listening()
    with connection, listener:
        there.world.pause("acme/demo")
        assert listener.wait("PAUSED", LONG)
        assert not listener.ended
    assert listener.ended
    assert not [thread for thread in threading.enumerate() if thread.name == "live events"]


def test_a_stream_that_has_ended_is_not_waited_for(listening):
    """However long the time for it would be."""
    _, connection, listener = listening(status_events=StatusEvents.ENDING)
    with connection, listener:
        assert not listener.wait("PAUSED", LONG)
        assert listener.ended


def test_a_stream_that_is_refused_is_told_by_its_answer(listening):
    """With the words of the refusal."""
    _, connection, listener = listening(status_events=StatusEvents.MISSING)
    with connection, listener:
        assert listener.answer.status == 404
        assert not listener.wait("PAUSED", LONG)
