"""Finds the Spaces that patterns and filters choose, and asks for what their listings do not tell.

Source: docs/contract.md, "Inputs", the rows from `author` to `exclude-tag`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING

from hf_action.clock import Budget, Clock
from hf_action.operations.progress import run_parallel
from hf_action.rules.models import SpaceInfo
from hf_action.rules.outcomes import Denied, NotFound, OutOfTime, Refused
from hf_action.rules.selection import NO_SLEEP_TIME, Choice, Facts, Filters, Query, choose, left_out_by, queries

if TYPE_CHECKING:
    from hf_action.hub.client import Hub
    from hf_action.runner.log import Log

# Requests that are left for what comes after the selection.
RESERVE = 30


class Selector:
    """Asks the Hub for what the selection of one step needs, within the budget on `clock`."""

    def __init__(self, *, hub: "Hub", clock: Clock, log: "Log", budget: Budget, width: int) -> None:
        self._hub = hub
        self._clock = clock
        self._log = log
        self._budget = budget
        self._width = width
        self._one_at_a_time = Lock()

    def facts(self, filters: Filters, *, today: float) -> Facts:
        """Return what `filters` judge by besides the Spaces; raises Refused where the price list is needed and missing.

        Without prices no Space would be paid, and an audit would find nothing to complain of.
        """
        changed = datetime.fromtimestamp(today - (filters.unmodified_for or 0.0), UTC)
        since = changed.strftime("%Y-%m-%dT%H:%M:%S")
        if not filters.costs:
            return Facts(unmodified_since=since)
        prices = {flavor.lower(): price for flavor, price in self._hub.prices().items() if price >= 0}
        if not prices:
            raise Refused(
                "with-hardware: the Hub does not give its price list, which tells paid from free; nothing was sent.",
                remedy="Try again, or write names and patterns of flavors, such as t4-*,a10g-*.",
            )
        return Facts(prices=prices, unmodified_since=since)

    def listings(self, choices: Iterable[Choice], note: Callable[[str, int], None]) -> dict[Query, list[SpaceInfo]]:
        """Return the listings that the choices need, each asked for once; `note` is told how many Spaces an owner has.

        Raises:
            ActionError: one cannot be had.
        """
        listings: dict[Query, list[SpaceInfo]] = {}
        for choice in choices:
            asked = queries(choice.patterns, choice.filters)
            for query in asked:
                if query not in listings:
                    self._log.set_status(f"listing the Spaces of {query.author or 'all owners'}")
                    listings[query] = self._hub.list_spaces(query)
                    if query.author and not query.search:
                        note(query.author, len(listings[query]))
            if choice.filters.sleep_time is not None:
                self._read_sleep_times(choice, listings, asked)
        return listings

    def _read_sleep_times(self, choice: Choice, listings: dict[Query, list[SpaceInfo]], asked: Sequence[Query]) -> None:
        """Look at the Spaces themselves whose sleep time alone decides, and is not in the listing."""
        listed = [space for query in asked for space in listings[query]]
        wanted = choose(listed, choice.patterns, choice.filters.without_sleep_time)
        unknown = [space for space in wanted if left_out_by(space, choice.filters) == NO_SLEEP_TIME]
        found: dict[str, SpaceInfo] = {}

        def read(space: SpaceInfo) -> None:
            self._wait_for_quota(len(unknown))
            try:
                found[space.id] = self._hub.space_info(space.id)
            except (Denied, NotFound, Refused) as error:
                self._log.info(f"{space.id}: its sleep time is not known: {error}")

        self._log.set_status(f"reading the sleep time of {len(unknown)} Spaces")
        run_parallel(unknown, read, width=self._width)
        for query in asked:
            listings[query] = _replaced(listings[query], found)

    def _wait_for_quota(self, count: int) -> None:
        """Let the Hub's quota recover; raises OutOfTime where that takes longer than there is time."""
        with self._one_at_a_time:
            wait = self._hub.quota_wait(RESERVE)
            if not wait:
                return
            if self._clock.now() + wait >= self._budget.end:
                raise OutOfTime(
                    f"with-sleep-time: the Hub's quota does not allow a look at each of {count} Spaces in time; "
                    "nothing was sent.",
                    remedy="Give more timeout, or select fewer Spaces.",
                )
            self._log.info(f"the Hub's quota is nearly spent; going on in {wait:.0f} s")
            self._clock.sleep(wait)


def _replaced(listed: Sequence[SpaceInfo], found: Mapping[str, SpaceInfo]) -> list[SpaceInfo]:
    return [found.get(space.id, space) for space in listed]
