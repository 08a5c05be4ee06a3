"""How the Hub shows a Space: the only place that knows the shapes of samples/runtimes.json and samples/space.json."""

import re
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha1

from simhub import access
from simhub.shapes import Json
from simhub.space import Space, State

# huggingface_hub, ExpandSpaceProperty_T
EXPANDABLE = frozenset(
    {
        *("author", "cardData", "createdAt", "datasets", "disabled", "lastModified", "likes", "models", "private"),
        *("region", "resourceGroup", "runtime", "sdk", "sha", "siblings", "subdomain", "tags", "trendingScore"),
        "usedStorage",
    }
)


def _flavor(name: str, pretty: str, cpu: int, ram: int, cost: int, gpu: tuple[str, int] | None = None) -> Json:
    return {
        "name": name,
        "prettyName": pretty,
        "cpu": f"{cpu} vCPU",
        "ram": f"{ram} GB",
        "accelerator": gpu
        and {"type": "gpu", "model": gpu[0], "quantity": "1", "vram": f"{gpu[1]} GB", "manufacturer": "Nvidia"},
        "unitCostMicroUSD": cost,
        "unitCostUSD": cost / 1_000_000 if cost else 0,
        "unitLabel": "minute",
    }


# samples/hardware.json; flavors come and go
HARDWARE = (
    _flavor("cpu-basic", "CPU basic", cpu=2, ram=16, cost=0),
    _flavor("cpu-upgrade", "CPU upgrade", cpu=8, ram=32, cost=500),
    _flavor("t4-small", "Nvidia T4 - small", cpu=4, ram=15, cost=6667, gpu=("T4", 16)),
    _flavor("t4-medium", "Nvidia T4 - medium", cpu=8, ram=30, cost=10000, gpu=("T4", 16)),
    _flavor("a10g-small", "Nvidia A10G - small", cpu=4, ram=15, cost=16667, gpu=("A10G", 24)),
    _flavor("a10g-large", "Nvidia A10G - large", cpu=12, ram=46, cost=25000, gpu=("A10G", 24)),
    _flavor("a100-large", "Nvidia A100 - large", cpu=12, ram=142, cost=41667, gpu=("A100", 80)),
)


def iso(date: datetime) -> str:
    """Return the date as the Hub writes it: UTC, milliseconds, Z."""
    return date.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def request_id(number: int) -> str:
    """Return the id of the answer of that number, as support asks for it."""
    return f"Root=1-{0x6A000000 + number:08x}-{sha1(str(number).encode(), usedforsecurity=False).hexdigest()[:24]}"


def subdomain(id: str) -> str:
    """Return the first label of the app's own address."""
    return re.sub(r"[^a-z0-9]+", "-", id.lower()).strip("-")


def runtime(space: Space, state: State, sleep_time: int | None) -> Json:
    """Return the runtime object; `sleep_time` in seconds, None for never."""
    replicas = {"current": 1, "requested": 1} if state.live else {"requested": 1}
    if space.sdk == "static":
        hardware = {"current": None, "requested": None}
        return {"stage": state.stage, "hardware": hardware, "storage": None, "replicas": replicas}
    shown: Json = {
        "stage": state.stage,
        "hardware": {"current": state.hardware if state.live else None, "requested": state.requested_hardware},
        "storage": None,
        "gcTimeout": sleep_time,
        "replicas": replicas,
        "devMode": space.dev_mode,
        "domains": [{"domain": f"{subdomain(space.id)}.hf.space", "stage": "READY"}],
    }
    if state.live and state.commit is not None:
        shown["sha"] = state.commit
    if state.error is not None:
        shown["errorMessage"] = state.error
    return shown | dict(space.runtime_extra) | dict(state.runtime)


def bare(runtime: Json) -> Json:
    """Return the runtime of a PAUSED Space as a listing was seen to show it: without what is not needed to start it."""
    replicas = {"current": None} | runtime["replicas"]
    return {key: runtime[key] for key in ("stage", "hardware", "errorMessage") if key in runtime} | {
        "replicas": replicas
    }


def reloaded(space: Space, sha: str) -> Json:
    """Return what the runtime of a hot-reloaded Space holds besides (client, SpaceHotReloading; no recording)."""
    return {"hotReloading": {"status": "created", "replicaStatuses": [[replica(space.id, sha), None]]}}


def replica(id: str, sha: str | None) -> str:
    """Return the name of the replica that serves a commit, as the edge tells it."""
    name = sha1(f"{id} {sha}".encode(), usedforsecurity=False).hexdigest()
    return f"{name[:8]}-{name[8:12]}-{name[12:17]}"


def app_host(space: Space, template: str, endpoint: str) -> str:
    """Return the address of the app; a static one has a host of another kind."""
    kind, name = (
        ("_static", f"{subdomain(space.id)}.static") if space.sdk == "static" else ("_apps", subdomain(space.id))
    )
    return template.format(endpoint=endpoint.rstrip("/"), kind=kind, id=space.id, subdomain=name)


def description(space: Space, head: str, runtime: Json, last_modified: str, host: str, files: Iterable[str]) -> Json:
    """Return the whole Space; `head` is the repository's as it is told, `host` the app's own address."""
    card: Json = {"title": space.title, "emoji": "🚀", "colorFrom": "gray", "colorTo": "pink", "sdk": space.sdk}
    if space.sdk in ("gradio", "streamlit"):
        card["sdk_version"] = space.sdk_version
    if space.card_tags:
        card["tags"] = list(space.card_tags)
    return {
        "_id": sha1(space.id.encode(), usedforsecurity=False).hexdigest()[:24],
        "id": space.id,
        "author": space.owner,
        "sha": head,
        "lastModified": last_modified,
        "private": space.private,
        "gated": False,
        "disabled": False,
        "tags": space.tags,
        "subdomain": subdomain(space.id),
        "host": host,
        "likes": space.likes,
        "sdk": space.sdk,
        "cardData": card | {"pinned": False},
        "models": [],
        "datasets": [],
        "region": "us",
        "trendingScore": 0,
        "usedStorage": 0,
        "siblings": [{"rfilename": name} for name in files],
        "createdAt": space.created_at,
        "runtime": runtime,
    }


def expanded(description: Json, expand: tuple[str, ...]) -> Json:
    """Return only the asked properties and the ids, all if none was asked; raises Refusal for an unknown one."""
    if not expand:
        return description
    if unknown := set(expand) - EXPANDABLE:
        raise access.bad_request(f"Invalid value for expand: {', '.join(sorted(unknown))}")  # wording not seen
    return {key: value for key, value in description.items() if key in ("_id", "id", *expand)}


def entry(space: Space, description: Json) -> Json:
    """Return the Space as a listing shows it."""
    hidden = {"_id", "sha", "gated", "disabled", "subdomain", "host", "cardData", "models", "datasets", "region"}
    hidden |= {"usedStorage", "siblings"}
    return {key: value for key, value in description.items() if key not in hidden} | {
        "colorFrom": "gray",
        "colorTo": "pink",
        "emoji": "🚀",
        "pinned": False,
        "repoType": "space",
        "shortDescription": space.title,
        "title": space.title,
        "isLikedByUser": False,
        "ai_short_description": space.title,
        "ai_category": "Other",
        "semanticRelevancyScore": 0.5,
    }
