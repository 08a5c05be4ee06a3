"""Steps that read streams: the status events while something changes, and the logs."""

from dataclasses import replace

from live.findings import Rule
from live.streams import Listener, LogRead, read_log
from live.tour import Tour, Transition


def events(tour: Tour) -> None:
    """Pause and restart the Space, and see which events come."""
    tour.bring_to("RUNNING")
    with Listener(tour.connection, tour.path("/events"), now=tour.clock.now()) as listener:
        tour.note("the events stream", listener.answer)
        if listener.answer.status >= 400:
            return
        tour.listener = listener
        try:
            transitions = [_change(tour, "pause", before="RUNNING"), _change(tour, "restart", before="PAUSED")]
        finally:
            tour.listener = None
        _judge(tour, listener, transitions)


def _change(tour: Tour, operation: str, before: str) -> Transition:
    answer = tour.connection.ask("POST", tour.path(f"/{operation}"))
    return tour.follow(before=before, written=answer.answered, keep=False)


def _judge(tour: Tour, listener: Listener, transitions: list[Transition]) -> None:
    """Keep the events that came, and the changes that none of them told."""
    tour.fact("the events stream has ended by itself", Rule.SAME, listener.ended)
    heard = [*listener.heard]
    tour.fact("names of events", Rule.AMONG, frozenset(name for name, _ in heard))
    told = [data for name, data in heard if name == "stage"]
    tour.fact("stages told by events", Rule.ORDER, told)
    rests = [transition.last for transition in transitions]
    tour.fact("resting stages that an event told", Rule.SAME, [rest for rest in rests if rest in told])
    if tour.every_change:
        seen = [stage for transition in transitions for stage in transition.stages[1:]]
        tour.fact("stages that no event told", Rule.SAME, [stage for stage in seen if stage not in told])


def logs(tour: Tour) -> None:
    """Read both logs of the running Space, and see whether `tail` works and whether they close."""
    tour.bring_to("RUNNING")
    whole = _log(tour, "build", "")
    if len(whole.lines) > 1:
        last = _log(tour, "build", "?tail=1")
        tour.fact("lines of a build log with tail=1", Rule.SAME, len(last.lines))
    else:
        tour.skip("the build log has one line at most, so that tail=1 shows nothing")
    _log(tour, "run", "?tail=100")


def _log(tour: Tour, kind: str, query: str) -> LogRead:
    read = read_log(tour.connection, tour.path(f"/logs/{kind}{query}"), now=tour.clock.now(), quiet=tour.patience.line)
    tour.note(f"the {kind} log{query}", read.answer)
    if read.lines:
        tour.note(f"lines of the {kind} log{query}", replace(read.answer, body=read.lines))
        outlines = {str(line.get("data")) for line in read.lines if isinstance(line, dict)}
        tour.fact(f"how lines of the {kind} log{query} begin and end", Rule.AMONG, frozenset(map(repr, outlines)))
    tour.fact(f"names of events in the {kind} log{query}", Rule.AMONG, read.names)
    tour.fact(f"how the {kind} log{query} ends while RUNNING", Rule.SAME, read.end.value)
    return read
