"""One summary to look at: docs/summary.md, and the pictures of it in the README. `make golden` makes them again."""

import os

import pytest

from simhub.scenarios import BUILD_FAILED, FAILED_BUILD_LOG
from simhub.world import HEAD, REQUESTED, Phase, Script, Space
from tests.browser.__main__ import GOLDEN, PICTURES, SUMS, sums

OLD, NEW = "a73e54d0c1f4b8e29d6a7c35f08b1e62d94c7a10", "3d2e3a67dc686c9c3abc3aaede5f66cd1fa7434c"


def rebuild(stale: float, seconds: float) -> Script:
    """Return a rebuild of a live Space that the Hub says nothing of for `stale` seconds."""
    return (
        Phase(stale, "RUNNING_BUILDING"),
        Phase(stale + seconds, "RUNNING", commit=HEAD, hardware=REQUESTED),
    )


@pytest.fixture
def markdown(run, world, hub) -> str:
    """The summary of a restart: two Spaces whose old build goes on for a while, and one that cannot be built."""
    failing = (Phase(5, "BUILDING"), Phase(65, "BUILD_ERROR", error=BUILD_FAILED))
    world.add(Space(id="acme/chat", commit=OLD, head=NEW, scripts={"restart": rebuild(stale=10, seconds=70)}))
    world.add(Space(id="acme/image", commit=OLD, head=NEW, hardware="t4-small", scripts={"restart": rebuild(stale=20, seconds=115)}))
    world.add(Space(id="acme/search", commit=OLD, head=NEW, scripts={"restart": failing}, build_log=FAILED_BUILD_LOG))
    # One after the other and at an even pace, so that it is the same every time.
    ended = run("restart", "acme/chat", "acme/image", "acme/search", max_parallel="1", poll_interval="5s")
    return ended.summary.replace(hub.url, "https://huggingface.co")


def test_the_summary_is_what_the_documents_show(markdown):
    """The real code has made it."""
    if os.environ.get("WRITE_GOLDEN") == "1":
        GOLDEN.write_text(markdown)
    assert GOLDEN.read_text() == markdown, "`make golden` writes it and takes the pictures again"


def test_the_pictures_are_of_that_summary():
    """What they were taken of is noted beside them; large ones do not belong in a README."""
    assert SUMS.read_text() == sums()
    assert all(10_000 < picture.stat().st_size < 150_000 for picture in PICTURES.values())
