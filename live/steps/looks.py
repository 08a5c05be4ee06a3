"""Steps that only read: the Space, the account, the listing, the quota."""

from dataclasses import replace

from huggingface_hub.utils import parse_ratelimit_headers

from live.connection import Who
from live.findings import Answer, Rule, Span, text_of
from live.survey import next_page
from live.tour import Tour

EXPANDED = ("author", "lastModified", "private", "runtime", "sdk", "sha", "subdomain", "tags")
# Seconds after which a listing is not waited for any more.
LAG = 120.0


def look(tour: Tour) -> None:
    """Look at the Space in every way that the action does."""
    tour.get("", "the whole Space")
    tour.get("", "the Space with expand", params=tuple(("expand", name) for name in EXPANDED))
    tour.look()
    tour.note("hardware and prices", tour.connection.ask("GET", "/api/spaces/hardware", who=Who.ANONYMOUS))


def whoami(tour: Tour) -> None:
    """Ask whose token it is, and ask without one."""
    tour.note("whoami", tour.connection.ask("GET", "/api/whoami-v2"))
    tour.note("whoami without a token", tour.connection.ask("GET", "/api/whoami-v2", who=Who.ANONYMOUS))


def listing(tour: Tour) -> None:
    """List the Spaces of the owner by pages of several sizes."""
    for limit in ("1", "1000", ""):
        named = f"a listing with limit={limit}" if limit else "a listing"
        answer, size = _page(tour, (("limit", limit),) if limit else ())
        tour.note(named, answer)
        tour.fact(f"entries of {named}", Rule.SAME, size)
    if tour.profile.spaces < 2:
        tour.skip(f"{tour.profile.owner} has one Space only, so that no listing has a second page")
    else:
        first, _ = _page(tour, (("limit", "1"),))
        address = next_page(first.headers.get("link", ""), endpoint=tour.connection.endpoint)
        tour.fact("a listing leads to its next page", Rule.SAME, bool(address))
        if address:
            second = tour.connection.ask("GET", address)
            size = len(second.body) if isinstance(second.body, list) else None
            tour.fact("entries of a second page", Rule.SAME, size)
    tour.look()
    tour.note("an expanded listing, as it was found", _entry(tour))


def listing_lag(tour: Tour, stage: str) -> None:
    """Ask for the listing until it shows the stage that a look shows, and keep how long that took."""
    _, seen = tour.look(keep=False)
    behind = seen.answered
    while True:
        answer = _entry(tour)
        entries = answer.body if isinstance(answer.body, list) else []
        told = text_of(entries[0], "runtime", "stage") if entries else ""
        if told == stage or answer.sent - seen.answered > LAG:
            break
        behind = max(behind, answer.sent)
        tour.clock.sleep(2.0)
    if told == stage:
        tour.note(f"an expanded listing while {stage}", answer, step="listing")
    span = Span(behind - seen.answered, answer.answered - seen.answered)
    tour.fact(f"the listing lags after {stage}", Rule.AT_MOST, span, step="listing")


def quota(tour: Tour) -> None:
    """Look twice, and see whether the quota headers count."""
    answers = [tour.get("/runtime", "an answer with its quota") for _ in range(2)]
    first, second = (parse_ratelimit_headers(answer.headers) for answer in answers)
    tour.fact("huggingface_hub reads the quota headers", Rule.SAME, first is not None)
    if first is not None and second is not None:
        if answers[1].answered - answers[0].sent + 1 < first.reset_in_seconds:  # both were asked in one window
            tour.fact("each request counts", Rule.SAME, second.remaining < first.remaining)
        tour.fact("seconds of a window", Rule.SAME, first.window_seconds)


def _page(tour: Tour, params: tuple[tuple[str, str], ...]) -> tuple[Answer, int | None]:
    """Return a page, without the entries of other Spaces, and how many entries it had."""
    answer = tour.connection.ask("GET", "/api/spaces", params=(("author", tour.profile.owner), *params))
    if not isinstance(answer.body, list):
        return answer, None
    own = [entry for entry in answer.body if text_of(entry, "id") == tour.id]
    return replace(answer, body=own), len(answer.body)


def _entry(tour: Tour) -> Answer:
    """Return the page of a listing that has the Space, with no other entries."""
    params = (("limit", "1000"), *(("expand", name) for name in EXPANDED))
    answer, _ = _page(tour, params)
    while isinstance(answer.body, list) and not answer.body:
        address = next_page(answer.headers.get("link", ""), endpoint=tour.connection.endpoint)
        if not address:
            break
        page = tour.connection.ask("GET", address)
        own = [entry for entry in page.body if text_of(entry, "id") == tour.id] if isinstance(page.body, list) else None
        answer = replace(page, body=own)
    return answer
