"""Files themselves, small and large: what huggingface_hub 2.4.0 asks below /spaces/ and of the storage behind it.

Source: its file_download.py and lfs.py; git-lfs, docs/api/batch.md.
"""

import re
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from simhub import access, asked, repos
from simhub.access import Meter, Refusal, Token
from simhub.files import Blob
from simhub.life import Life
from simhub.shapes import Json
from simhub.world import World

# What the content of a large file is known by: its SHA-256.
OID = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Downloads:
    """Files of the repositories of `world`; `meter` counts what is asked for: hub-docs rate-limits.md, resolvers."""

    world: World
    meter: Meter = field(default_factory=lambda: Meter(quota=5000, anonymous_quota=3000, kind="resolvers"))

    async def answer(self, request: Request, path: list[str]) -> Response:
        """Answer a request below /spaces/, within a quota of its own."""
        quota: dict[str, str] = {}
        try:
            secret = asked.bearer(request)
            quota = self.meter.spend(secret if secret in self.world.tokens else None, now=self.world.now())
            response = await self._file(request, path=path, token=self.world.authenticate(secret))
        except Refusal as refusal:
            response = JSONResponse({"error": refusal.message}, status_code=refusal.status, headers=refusal.headers)
        response.headers.update(quota)
        return response

    async def _file(self, request: Request, path: list[str], token: Token | None) -> Response:
        endpoint = asked.endpoint(request)
        match request.method, path:
            case _, [owner, name, *rest] if (new := self.world.renamed(f"{owner}/{name}")) is not None:
                raise access.moved("/".join(["/spaces", new, *rest]))
            case (("GET" | "HEAD"), [owner, name, ("resolve" | "raw"), revision, *file]):
                self.world.admit(f"{owner}/{name}", token)
                return self.resolve(f"{owner}/{name}", revision=revision, path="/".join(file), endpoint=endpoint)
            case "POST", [owner, repository, "info", "lfs", "objects", "batch"]:
                id = f"{owner}/{repository.removesuffix('.git')}"
                self.world.admit(id, token, write=True)
                return JSONResponse(await self.batch(request, id=id, endpoint=endpoint))
        raise access.no_route()

    async def batch(self, request: Request, id: str, endpoint: str) -> Json:
        """Return where large files are to be put that are not here yet: git-lfs, docs/api/batch.md."""
        life, objects = self.world.life(id), []
        known = self._large_files(life)
        for wanted in await asked.rows(request, name="objects", oid=str, size=int):
            shown: Json = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] not in known:
                href = f"{endpoint}/_lfs/{id}/{wanted['oid']}"
                shown["actions"] = {"upload": {"href": href}, "verify": {"href": f"{href}/verify"}}
            objects.append(shown)
        return {"transfer": "basic", "objects": objects}

    async def storage(self, request: Request, id: str, rest: list[str]) -> Response:
        """Answer a request to the storage of large files, whose addresses tell nobody else about them."""
        life = self.world.life(id)
        match request.method, rest:
            case _, [name, *_] if not OID.fullmatch(name):
                pass  # nothing is kept by another name
            case "PUT", [oid]:
                life.repository.uploads[oid] = await request.body()
                return Response()
            case "POST", [oid, "verify"]:
                return JSONResponse({}, status_code=200 if oid in life.repository.uploads else 404)
            case (("GET" | "HEAD"), [oid]):
                if found := self._large_files(life).get(oid):
                    # A client goes on asking for these as long as it stays on the Hub's host, and here it does.
                    linked = _linked(found, commit=request.query_params.get("commit", ""))
                    return Response(found.content, headers={"ETag": f'"{oid}"'} | linked)
        return Response(status_code=404)

    def resolve(self, id: str, revision: str, path: str, endpoint: str) -> Response:
        """Answer with the content of a file, or with where the content of a large one is; raises Refusal."""
        commit = repos.history(self.world.life(id), revision=revision, t=self.world.now())[-1]
        blob = commit.tree.blobs.get(path)
        if blob is None:
            raise access.no_entry(commit=commit.sha)
        headers = {"X-Repo-Commit": commit.sha, "ETag": f'"{blob.oid}"'}
        if blob.sha256 is None:
            return Response(blob.content, media_type="text/plain; charset=utf-8", headers=headers)
        where = f"{endpoint}/_lfs/{id}/{blob.sha256}?commit={commit.sha}"
        return RedirectResponse(where, status_code=302, headers=headers | _linked(blob, commit=commit.sha))

    def _large_files(self, life: Life) -> dict[str, Blob]:
        return life.repository.large_files(life.repository.history(life.heads(self.world.now(), lag=0.0)))


def _linked(blob: Blob, commit: str) -> dict[str, str]:
    return {
        "X-Repo-Commit": commit,
        "X-Linked-Etag": f'"{blob.sha256}"',
        "X-Linked-Size": str(len(blob.content)),
    }
