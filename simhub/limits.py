"""What the Hub does by itself when an account has used up what it may use.

Nothing that was paused so is started again by itself; who restarts it is refused (World.restart), in other words than
without the right to it where it is the quota of free hardware, and in the same words where it is the spend limit.
Sources: tests/samples/evidence.json; DIFFERENCES.md says what of it is a guess.
"""

from simhub import flavors
from simhub.space import FREE_QUOTA_EXCEEDED
from simhub.world import World


def limit_free(world: World, owner: str, quota: int) -> None:
    """Let `owner` run `quota` Spaces on free hardware at most, and pause those that are too many."""
    world.free_quota[owner] = quota
    for id in flavors.on_free_hardware(world.lives(), owner=owner, now=world.now())[quota:]:
        world.pause(id, error=FREE_QUOTA_EXCEEDED)


def reach_spend_limit(world: World, owner: str) -> None:
    """Let `owner` have spent all it wants to: its paid Spaces are paused, and no hardware is to be had for money."""
    world.spend_limited.add(owner)
    for life in world.lives():
        state, space = life.at(world.now()), life.space
        paid = space.sdk != "static" and flavors.price(world.hardware, state.requested_hardware)
        if space.owner == owner and paid and flavors.takes_hardware(state):
            world.pause(space.id)
