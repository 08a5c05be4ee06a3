"""Results that must not be written: a machine would read a secret of this step in them, or what no file can hold.

An answer of the Hub may repeat the token where an id, a commit or a host belongs. Such a value is never rewritten, for
it would name something else then; the Space fails (docs/contract.md, Outputs). What is read from the Hub is checked
against its grammar before; this is the last door.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from hf_action.rules.models import SpaceInfo
from hf_action.rules.outcomes import Outcome
from hf_action.rules.results import Result

SEEN = "where an id, a stage, a commit or a host belongs, the Hub's answer has a secret of this step, or no plain text"
REMEDY = "Check which endpoint the step asks; if it is not yours to trust, revoke the token"


def withhold(results: Iterable[Result], holds_secret: Callable[[str], bool]) -> tuple[Result, ...]:
    """Return the results, where one that must not be written has nothing in it but that."""

    def is_unfit(values: Iterable[str]) -> bool:
        text = " ".join(values)
        return not text.isprintable() or holds_secret(text)

    return tuple(_without(one, is_unfit) if is_unfit(_values(one)) else one for one in results)


def _without(result: Result, is_unfit: Callable[[Iterable[str]], bool]) -> Result:
    outcome = result.outcome if result.outcome.status else Outcome.FAILED
    bare = replace(result, outcome=outcome, message=f"{SEEN}. {REMEDY}", before=None, after=None, timeline=(), log=())
    return replace(bare, space="", url="") if is_unfit((result.space, result.url)) else bare


def _values(result: Result) -> Iterator[str]:
    """Yield all that a machine reads of a result."""
    yield from (result.space, result.url)
    yield from (moment.stage for moment in result.timeline)
    for seen in (result.before, result.after):
        if seen:
            yield from _values_seen(seen)


def _values_seen(seen: SpaceInfo) -> Iterator[str]:
    runtime = seen.runtime
    texts = (
        *(seen.id, seen.head, seen.sdk, seen.sdk_version, seen.last_modified, seen.host),
        *(runtime.stage, runtime.commit, runtime.hardware, runtime.requested_hardware, *runtime.domains),
    )
    return (text for text in texts if text)
