"""All Spaces of a Hub at a time, and what can be done to them: without sockets, so that an hour takes a moment."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from math import inf

from simhub import access, answers, flavors
from simhub.access import Meter, Refusal, Token
from simhub.app import AppAnswer, AppRequest
from simhub.life import Life
from simhub.pulse import Pulse
from simhub.registry import Registry
from simhub.shapes import Json
from simhub.space import (
    BLOCKED,
    COLLISION,
    COMMIT,
    FREE_QUOTA_EXCEEDED,
    FREE_SLEEP_TIME,
    HEAD,
    KEEP,
    REQUESTED,
    Event,
    Phase,
    Script,
    Space,
    State,
    StatusEvents,
)

# All that a test needs to make a world.
__all__ = [
    "BLOCKED",
    "COLLISION",
    "COMMIT",
    "EPOCH",
    "FREE_QUOTA_EXCEEDED",
    "FREE_SLEEP_TIME",
    "HEAD",
    "KEEP",
    "REQUESTED",
    "TOKENS",
    "AppAnswer",
    "AppRequest",
    "Event",
    "Life",
    "ListingSha",
    "Phase",
    "Script",
    "Space",
    "State",
    "StatusEvents",
    "Token",
    "World",
]

EPOCH = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)

TOKENS = {
    "hf_simulatedwrite": Token(name="demo", owners=frozenset({"demo"}), writes=frozenset({"demo"})),
    "hf_simulatedread": Token(name="reader", kind="read", owners=frozenset({"demo"})),
}


class ListingSha(Enum):
    """When the runtimes in a listing tell the commit being served."""

    NEVER = "never"
    EXPANDED = "only when expand=runtime is asked for"
    ALWAYS = "always"


@dataclass(slots=True)
class World:
    """All Spaces, at the time that `now` tells in seconds.

    `tokens` maps the secret to what it may do, `epoch` is the date of second 0, `hardware` is what GET
    /api/spaces/hardware answers. `app_host` is how an app's address is made of {endpoint}, {kind} (_apps or _static),
    {id} and {subdomain}. Methods raise KeyError for a Space that isn't there, and Refusal as the Hub would.
    Listings are `listing_lag` seconds behind, tell the commit being served as `listing_sha` says, show less of a PAUSED
    Space with `listing_bare`, and `listing_odd` before all others. `free_quota` is how many Spaces an owner may run on
    free hardware (absent: any number), `spend_limited` are the owners who spent all they want to: see simhub.limits.
    """

    now: Callable[[], float]
    tokens: Mapping[str, Token] = field(default_factory=lambda: dict(TOKENS))
    hardware: list[Json] = field(default_factory=lambda: [dict(flavor) for flavor in answers.HARDWARE])
    meter: Meter = field(default_factory=Meter)
    listing_lag: float = 0.0
    listing_sha: ListingSha = ListingSha.EXPANDED
    epoch: datetime = EPOCH
    listing_bare: bool = True
    listing_odd: list[object] = field(default_factory=list)
    app_host: str = "{endpoint}/{kind}/{id}"
    free_quota: dict[str, int] = field(default_factory=dict)
    spend_limited: set[str] = field(default_factory=set)
    pulse: Pulse = field(init=False)
    _lives: Registry = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._lives = Registry(self.now)
        self.pulse = Pulse(self.now)

    def add(self, space: Space) -> None:
        """Let `space` exist from now on; its timeline begins."""
        self._lives.lives[space.id] = Life.begin(space, now=self.now())

    def delete(self, id: str, after: float = 0.0) -> None:
        """Let the Space be gone `after` so many seconds."""
        self.life(id).deleted = self.now() + after

    def rename(self, id: str, to: str, after: float = 0.0) -> None:
        """Let the Space be called `to`, `after` so many seconds; the old name then leads to the new one."""
        self._lives.renames.pop(id, None)
        self._lives.renames[id] = (self.now() + after, to)

    def renamed(self, id: str) -> str | None:
        """Return the new name of what was called `id`, if it has one by now."""
        return self._lives.renamed(id)

    def life(self, id: str) -> Life:
        """Return the life of the Space that is called so now; raises KeyError."""
        return self._lives[id]

    def exists(self, id: str) -> bool:
        """Tell whether there is a Space that is called so now, and the Hub knows it."""
        try:
            return self.life(id).known(self.now())
        except KeyError:
            return False

    def lives(self) -> list[Life]:
        """Return all lives, in the order of adding: a copy, as another thread may add."""
        return list(self._lives.lives.values())

    def date(self, t: float) -> datetime:
        """Return the date of world second `t`."""
        return self.epoch + timedelta(seconds=t)

    def authenticate(self, secret: str | None) -> Token | None:
        """Return the token of `secret`, None for an anonymous caller; raises Refusal for an unknown or expired one."""
        if secret is None:
            return None
        token = self.tokens.get(secret)
        if token is None or token.expires <= self.now():
            raise access.bad_credentials()
        return token

    def sees(self, id: str, token: Token | None) -> bool:
        """Tell whether the Space exists for the holder of `token`."""
        if not self.exists(id):
            return False
        space = self.life(id).space
        return not space.private or (token is not None and token.may_read(space.id))

    def admit(self, id: str, token: Token | None, *, write: bool = False) -> None:
        """Raise Refusal unless the holder of `token` may see the Space, and change it if `write`."""
        if not self.sees(id, token):
            raise access.login_wanted() if token is None else access.not_found()
        if not write:
            return
        if token is None:
            raise access.login_wanted()
        if not token.may_write(self.life(id).space.id):
            raise access.forbidden()

    def state(self, id: str) -> State:
        """Return what the Space is."""
        return self.life(id).at(self.now())

    def next_change(self) -> float:
        """Return the world second at which a Space will be another next; inf where all stays as it is."""
        return self._lives.next_change()

    def runtime(self, id: str, ahead: float = 0.0) -> Json:
        """Return the runtime as the Hub shows it, now or `ahead` seconds later."""
        life = self.life(id)
        return answers.runtime(space=life.space, state=life.at(self.now() + ahead), sleep_time=life.sleep_time)

    def describe(self, id: str, endpoint: str = "", expand: Iterable[str] = ()) -> Json:
        """Return the whole Space as the Hub shows it, or only the `expand`ed properties; raises Refusal."""
        return answers.expanded(self.describe_at(id, t=self.now(), endpoint=endpoint), expand=tuple(expand))

    def describe_at(self, id: str, t: float, endpoint: str = "") -> Json:
        """Return the whole Space as it was told at `t`."""
        life = self.life(id)
        return answers.description(
            space=life.space,
            head=life.head(t),
            runtime=answers.runtime(space=life.space, state=life.at(t), sleep_time=life.sleep_time),
            last_modified=self.last_modified(life, t=t),
            files=life.siblings(t),
            host=answers.app_host(space=life.space, template=self.app_host, endpoint=endpoint),
        )

    def last_modified(self, life: Life, t: float) -> str:
        """Return when the repository was changed last, as told at `t`."""
        moved = life.moved(t)
        return life.space.last_modified if moved == -inf else answers.iso(self.date(moved))

    def restart(self, id: str, *, factory: bool = False) -> Json:
        """Restart the Space and return where its script leads first, whatever looks still show; raises Refusal."""
        state, owner = self.state(id), self.life(id).space.owner
        if (quota := self.free_quota.get(owner)) is not None:
            flavors.refuse_free(state, quota=quota, lives=self.lives(), owner=owner, now=self.now())
        if owner in self.spend_limited:
            flavors.refuse_paid(self.hardware, flavor=state.requested_hardware)
        script = self.happen(id, event=Event.FACTORY if factory else Event.RESTART)
        return self.runtime(id, ahead=min((phase.after for phase in script), default=0.0))

    def pause(self, id: str, error: str | None = None) -> Json:
        """Pause the Space and return its runtime; raises Refusal for a static one. `error` is the Hub's own reason."""
        self.happen(id, event=Event.PAUSE, script=None if error is None else (Phase(0, "PAUSED", error=error),))
        return self.runtime(id)

    def push(self, id: str, sha: str, *, hot_reload: bool = False) -> Json:
        """Make `sha` the head of the repository and return the runtime; a hot reload restarts nothing."""
        space, state = self.life(id).space, self.state(id)
        if hot_reload and state.live:
            served = sha if space.hot_reload_sha else state.commit
            extra = {**state.runtime, **answers.reloaded(space, sha=sha)}
            self.happen(id, event=Event.PUSH, script=(), head=sha, commit=served, runtime=extra)
        else:
            self.happen(id, event=Event.PUSH, head=sha)
        return self.runtime(id)

    def visit(self, id: str) -> State:
        """Visit the app, which wakes a sleeping one; return what the Space is now."""
        if self.state(id).stage == "SLEEPING":
            self.happen(id, event=Event.VISIT)
        return self.state(id)

    def request_hardware(
        self, id: str, flavor: str, sleep_time_seconds: int | None = None, *, can_pay: bool = True
    ) -> Json:
        """Ask for other hardware and return the runtime; raises Refusal when it cannot be had."""
        free, life = flavors.is_free(self.hardware, flavor), self.life(id)
        if life.space.owner in self.spend_limited:
            flavors.refuse_paid(self.hardware, flavor=flavor)
        if not free and not can_pay:
            raise access.payment_wanted()
        if free and sleep_time_seconds is not None:
            raise access.bad_request(f"Cannot change the sleep time for {flavor} Spaces")
        self.happen(id, event=Event.HARDWARE, requested_hardware=flavor)
        life.sleep_time = FREE_SLEEP_TIME if free else _never_if_negative(sleep_time_seconds)
        return self.runtime(id)

    def set_sleep_time(self, id: str, seconds: int) -> Json:
        """Let the Space sleep after so many idle seconds (-1: never) and return the runtime; raises Refusal."""
        flavor, life = self.state(id).requested_hardware, self.life(id)
        if life.space.sdk == "static" or flavors.is_free(self.hardware, flavor):
            raise access.bad_request(f"Cannot change the sleep time for {flavor} Spaces")
        life.sleep_time = _never_if_negative(seconds)
        return self.runtime(id)

    def happen(self, id: str, event: Event, script: Script | None = None, **changes: object) -> Script:
        """Let `event` happen to the Space, and return its script (None: the Space's own); raises Refusal."""
        life = self.life(id)
        space = life.space
        if space.sdk == "static" and event is not Event.PUSH:
            raise access.bad_request("Static Spaces cannot be restarted or paused")
        if event in space.refusals:
            raise Refusal(*space.refusals[event])
        with self._lock:
            now = self.now()
            before = life.at(now)
            if script is None:
                script = space.script(event=event, state=before)
                if script and event is not Event.PAUSE and life.variables.keys() & life.secrets:
                    script = (Phase(1, "CONFIG_ERROR", error=COLLISION),)
            life.happen(t=now, state=replace(before, **changes), script=script)  # type: ignore[arg-type]  # fields of State
            if script and event is not Event.PAUSE:
                life.log_began = now
        return script


def _never_if_negative(seconds: int | None) -> int | None:
    return None if seconds is None or seconds < 0 else seconds
