"""What a request asks for: its token, its parameters, its body; whatever makes no sense is refused as the Hub does."""

import json
from types import UnionType
from urllib.parse import parse_qs

from starlette.requests import Request

from simhub import access
from simhub.shapes import Json


def endpoint(request: Request) -> str:
    """Return the Hub's address as the client reached it, which in a container may be another name than here."""
    return f"{request.scope['scheme']}://{request.headers.get('host', '127.0.0.1')}"


def bearer(request: Request) -> str | None:
    """Return the token that came, None for an anonymous caller."""
    header = request.headers.get("authorization")
    return None if header is None else header.removeprefix("Bearer ")


def number(request: Request, name: str, lowest: int) -> int | None:
    """Return the whole number of a parameter, None where it is absent; raises Refusal."""
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= lowest):
        raise access.bad_request(f"Invalid {name} parameter")
    return int(text)


async def body(request: Request, **wanted: type | UnionType) -> Json:
    """Return the wanted fields of the JSON body, None for an absent optional one; raises Refusal."""
    try:
        given = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise access.bad_request("Invalid JSON body") from None
    fields = {name: given.get(name) if isinstance(given, dict) else None for name in wanted}
    for name, kind in wanted.items():
        if not isinstance(fields[name], kind) or isinstance(fields[name], bool):
            raise access.bad_request(f"Invalid input: {name}")
    return fields


async def rows(request: Request, name: str, **wanted: type) -> list[Json]:
    """Return the objects that the JSON body has under `name`, each with the wanted fields; raises Refusal."""
    try:
        given = json.loads(await request.body())[name]
        if all(isinstance(row[field], kind) for row in given for field, kind in wanted.items()):
            return list(given)
    except (ValueError, TypeError, LookupError, RecursionError):
        pass
    raise access.bad_request(f"Invalid input: {name}")


async def form(request: Request) -> dict[str, list[str]]:
    """Return the fields of a body that is a form, or JSON; raises Refusal."""
    given = await request.body()
    if not request.headers.get("content-type", "").startswith("application/json"):
        return parse_qs(given.decode("utf-8", "replace"))
    try:
        fields = {name: value if isinstance(value, list) else [value] for name, value in json.loads(given).items()}
    except (ValueError, AttributeError, RecursionError):
        raise access.bad_request("Invalid JSON body") from None
    return {
        name: [str(value).lower() if value is True else str(value) for value in values]
        for name, values in fields.items()
    }
