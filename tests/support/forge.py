"""Stand-ins for `gh` and `docker`, so that the shell of the release workflow runs here, word for word.

`gh` answers from a local git repository, FORGE, as GitHub would: a reference that is there is not made again, one that
is not there is not moved. A call that begins as FORGE_SAYS names it `fails`. `docker` has a registry in which everything has one digest. Both note what they were asked in
FORGE/calls. FORGE_SAYS, a JSON object, makes them answer otherwise.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

DIGEST = "sha256:" + "ab" * 32
SAYS = {"runs": 1, "signed": True, "base": DIGEST, "program": "hf-space 1.2.3", "fails": "nothing", "may-tag": True}

# No jq is needed for these, and another expression is a failing test.
JQ: dict[str, Callable] = {
    ".[].ref": lambda answer: "\n".join(each["ref"] for each in answer),
    ".sha": lambda answer: answer["sha"],
    '.[] | "\\(.ref) \\(.object.sha)"': lambda answer: "\n".join(f"{each['ref']} {each['object']['sha']}" for each in answer),
    '"\\(.tree.sha) \\(.parents[0].sha) \\(.verification.verified)"': lambda answer: (
        f"{answer['tree']['sha']} {answer['parents'][0]['sha']} {str(answer['verification']['verified']).lower()}"
    ),
    "select(.verification.verified).sha": lambda answer: answer["sha"] if answer["verification"]["verified"] else "",
}


def main(program: str, words: list[str]) -> int:
    """Answer one call."""
    forge, says = Path(os.environ["FORGE"]), SAYS | json.loads(os.environ.get("FORGE_SAYS", "{}"))
    with (forge / "calls").open("a") as calls:
        calls.write(shlex.join([program, *words]) + "\n")
    if shlex.join([program, *words]).startswith(says["fails"]):
        print(f"{program}: HTTP 502", file=sys.stderr)
        return 1
    match [program, *words]:
        case ["gh", "api", *rest]:
            return api(Repository(forge), rest, signed=says["signed"], may_tag=says["may-tag"])
        case ["gh", "run", "list", *_]:
            print(says["runs"])
        case ["gh", "release", "view", tag, *_]:
            return int(not (forge / f"notes-{tag}").exists())
        case ["gh", "release", "create", tag, *rest]:
            assert "--verify-tag" in rest and Repository(forge).has(f"refs/tags/{tag}")
            assert not (forge / f"notes-{tag}").exists()
            (forge / f"notes-{tag}").write_text(sys.stdin.read())
        case ["gh", "attestation", "verify", *_] | ["docker", "buildx", "imagetools", "create", *_]:
            pass
        case ["docker", "buildx", "imagetools", "inspect", _, "--format", shape] if "SBOM" in shape:
            print('{"spdxVersion": "SPDX-2.3"}')
        case ["docker", "buildx", "imagetools", "inspect", *_]:
            print(says["base"])
        case ["docker", "run", *_]:
            print(says["program"])
        case unknown:
            raise AssertionError(unknown)
    return 0


def api(repository: "Repository", words: list[str], *, signed: bool, may_tag: bool) -> int:
    """Answer one request of `gh api`."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("path")
    parser.add_argument("--method")
    parser.add_argument("--paginate", action="store_true")
    parser.add_argument("--input", choices=["-"])
    parser.add_argument("--raw-field", action="append", default=[])
    parser.add_argument("--field", action="append", default=[])
    parser.add_argument("--jq", choices=JQ, default=None)
    asked = parser.parse_args(words)
    body = json.load(sys.stdin) if asked.input else {}
    for field in (*asked.raw_field, *asked.field):
        name, _, value = field.partition("=")
        body[name] = value
    resource = asked.path.removeprefix("repos/OWNER/hf-space/git/")
    match asked.method or ("POST" if body else "GET"), resource.split("/"):
        case "GET", ["matching-refs", *prefix]:
            found = repository.refs("/".join(prefix))
            answer = [{"ref": ref, "object": {"sha": repository.git("rev-parse", ref)}} for ref in found]
        case "GET", ["commits", sha]:
            tree, parent = repository.git("rev-parse", f"{sha}^{{tree}}", f"{sha}^").split()
            answer = {"tree": {"sha": tree}, "parents": [{"sha": parent}], "verification": {"verified": signed}}
        case "POST", ["trees"]:
            answer = {"sha": repository.tree(body["base_tree"], *body["tree"])}
        case "POST", ["commits"]:
            sha = repository.commit(body["tree"], parent=body["parents[]"], message=body["message"])
            answer = {"sha": sha, "verification": {"verified": signed}}
        case "POST", ["refs"] if not may_tag:
            print("gh: Resource not accessible by integration (HTTP 403)", file=sys.stderr)
            return 1
        case "POST", ["refs"] if not repository.has(body["ref"]):
            answer = repository.point(body["ref"], body["sha"])
        case "PATCH", ["refs", *name] if repository.has(f"refs/{'/'.join(name)}") and body["force"] == "true":
            answer = repository.point(f"refs/{'/'.join(name)}", body["sha"])
        case refused:
            print(f"gh: {refused} (HTTP 422)", file=sys.stderr)
            return 1
    print(JQ[asked.jq](answer) if asked.jq else json.dumps(answer))
    return 0


class Repository:
    """What GitHub's API does with a repository, done by git."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def git(self, *words: str, given: str | None = None) -> str:
        """Run git; return what it printed."""
        person = {
            f"GIT_{role}_{what}": "forge@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        environ = os.environ | person | {"GIT_INDEX_FILE": str(self._path / "index")}
        done = subprocess.run(["git", *words], cwd=self._path, env=environ, input=given, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n")

    def refs(self, prefix: str) -> list[str]:
        """Return the references that begin so."""
        return [
            ref for ref in self.git("for-each-ref", "--format=%(refname)").split() if ref.startswith(f"refs/{prefix}")
        ]

    def has(self, ref: str) -> bool:
        """Tell whether there is such a reference."""
        return ref in self.refs("")

    def point(self, ref: str, sha: str) -> dict[str, str]:
        """Make or move a reference."""
        self.git("update-ref", ref, sha)
        return {"ref": ref}

    def tree(self, base: str, blob: dict[str, str]) -> str:
        """Make a tree like another, but for one file."""
        sha = self.git("hash-object", "-w", "--stdin", given=blob["content"])
        self.git("read-tree", base)
        self.git("update-index", "--add", "--cacheinfo", f"{blob['mode']},{sha},{blob['path']}")
        return self.git("write-tree")

    def commit(self, tree: str, *, parent: str, message: str) -> str:
        """Make a commit that no reference points at yet."""
        assert len(parent) == 40  # GitHub takes no names here
        return self.git("commit-tree", tree, "-p", parent, "-m", message)
