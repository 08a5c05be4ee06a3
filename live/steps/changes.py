"""Steps that change the stage, or show that something does not change it."""

from live.findings import Answer, Rule, Span, text_of
from live.steps.looks import listing_lag
from live.tour import Tour

# Seconds in which a paused Space starts after a visit or a factory reboot, or does not.
SETTLED = 15.0
# Seconds after RUNNING after which the app is not waited for any more.
HELD = 120.0


def restart(tour: Tour) -> None:
    """Restart the running Space."""
    tour.bring_to("RUNNING")
    _restart(tour, before="RUNNING")


def restart_paused(tour: Tour) -> None:
    """Restart the paused Space."""
    tour.bring_to("PAUSED")
    _restart(tour, before="PAUSED")


def pause(tour: Tour) -> None:
    """Pause the running Space, and see when a listing shows it."""
    tour.bring_to("RUNNING")
    answer = tour.post("/pause", "the answer to a pause")
    _told(tour, "a pause", answer)
    transition = tour.follow(before="RUNNING", written=answer.answered)
    tour.changed("a pause", transition)
    if transition.last == "PAUSED" and "listing" in tour.wanted:
        listing_lag(tour, "PAUSED")


def wake(tour: Tour) -> None:
    """Visit the paused Space, which must not wake it."""
    tour.bring_to("PAUSED")
    tour.visit("PAUSED", step=tour.step)
    transition = tour.follow(before="PAUSED", written=tour.clock.now(), still=SETTLED)
    tour.fact("stages after a visit of a paused Space", Rule.ORDER, transition.stages)


def factory(tour: Tour) -> None:
    """Request a factory reboot of the paused Space, and see whether it starts."""
    tour.bring_to("PAUSED")
    answer = tour.post("/restart?factory=true", "the answer to a factory reboot of a paused Space")
    _told(tour, "a factory reboot of a paused Space", answer)
    transition = tour.follow(before="PAUSED", written=answer.answered, still=SETTLED)
    tour.fact("stages after a factory reboot of a paused Space", Rule.ORDER, transition.stages)


def _restart(tour: Tour, before: str) -> None:
    what = f"a restart while {before}"
    answer = tour.post("/restart", f"the answer to {what}")
    _told(tour, what, answer)
    visits = "health" in tour.wanted

    def visit(stage: str) -> None:
        if visits:
            tour.visit(stage, step="health")

    transition = tour.follow(before=before, written=answer.answered, meanwhile=visit)
    tour.changed(what, transition)
    if visits and transition.last == "RUNNING":
        _until_served(tour, what)


def _told(tour: Tour, what: str, answer: Answer) -> None:
    """Keep the stage in the answer to a write."""
    tour.fact(f"stage in the answer to {what}", Rule.SAME, text_of(answer.body, "stage"))


def _until_served(tour: Tour, what: str) -> None:
    """Visit the app after RUNNING until it answers, and keep how long that took."""
    _, seen = tour.look()
    held = seen.answered
    while True:
        answer = tour.connection.visit(tour.profile.host, private=tour.profile.private)
        if answer.from_app or answer.sent - seen.answered > HELD:
            break
        held = answer.sent
        tour.clock.sleep(2.0)
    tour.visit("RUNNING", step="health")
    span = Span(held - seen.answered, answer.answered - seen.answered)
    tour.fact(f"the app does not answer yet after {what} has come to RUNNING", Rule.AT_MOST, span, step="health")
