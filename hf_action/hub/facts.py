"""What the Hub's answers say of a Space: read only where they are about the Space that was asked for.

A cache that mixes up its keys, or a redirect to another route, answers well and tells of something else.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from hf_action.hub import listing
from hf_action.hub.keyless import Access
from hf_action.hub.listing import PageSize
from hf_action.hub.redirects import space_of
from hf_action.hub.transport import ErrorAnswer, Session
from hf_action.rules.models import (
    MalformedAnswer,
    SpaceInfo,
    SpaceRuntime,
    read_head,
    read_id,
    read_runtime,
    read_space_info,
)
from hf_action.rules.outcomes import Refused
from hf_action.rules.selection import Query

# What no answer to a write holds unless it is a runtime: it tells of a failure, or comes from another route.
_OF_OTHERS = frozenset({"stage", "error", "errors", "id", "_id", "sha"})


@dataclass(frozen=True, slots=True)
class Facts:
    """Asks about Spaces, and checks and reads what comes. `info` is told what is left out of a listing, once each."""

    session: Session
    access: Access
    info: Callable[[str], None]
    redact: Callable[[str], str]
    page_size: PageSize = field(default_factory=PageSize)
    _told: set[str] = field(default_factory=set)

    def space_info(self, space: str) -> SpaceInfo:
        """Ask for a Space; the answer has its new name, where the old one was asked for."""
        raw = self._about(lambda: self.access.api.space_info(space), space)
        runtime = raw.get("runtime") if isinstance(raw, dict) else None
        read = self._readable(read_runtime(runtime)) if runtime else self.runtime(read_id(raw))
        return read_space_info(raw, read)

    def runtime(self, space: str) -> SpaceRuntime:
        """Ask for the runtime of a Space; it does not say of which, so where it comes from has to."""
        response, raw = self.session.raw(lambda: self.access.api.get_space_runtime(space), space)
        runtime = self._readable(read_runtime(raw))
        if not response.history:
            return runtime
        name, route = space_of(response.url)
        if route != "/runtime":
            raise MalformedAnswer("it comes from another route")
        return replace(runtime, moved_to=name) if name.lower() != space.lower() else runtime

    def head(self, space: str) -> str | None:
        """Ask for the newest commit of the repository."""
        return read_head(self._about(lambda: self.access.api.space_info(space, expand=["sha"]), space))

    def history(self, space: str) -> list[str]:
        """Ask for the commits of the repository, the newest first."""
        commits = self.access.api.list_repo_commits(space, repo_type="space")
        return [one.commit_id for one in commits]

    def answered(self, request: Callable[[], object], space: str) -> SpaceRuntime | None:
        """Make a request that changes a Space; None where the Hub took it, and says nothing of the runtime.

        Raises:
            MalformedAnswer: it is not what the route answers, but a page, a list, a Space or an error.
        """
        response, raw = self.session.raw(request, space, empty={})
        if response.is_success and isinstance(raw, dict) and not _OF_OTHERS & raw.keys():
            return None
        return self._readable(read_runtime(raw))

    def list_spaces(self, query: Query, subject: str, *, thorough: bool) -> list[SpaceInfo]:
        """Ask for Spaces, all pages, with just the fields that are needed; `thorough` as for `listed`.

        As `list_spaces` of huggingface_hub, which gives up all for one entry with a field it does not expect.
        """
        params = {"author": query.author, "search": query.search, "expand": listing.LISTED}
        pages = listing.pages(
            f"{self.access.api.endpoint}/api/spaces",
            params={name: value for name, value in params.items() if value},
            headers=self.access.headers(),
            size=self.page_size,
            odd=lambda count: self.tell(f"{subject}: {count} entries that name no Space are left out"),
        )
        return listing.unique(pages, partial(self.listed, thorough=thorough), name=lambda space: space.id.lower())

    def listed(self, raw: object, *, thorough: bool) -> SpaceInfo | None:
        """Return what an entry of a listing says of the Space that it names, None where that is nothing.

        What it does not say well enough is asked for where there is time to be `thorough`.
        """
        space = read_id(raw)
        try:
            runtime = read_runtime(raw.get("runtime") if isinstance(raw, dict) else None)
            return read_space_info(raw, self._readable(runtime))
        except MalformedAnswer:
            return self._asked_alone(space) if thorough else None

    def _asked_alone(self, space: str) -> SpaceInfo | None:
        try:
            return self.space_info(space)
        except ErrorAnswer as error:
            if error.response.status_code not in (403, 404, 410):
                raise
            self.tell(f"{space}: left out, the Hub tells nothing of it ({error.response.status_code})")
        except (MalformedAnswer, Refused) as error:
            self.tell(f"{space}: left out, what the Hub tells of it makes no sense ({error})")
        return None

    def _about(self, call: Callable[[], object], space: str) -> object:
        """Return the answer about a Space, or about what it is called now; raises MalformedAnswer for any other."""
        response, raw = self.session.raw(call, space)
        name, route = space_of(response.url) if response.history else (space, "")
        known = (space.lower(), "" if route else name.lower())
        if (told := read_id(raw)).lower() not in known:
            raise MalformedAnswer(f"it is about {told}")
        return raw

    def tell(self, text: str) -> None:
        """Say something once."""
        if text not in self._told:
            self._told.add(text)
            self.info(text)

    def _readable(self, runtime: SpaceRuntime) -> SpaceRuntime:
        """Take secrets out of the Hub's own message, the one part of a runtime that is text for people."""
        return replace(runtime, error=self.redact(runtime.error)) if runtime.error else runtime
