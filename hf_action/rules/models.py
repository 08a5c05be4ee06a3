"""What the Hub says of a Space, read from its answers with suspicion.

An answer may lack fields, have new ones, or be something else altogether. Only a stage is indispensable; any
other field of an unexpected type counts as absent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

NEVER = -1  # how the Hub writes a sleep time of never in a request
# Tags of a Space that are read, and characters of one.
MAX_TAGS, MAX_TAG = 1_000, 100


class MalformedAnswer(ValueError):
    """An answer that is not what the route promises; worth asking again."""


@dataclass(frozen=True, slots=True)
class SpaceRuntime:
    """What the Hub answers about a running (or not running) Space.

    `commit` is the one being served, absent while nothing is served and for static Spaces. `sleep_time` is in seconds
    of idleness, NEVER for never; None where the answer does not say, as listings do not of a paused Space.
    `hot_reloading` is the Hub's word for new files that are served without a build, empty where there are none.
    """

    stage: str
    commit: str | None = None
    hardware: str | None = None
    requested_hardware: str | None = None
    sleep_time: int | None = None
    error: str | None = None
    domains: tuple[str, ...] = ()
    dev_mode: bool = False
    hot_reloading: str = ""


@dataclass(frozen=True, slots=True)
class SpaceInfo:
    """What the Hub answers about the Space as a repository, with its runtime of that moment.

    `head` is the newest commit of the repository, `host` the address of the app as the Hub reports it.
    """

    id: str
    runtime: SpaceRuntime
    head: str | None = None
    sdk: str | None = None
    sdk_version: str | None = None
    private: bool | None = None
    likes: int | None = None
    last_modified: str | None = None
    host: str | None = None
    tags: tuple[str, ...] = ()  # of its card, and what the Hub adds to them

    def now(self, runtime: SpaceRuntime) -> "SpaceInfo":
        """Return the same Space with a newer runtime."""
        return replace(self, runtime=runtime)

    def at_head(self, head: str | None) -> "SpaceInfo":
        """Return the same Space with a newer head."""
        return replace(self, head=head)


def read_runtime(raw: object) -> SpaceRuntime:
    """Read the answer of `/runtime`.

    Raises:
        MalformedAnswer: it is no object with a stage.
    """
    fields = _mapping(raw)
    stage = _text(fields.get("stage"))
    if not stage:
        raise MalformedAnswer("the answer has no stage")
    hardware = _mapping(fields.get("hardware"))
    domains = fields.get("domains")
    return SpaceRuntime(
        stage=stage,
        commit=_text(fields.get("sha")),
        hardware=_text(hardware.get("current")),
        requested_hardware=_text(hardware.get("requested")),
        sleep_time=_sleep_time(fields),
        error=_text(fields.get("errorMessage")),
        domains=tuple(
            domain["domain"]
            for domain in (domains if isinstance(domains, list) else [])
            if isinstance(domain, dict) and domain.get("stage") == "READY" and _text(domain.get("domain"))
        ),
        dev_mode=fields.get("devMode") is True,
        hot_reloading=_text(_mapping(fields.get("hotReloading")).get("status")) or "",
    )


def read_space_info(raw: object, runtime: SpaceRuntime) -> SpaceInfo:
    """Read the answer about a whole Space, whose runtime was read already.

    Raises:
        MalformedAnswer: it is no object with an id.
    """
    fields = _mapping(raw)
    space = _text(fields.get("id"))
    if not space:
        raise MalformedAnswer("the answer has no id")
    private = fields.get("private")
    host = _text(fields.get("host"))
    version = _mapping(fields.get("cardData")).get("sdk_version")
    return SpaceInfo(
        id=space,
        runtime=runtime,
        head=_text(fields.get("sha")),
        sdk=_text(fields.get("sdk")),
        sdk_version=str(version) if isinstance(version, str | int | float) else None,  # YAML reads 4.4 as a number
        private=private if isinstance(private, bool) else None,
        likes=_number(fields.get("likes")),
        last_modified=_text(fields.get("lastModified")),
        # Older answers lack `host`; the first ready domain is as good. It is never derived from the id.
        host=host or (f"https://{runtime.domains[0]}" if runtime.domains else None),
        tags=_tags(fields),
    )


def _tags(fields: Mapping[str, object]) -> tuple[str, ...]:
    """Return the tags that the Hub tells, with those of the card itself; what is longer than a tag is left out."""
    told = (fields.get("tags"), _mapping(fields.get("cardData")).get("tags"))
    tags = [tag for some in told if isinstance(some, list) for tag in some[:MAX_TAGS]]
    return tuple(dict.fromkeys(tag for tag in tags if isinstance(tag, str) and 0 < len(tag) <= MAX_TAG))


def _sleep_time(fields: Mapping[str, object]) -> int | None:
    """Return the sleep time: null, or less than nothing, is never; absent is unknown."""
    if "gcTimeout" not in fields:
        return None
    seconds = _number(fields["gcTimeout"])
    return NEVER if fields["gcTimeout"] is None or (seconds is not None and seconds < 0) else seconds


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
