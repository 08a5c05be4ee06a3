"""What must be known of the Space and the account before the tour, and whether the tour may begin."""

from dataclasses import dataclass

from hf_action.rules.stages import Kind, kind_of
from live.connection import Connection
from live.findings import text_of, within

MOST_PAGES = 10


class CannotRun(Exception):
    """The tour is impossible, or not allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What the simulated Space must have in common with the real one, and the `host` of the app.

    `can_pay` is None where it is not known. `spaces` is how many Spaces the owner has.
    """

    id: str
    user: str
    sdk: str
    private: bool
    stage: str
    hardware: str
    sleep_time: int | None
    dev_mode: bool
    host: str
    spaces: int
    can_pay: bool | None
    paid_flavor: str = ""

    @property
    def owner(self) -> str:
        """Return whose Space it is."""
        return self.id.partition("/")[0]


def survey(connection: Connection, id: str) -> Profile:
    """Look at the Space, its owner's listing, the account and the price list; raises CannotRun."""
    whoami = connection.ask("GET", "/api/whoami-v2")
    if whoami.status != 200:
        raise CannotRun(f"the Hub does not take the token ({whoami.status}: {whoami.words}); make another one")
    space = connection.ask("GET", f"/api/spaces/{id}")
    if space.status != 200:
        raise CannotRun(f"the Hub does not show {id} to the token ({space.status}: {space.words}); check the name")
    runtime, user = within(space.body, "runtime"), text_of(whoami.body, "name")
    sleep_time, can_pay = within(runtime, "gcTimeout"), within(whoami.body, "canPay")
    hardware = text_of(runtime, "hardware", "requested")
    free, paid = _prices(connection)
    profile = Profile(
        id=id,
        user=user,
        sdk=text_of(space.body, "sdk"),
        private=within(space.body, "private") is True,
        stage=text_of(runtime, "stage"),
        hardware=hardware,
        sleep_time=sleep_time if isinstance(sleep_time, int) else None,
        dev_mode=within(runtime, "devMode") is True,
        host=text_of(space.body, "host"),
        spaces=count_spaces(connection, id.partition("/")[0]),
        can_pay=can_pay if isinstance(can_pay, bool) and user == id.partition("/")[0] else None,
        paid_flavor=paid,
    )
    _check(profile, free=free)
    return profile


def count_spaces(connection: Connection, owner: str) -> int:
    """Return how many Spaces the owner has, as far as MOST_PAGES show."""
    count, address = 0, f"/api/spaces?author={owner}&limit=1000"
    for _ in range(MOST_PAGES):
        page = connection.ask("GET", address)
        count += len(page.body) if isinstance(page.body, list) else 0
        address = next_page(page.headers.get("link", ""), endpoint=connection.endpoint)
        if not address:
            break
    return count


def next_page(link: str, *, endpoint: str) -> str:
    """Return the address of the next page, if there is one and it is of the same Hub."""
    address = link.partition("<")[2].partition(">")[0]
    return address if 'rel="next"' in link and address.startswith(f"{endpoint}/") else ""


def _prices(connection: Connection) -> tuple[set[str], str]:
    """Return the names of free hardware, and the cheapest that costs money."""
    answer = connection.ask("GET", "/api/spaces/hardware")
    rows = answer.body if isinstance(answer.body, list) else []
    prices = {text_of(row, "name"): within(row, "unitCostMicroUSD") for row in rows}
    paid = {name: cost for name, cost in prices.items() if isinstance(cost, int | float) and cost > 0}
    return {name for name, cost in prices.items() if cost == 0}, min(paid, key=lambda name: paid[name], default="")


def _check(profile: Profile, *, free: set[str]) -> None:
    """Raise CannotRun for a Space that may cost money, or that shows too little."""
    if profile.sdk == "static":
        raise CannotRun(f"{profile.id} is a static Space, which has no runtime; make one with gradio or docker")
    if profile.hardware not in free:
        raise CannotRun(
            f"{profile.id} asks for {profile.hardware or 'unknown hardware'}, which may cost money; use free hardware"
        )
    if kind_of(profile.stage) is Kind.MOVING:
        raise CannotRun(f"{profile.id} is in {profile.stage}; wait until it runs, sleeps or is paused")
    if kind_of(profile.stage) is Kind.BROKEN:
        raise CannotRun(f"{profile.id} is in {profile.stage}; repair it first, so that there is something to compare")
    if not profile.host.startswith(("https://", "http://")):
        raise CannotRun(f"the Hub does not tell the host of {profile.id}")
