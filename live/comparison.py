"""Holds what was found on one Hub against what the simulated one would have said."""

from collections.abc import Iterable, Iterator, Sequence

from live import shapes
from live.findings import Difference, Exchange, Fact, Journal, Rule, Span
from live.headers import OF_THE_EDGE, form

# Seconds by which a time may exceed the simulated one: a network lies between.
SLACK = 1.0
# Seconds after which the action gives a request up (hf_action/hub/transport.py, REQUEST_TIMEOUT).
TOO_LONG = 10.0

Told = tuple[str, str, str]  # what, simulated, found


def compare(found: Journal, simulated: Journal, *, in_time: bool = True) -> list[Difference]:
    """Return all differences, each once, in the order of the tour; with `in_time` also answers that took too long."""
    told: dict[tuple[str, str, str, str], Difference] = {}
    expected = _by_situation(simulated.exchanges)
    for key, exchanges in _by_situation(found.exchanges).items():
        for exchange in exchanges:
            for what, here, there in _answer(exchange, expected.get(key, []), in_time=in_time):
                row = Difference(exchange.step, f"{exchange.situation}: {what}", here, there, exchange)
                told.setdefault((row.step, row.what, here, there), row)
    facts = {(fact.step, fact.what): fact for fact in simulated.facts}
    for fact in found.facts:
        if (known := facts.get((fact.step, fact.what))) is not None and not _agrees(fact, known):
            row = Difference(fact.step, fact.what, shown(known.value), shown(fact.value))
            told.setdefault((row.step, row.what, row.simulated, row.found), row)
    return list(told.values())


def unseen(found: Journal, simulated: Journal) -> list[tuple[str, str]]:
    """Return what only the simulated Hub showed, so that nothing was compared."""
    seen = {(each.step, each.situation) for each in found.exchanges} | {(each.step, each.what) for each in found.facts}
    left_out = {skip.step for skip in found.skips}
    known = [(each.step, each.situation) for each in simulated.exchanges]
    known += [(each.step, each.what) for each in simulated.facts]
    return [key for key in dict.fromkeys(known) if key not in seen and key[0] not in left_out]


def shown(value: object) -> str:
    """Return a value as people read it."""
    match value:
        case frozenset() | set():
            return ", ".join(sorted(map(str, value))) or "none"
        case list() | tuple():
            return " → ".join(map(str, value)) or "none"
        case bool():
            return "yes" if value else "no"
    return str(value)


def _by_situation(exchanges: Iterable[Exchange]) -> dict[tuple[str, str], list[Exchange]]:
    groups: dict[tuple[str, str], list[Exchange]] = {}
    for exchange in exchanges:
        groups.setdefault((exchange.step, exchange.situation), []).append(exchange)
    return groups


def _answer(found: Exchange, simulated: Sequence[Exchange], *, in_time: bool) -> Iterator[Told]:
    """Yield what an answer has and none of the simulated ones of its situation has."""
    answer = found.answer
    if in_time and (took := answer.answered - answer.sent) > TOO_LONG:
        yield "time until the answer", f"at most {TOO_LONG:g} s", f"{took:.0f} s"
    if not simulated:
        yield "this situation", "does not come about", f"comes about, status {answer.status}"
        return
    known = [exchange.answer for exchange in simulated]
    if answer.from_app != known[0].from_app:
        yield "who answers", _who(from_app=known[0].from_app), _who(from_app=answer.from_app)
        return
    if not answer.from_app:
        if answer.status not in {each.status for each in known}:
            yield "status", str(known[0].status), str(answer.status)
        if answer.words not in {each.words for each in known}:
            yield "words", known[0].words or "none", answer.words or "none"
    yield from _headers(found, simulated)
    if not answer.from_app:
        yield from shapes.differences(shapes.shape_of(answer.body), shapes.shape_of_all(each.body for each in known))


def _headers(found: Exchange, simulated: Sequence[Exchange]) -> Iterator[Told]:
    names = {name: None for exchange in (found, *simulated) for name in exchange.answer.headers}
    for name in names:
        if found.answer.from_app and name not in OF_THE_EDGE:
            continue
        there = _form(found, name)
        known = [_form(exchange, name) for exchange in simulated]
        if there not in known:
            yield f"header {name}", known[0], there


def _form(exchange: Exchange, name: str) -> str:
    value = exchange.answer.headers.get(name)
    return "missing" if value is None else form(name, value)


def _who(*, from_app: bool) -> str:
    return "the app" if from_app else "the Hub"


def _agrees(found: Fact, simulated: Fact) -> bool:
    match found.rule, found.value, simulated.value:
        case Rule.ORDER, list() as part, list() as whole:
            rest = iter(whole)
            return all(any(stage == other for other in rest) for stage in part)
        case Rule.AMONG, frozenset() as part, frozenset() as whole:
            return part <= whole
        case Rule.AT_MOST, Span() as span, Span() as known:
            return span.least <= known.most + SLACK
    return found.value == simulated.value
