"""What a listing shows, and in which order: often late, sometimes with less than is true, and now and then odd."""

from collections.abc import Iterable, Mapping

from simhub import access, answers
from simhub.access import Token
from simhub.shapes import Json
from simhub.world import ListingSha, World


def entry(world: World, id: str, endpoint: str = "", expand: Iterable[str] = (), *, full: bool = False) -> Json:
    """Return the Space as a listing shows it; raises Refusal."""
    expand, space = tuple(expand), world.life(id).space
    description = _late(world, id=id, endpoint=endpoint)
    runtime = description["runtime"]
    if world.listing_sha is ListingSha.NEVER or (world.listing_sha is ListingSha.EXPANDED and not expand):
        runtime.pop("sha", None)
    if world.listing_bare and runtime["stage"] == "PAUSED":
        description["runtime"] = answers.bare(runtime)
    if expand:
        return answers.expanded(description, expand=expand)
    shown = answers.entry(space=space, description=description)
    return description | shown if full else shown


def _late(world: World, id: str, endpoint: str) -> Json:
    """Return the Space as it was a while ago, or some of its properties as they were, each a while of its own."""
    now, lag = world.now(), world.life(id).space.listing_lag
    if isinstance(lag, Mapping):
        late = {name: world.describe_at(id, t=now - seconds, endpoint=endpoint)[name] for name, seconds in lag.items()}
        return world.describe_at(id, t=now - world.listing_lag, endpoint=endpoint) | late
    return world.describe_at(id, t=now - (world.listing_lag if lag is None else lag), endpoint=endpoint)


def select(
    world: World,
    token: Token | None = None,
    author: str | None = None,
    search: str | None = None,
    filters: Iterable[str] = (),
    sort: str = "trendingScore",
    *,
    ascending: bool = False,
) -> list[str]:
    """Return the ids of the Spaces that a listing shows, in its order; raises Refusal for an unknown sort."""
    wanted, needle = frozenset(filters), (search or "").lower()
    found = [
        life
        for life in world.lives()
        if world.sees(life.space.id, token)
        and author in (None, life.space.owner)
        and needle in f"{life.space.id} {life.space.title}".lower()
        and wanted <= set(life.space.tags)
    ]
    keys = {
        "trendingScore": lambda _: 0,  # nothing trends here: the order of adding
        "likes": lambda life: life.space.likes,
        "createdAt": lambda life: life.space.created_at,
        "lastModified": lambda life: world.last_modified(life, t=world.now() - world.listing_lag),
    }
    if sort not in keys:
        raise access.bad_request(f"Invalid sort parameter: {sort}")
    found.sort(key=keys[sort], reverse=not ascending)
    return [life.space.id for life in found]
