"""What the Hub says of a Space, read from its answers with suspicion.

An answer may lack fields, have new ones, or be something else altogether. Only a stage is indispensable; any other
field of an unexpected type counts as absent. What is acted on is checked against its grammar and never rewritten:
an answer with an id, commit, stage or flavor that does not fit is refused (docs/contract.md, Outputs). Text for people
is cut, so that no answer costs more than its worth to read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hf_action.rules.addresses import is_host, read_address

# Characters of the Hub's own message on a Space that are kept: half from its beginning, half from its end.
MAX_TEXT = 10_000
# Characters of a short text: the version of an SDK, the date of a change.
MAX_WORD = 64
# How the Hub writes a sleep time of never in a request.
NEVER = -1
# Seconds of a sleep time and likes of a Space, at most: what is more is not a number to reckon with.
MAX_NUMBER = 10**9
# US dollars an hour, at most; the dearest flavor costs some forty.
MAX_PRICE = 10_000.0

# One part of a repository id: huggingface_hub, utils/_validators.py, REPO_ID_REGEX.
ID_PART = re.compile(r"\b[\w\-.]{1,96}\b", re.ASCII)
# The name of a hardware flavor; flavors come and go, so any name of this form is one.
# The flavor that costs nothing, and whose sleep time nobody can set: huggingface_hub, set_space_sleep_time.
FREE_FLAVOR = "cpu-basic"
FLAVOR = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)
_ID = re.compile(f"{ID_PART.pattern}/{ID_PART.pattern}", re.ASCII)
_STAGE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")  # SHA-1, or SHA-256
_WORD = re.compile(r"[A-Za-z0-9][\w .:+-]{0,63}", re.ASCII)
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# Where text is cut, what is left of a word goes too: a token that is cut in two is not found any more.
_LAST_WORD, _FIRST_WORD = re.compile(r"\S{1,200}\Z"), re.compile(r"\A\S{1,200}")
_HOURS = {"second": 3600.0, "minute": 60.0, "hour": 1.0}
# Tags of a Space that are read, and characters of one.
MAX_TAGS, MAX_TAG = 1_000, 100


class MalformedAnswer(ValueError):
    """An answer that is not what the route promises; worth asking again."""


@dataclass(frozen=True, slots=True)
class SpaceRuntime:
    """What the Hub answers about a running (or not running) Space.

    `commit` is the one being served, absent while nothing is served and for static Spaces. `sleep_time` is in seconds
    of idleness, NEVER for never; None where the answer does not say, as listings do not of a paused Space.
    `hot_reloading` is the status of a commit that was loaded into the running app.
    `moved_to` is the new name of a Space whose old one was asked for.
    Source: tests/samples/runtimes.json; huggingface_hub, _space_api.py.
    """

    stage: str
    commit: str | None = None
    hardware: str | None = None
    requested_hardware: str | None = None
    sleep_time: int | None = None
    error: str | None = None
    domains: tuple[str, ...] = ()
    dev_mode: bool = False
    hot_reloading: str | None = None
    moved_to: str | None = field(default=None, compare=False)


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
        MalformedAnswer: it is not an object with a stage, or something in it that is acted on has another grammar.
    """
    fields = _mapping(raw)
    stage = _checked("stage", fields.get("stage"), _STAGE)
    if not stage:
        raise MalformedAnswer("the answer has no stage")
    hardware = _mapping(fields.get("hardware"))
    domains = fields.get("domains")
    error = _text(fields.get("errorMessage"))
    return SpaceRuntime(
        stage=stage,
        commit=_checked("sha", fields.get("sha"), _COMMIT),
        hardware=_checked("hardware", hardware.get("current"), FLAVOR),
        requested_hardware=_checked("hardware", hardware.get("requested"), FLAVOR),
        sleep_time=_sleep_time(fields),
        error=cut(error, MAX_TEXT) if error else None,
        domains=tuple(
            domain["domain"]
            for domain in (domains[:MAX_WORD] if isinstance(domains, list) else [])
            if isinstance(domain, dict) and domain.get("stage") == "READY" and _is_domain(domain.get("domain"))
        ),
        dev_mode=fields.get("devMode") is True,
        hot_reloading=_word(_mapping(fields.get("hotReloading")).get("status")),
    )


