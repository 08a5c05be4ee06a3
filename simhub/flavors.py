"""What hardware costs, and who uses it: the Hub counts both before it lets anybody start more."""

from collections.abc import Iterable

from simhub import access
from simhub.life import Life
from simhub.shapes import Json
from simhub.space import State

FREE = "cpu-basic"


def price(hardware: Iterable[Json], flavor: str) -> float | None:
    """Return what hardware of this kind costs, None for an unknown one."""
    return next((known["unitCostMicroUSD"] for known in hardware if known["name"] == flavor), None)


def is_free(hardware: Iterable[Json], flavor: str) -> bool:
    """Tell whether hardware of this kind costs nothing; raises Refusal for an unknown one."""
    if (cost := price(hardware, flavor)) is None:
        raise access.bad_request(f"Invalid hardware flavor: {flavor}")  # wording not seen
    return not cost


def refuse_free(state: State, quota: int, lives: Iterable[Life], owner: str, now: float) -> None:
    """Refuse to start what is paused on free hardware where the owner runs enough there; raises Refusal."""
    wanted = state.stage == "PAUSED" and state.requested_hardware == FREE
    if wanted and len(on_free_hardware(lives, owner=owner, now=now)) >= quota:
        raise access.free_quota_reached(FREE)


def refuse_paid(hardware: Iterable[Json], flavor: str) -> None:
    """Refuse what costs money, as all that may be spent is; raises Refusal in the words of a lack of rights."""
    if price(hardware, flavor):
        raise access.forbidden()


def takes_hardware(state: State) -> bool:
    """Tell whether a Space of a kind that has hardware holds some, or is about to."""
    return state.live or state.stage in ("BUILDING", "APP_STARTING")


def on_free_hardware(lives: Iterable[Life], owner: str, now: float) -> list[str]:
    """Return the owner's Spaces that run on free hardware, or are about to."""
    return [
        life.space.id
        for life in lives
        if life.space.owner == owner
        and life.space.sdk != "static"
        and takes_hardware(life.at(now))
        and life.at(now).requested_hardware == FREE
    ]
