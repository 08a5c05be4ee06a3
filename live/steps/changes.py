"""Steps that change the stage: restart, pause, a visit of the paused Space, restart of it, factory reboot of it."""

from live.findings import Answer, Kind, Span, text_of
from live.steps.looks import listing_lag
from live.tour import Tour

# Seconds after a factory reboot of a paused Space in which it moves, or stays as it is.
FACTORY = 15.0
# Seconds after RUNNING for which the edge may go on serving its holding page.
HELD = 120.0


def restart(tour: Tour) -> None:
    """Restart the running Space."""
    tour.be("RUNNING")
    _restart(tour, before="RUNNING")


def restart_paused(tour: Tour) -> None:
    """Restart the paused Space."""
    tour.be("PAUSED")
    _restart(tour, before="PAUSED")


def pause(tour: Tour) -> None:
    """Pause the running Space, and see when a listing tells of it."""
    tour.be("RUNNING")
    answer = tour.post("/pause", "the answer to a pause")
    _told(tour, "a pause", answer)
    passage = tour.follow(before="RUNNING", written=answer.answered)
    tour.changed("a pause", passage)
    if passage.last == "PAUSED" and "listing" in tour.wanted:
        listing_lag(tour, "PAUSED")


def wake(tour: Tour) -> None:
    """Visit the paused Space, which must not wake it."""
    tour.be("PAUSED")
    tour.visit("PAUSED", step=tour.step)
    passage = tour.follow(before="PAUSED", written=tour.clock.now(), still=FACTORY)
    tour.fact("stages after a visit of a paused Space", Kind.ORDER, passage.stages)


def factory(tour: Tour) -> None:
    """Send the paused Space a factory reboot, and see whether that starts it."""
    tour.be("PAUSED")
    answer = tour.post("/restart?factory=true", "the answer to a factory reboot of a paused Space")
    _told(tour, "a factory reboot of a paused Space", answer)
    passage = tour.follow(before="PAUSED", written=answer.answered, still=FACTORY)
    tour.fact("stages after a factory reboot of a paused Space", Kind.ORDER, passage.stages)


def _restart(tour: Tour, before: str) -> None:
    what = f"a restart while {before}"
    answer = tour.post("/restart", f"the answer to {what}")
    _told(tour, what, answer)
    visits = "health" in tour.wanted

    def visit(stage: str) -> None:
        if visits:
            tour.visit(stage, step="health")

    passage = tour.follow(before=before, written=answer.answered, meanwhile=visit)
    tour.changed(what, passage)
    if visits and passage.last == "RUNNING":
        _until_served(tour, what)


def _told(tour: Tour, what: str, answer: Answer) -> None:
    """Keep the stage that the answer to a write tells."""
    tour.fact(f"stage in the answer to {what}", Kind.SAME, text_of(answer.body, "stage"))


def _until_served(tour: Tour, what: str) -> None:
    """Visit the app after RUNNING until it answers itself, and keep for how long it did not."""
    _, seen = tour.look()
    held = seen.answered
    while True:
        answer = tour.connection.visit(tour.likeness.host, private=tour.likeness.private)
        if answer.own or answer.sent - seen.answered > HELD:
            break
        held = answer.sent
        tour.clock.sleep(2.0)
    tour.visit("RUNNING", step="health")
    span = Span(held - seen.answered, answer.answered - seen.answered)
    tour.fact(f"the app does not answer yet after {what} has come to RUNNING", Kind.AT_MOST, span, step="health")
