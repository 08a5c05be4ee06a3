"""A listing of Spaces: all of its pages, and no more than that."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import httpx2
from huggingface_hub.utils import get_session

from hf_action.hub.transport import ErrorAnswer
from hf_action.rules.models import MalformedAnswer, read_id
from hf_action.rules.outcomes import Refused

# What a listing is asked for; `host` cannot be, and is made of the subdomain.
LISTED = ["cardData", "lastModified", "likes", "private", "runtime", "sdk", "sha", "subdomain", "tags"]
# Entries of a page to ask for; the Hub may send fewer (its own clients ask for 500 and 1,000).
PAGE_SIZE = 1_000
# Entries of a page where none was seen yet.
SMALL_PAGE = 100
# Pages and entries after which a listing is taken for one without end; the largest owners have some ten thousand.
MAX_PAGES = 2_000
MAX_ENTRIES = 100_000

Entry = TypeVar("Entry")


@dataclass(slots=True)
class PageSize:
    """How many entries of a page to ask for, None where no number is taken, and how many come."""

    asked: int | None = PAGE_SIZE
    given: int = SMALL_PAGE

    def see(self, entries: int, *, last: bool) -> None:
        """Remember how many a page had; the last one may be shorter than the Hub's pages are."""
        self.given = max(self.given, entries) if last else max(entries, 1)

    def pages(self, entries: int) -> int:
        """Return how many pages a listing of so many entries has, by those that came so far."""
        return max(-(-entries // self.given), 1)


def pages(
    url: str, *, params: Mapping[str, object], headers: dict[str, str], size: PageSize, odd: Callable[[int], None]
) -> Iterator[list[object]]:
    """Yield the pages of a listing, as large as the Hub makes them; `size` is told how large.

    `odd` is called with how many entries of a page name no Space and are left out.

    Raises:
        MalformedAnswer: one is not a list of Spaces.
        Refused: they have no end.
    """
    seen = set()
    following = ""
    for _ in range(MAX_PAGES):
        response = (
            get_session().get(following, headers=headers)
            if following
            else _first(url, params=params, headers=headers, size=size)
        )
        page = response.json()
        if not isinstance(page, list):
            raise MalformedAnswer("it is not a list")
        named = [entry for entry in page if _names_space(entry)]
        if page and not named:
            raise MalformedAnswer("it is not a list of Spaces")
        if len(named) < len(page):
            odd(len(page) - len(named))
        yield named
        link = response.links.get("next", {}).get("url")
        size.see(len(page), last=not link)
        if not link:
            return
        following = str(response.url.join(link))
        if following in seen:
            raise _endless("it comes back to a page that was read")
        seen.add(following)
    raise _endless(f"it has more than {MAX_PAGES:,} pages")


def _first(url: str, *, params: Mapping[str, object], headers: dict[str, str], size: PageSize) -> httpx2.Response:
    """Ask for the first page; where the Hub refuses such a large one, for one of its own size."""
    wanted = {**params, "limit": size.asked} if size.asked else params
    try:
        return get_session().get(url, params=wanted, headers=headers)  # type: ignore[arg-type]  # names and lists of them
    except ErrorAnswer as error:
        if not size.asked or error.response.status_code != httpx2.codes.BAD_REQUEST:
            raise
    size.asked = None
    return _first(url, params=params, headers=headers, size=size)


def unique(
    pages: Iterable[list[object]], read: Callable[[object], Entry | None], name: Callable[[Entry], str]
) -> list[Entry]:
    """Return the entries of all pages, each once; raises Refused where nothing new comes, or too much.

    `read` returns None for what is left out.
    """
    found: dict[str, Entry] = {}
    repeats = 0
    for page in pages:
        entries = {name(entry): entry for entry in map(read, page) if entry is not None}
        # One page may repeat the one before it where Spaces were made meanwhile.
        repeats = repeats + 1 if entries and entries.keys() <= found.keys() else 0
        if repeats > 1:
            raise _endless("it repeats what was read")
        for key, entry in entries.items():
            found.setdefault(key, entry)
        if len(found) > MAX_ENTRIES:
            raise _endless(f"it has more than {MAX_ENTRIES:,} Spaces")
    return list(found.values())


def _names_space(entry: object) -> bool:
    try:
        return bool(read_id(entry))
    except MalformedAnswer:
        return False


def _endless(why: str) -> Refused:
    return Refused(
        f"the listing of the Hub does not end: {why}.",
        remedy="Name the Spaces in space-id or a fleet file.",
        cause="hub-fault",
        blame="hub",
    )