def read_space_info(raw: object, runtime: SpaceRuntime) -> SpaceInfo:
    """Read the answer about a whole Space, whose runtime was read already.

    Raises:
        MalformedAnswer: it is not an object with an id, or something in it that is acted on has another grammar.
    """
    fields = _mapping(raw)
    private, sdk = fields.get("private"), _word(fields.get("sdk"))
    return SpaceInfo(
        id=read_id(raw),
        runtime=runtime,
        head=read_head(raw),
        sdk=sdk,
        sdk_version=_version(_mapping(fields.get("cardData")).get("sdk_version")),
        private=private if isinstance(private, bool) else None,
        likes=_number(fields.get("likes")),
        last_modified=_word(fields.get("lastModified")),
        host=_host(fields, runtime, static=sdk == "static"),
        tags=_tags(fields),
    )


def read_id(raw: object) -> str:
    """Read which Space an answer is about; raises MalformedAnswer where it does not say."""
    space = _checked("id", _mapping(raw).get("id"), _ID)
    if not space:
        raise MalformedAnswer("the answer has no id")
    return space


def read_head(raw: object) -> str | None:
    """Read the newest commit of the repository; raises MalformedAnswer for what is not a commit."""
    return _checked("sha", _mapping(raw).get("sha"), _COMMIT)


def read_prices(raw: object) -> dict[str, float]:
    """Read US dollars an hour by flavor; one that makes no sense is left out."""
    prices = {}
    for row in raw if isinstance(raw, list) else []:
        fields = _mapping(row)
        name, cost, unit = (fields.get(name) for name in ("name", "unitCostUSD", "unitLabel"))
        hours = _HOURS.get(unit) if isinstance(unit, str) else None
        if not isinstance(name, str) or not FLAVOR.fullmatch(name) or not hours:
            continue
        if isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost <= MAX_PRICE / hours:
            prices[name] = cost * hours
    return prices


def cut(text: str, most: int) -> str:
    """Return `text`, or its beginning and its end where it is longer than `most`; no word is cut in two."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{_LAST_WORD.sub('', text[:half])}…{_FIRST_WORD.sub('', text[-half:])}"


def _host(fields: Mapping[str, object], runtime: SpaceRuntime, *, static: bool) -> str | None:
    """Return the address of the app: as the Hub reports it, else where its own clients look for it.

    A listing tells the subdomain only; the first domain may be an older name. It is never derived from the id.
    Sources: gradio_client, utils.py; tests/samples/evidence.json, "listing".
    """
    host, subdomain = _text(fields.get("host")), _text(fields.get("subdomain"))
    if host and _is_app_address(host):
        return host
    if subdomain and _SUBDOMAIN.fullmatch(subdomain):
        return f"https://{subdomain}{'.static' if static else ''}.hf.space"
    return f"https://{runtime.domains[0]}" if runtime.domains else None


def _is_app_address(text: str) -> bool:
    try:
        read_address(text)
    except ValueError:
        return False
    return text.isascii()


def _is_domain(value: object) -> bool:
    return isinstance(value, str) and is_host(value)


def _checked(name: str, value: object, grammar: re.Pattern[str]) -> str | None:
    """Return what is acted on as it is; raises MalformedAnswer where it is text of another grammar."""
    text = _text(value)
    if text and not grammar.fullmatch(text):
        raise MalformedAnswer(f"its {name} is not one")
    return text


def _tags(fields: Mapping[str, object]) -> tuple[str, ...]:
    """Return the tags that the Hub tells, with those of the card itself; what is longer than a tag is left out."""
    told = (fields.get("tags"), _mapping(fields.get("cardData")).get("tags"))
    tags = [tag for some in told if isinstance(some, list) for tag in some[:MAX_TAGS]]
    return tuple(dict.fromkeys(tag for tag in tags if isinstance(tag, str) and 0 < len(tag) <= MAX_TAG))


def _sleep_time(fields: Mapping[str, object]) -> int | None:
    """Return the sleep time: null, or less than nothing, is never; absent is unknown."""
    if "gcTimeout" not in fields:
        return None
    seconds = _number(fields["gcTimeout"], least=NEVER)
    return NEVER if fields["gcTimeout"] is None else seconds


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def _version(value: object) -> str | None:
    """Read a version; YAML reads 4.4 as a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        return None
    if not isinstance(value, str) and not abs(value) < MAX_NUMBER:  # so NaN is left out, too
        return None
    return _word(str(value))


def _number(value: object, least: int = 0) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if isinstance(value, int) and whole and least <= value <= MAX_NUMBER else None
